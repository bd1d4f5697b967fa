"""A boundary written by two processes at once, over the real store: one decision, the same for both, and neighbours in order."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

from data_pipeline_tests.integration.landing.conftest import MakeTopic
from data_pipeline_tests.integration.landing.support import H9, H10, Record, Topic, ms

PROCESSES = 4


def _script(topic: Topic) -> str:
    place = {key: getattr(topic.store, key) for key in ("endpoint_url", "credentials", "prefix")}
    return textwrap.dedent(
        f"""
        import json, sys
        from datetime import timedelta
        from data_pipeline.common.object_store import S3ObjectStore
        from data_pipeline.common.windows import Hour
        from data_pipeline.landing import utc_now
        from data_pipeline.landing.hour_cut import cut_hour
        from data_pipeline.landing.ledger import Ledger
        from data_pipeline.landing.topic_log import TopicLog
        log = TopicLog({topic.kafka!r}, {topic.name!r})
        identity, store = log.describe(), S3ObjectStore({topic.store.bucket!r}, **{place!r})
        store.find("nothing")  # connections stand before the start
        sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
        found = {{}}
        for text in sys.argv[1:]:
            cut = cut_hour(Ledger(store, {topic.name!r}), log, identity, Hour.parse(text), utc_now, 100)
            found[text] = [cut.start.offset(0), cut.end.offset(0)]
        print(json.dumps(found))
        """
    )


def test_a_boundary_written_by_several_processes_at_once(make_topic: MakeTopic) -> None:
    topic = make_topic()
    topic.send([Record(b"%d" % n, ms(H9, n % 60)) for n in range(120)] + [Record(b"later", ms(H10, 1))] * 5)
    hours = [str(H9), str(H10)]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _script(topic), *(hours if number % 2 else hours[::-1])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    answers = []
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        out, _ = process.communicate(timeout=60)
        answers.append(json.loads(out))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][hours[0]][1] == answers[0][hours[1]][0]
    topic.land()
    topic.land(H10)
    assert topic.values() + topic.values(H10) == [(n, b"%d" % n) for n in range(120)] + [(n, b"later") for n in range(120, 125)]
