"""kill -9 anywhere, then one clean run: raw is byte for byte that of an undisturbed run."""

from __future__ import annotations

import subprocess
import sys
import textwrap

from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.devstack.drills import kill_landing
from data_pipeline.devstack.kafka import KafkaCluster


def test_seeded_kills_leave_raw_as_if_nothing_had_happened(kafka: KafkaCluster, s3_store: S3ObjectStore) -> None:
    kafka.create_topic(kill_landing.TOPIC, partitions=kill_landing.PARTITIONS)
    # A process of its own: the drill forks, and this one has threads.
    script = textwrap.dedent(
        f"""
        import os
        from data_pipeline.common.object_store import S3ObjectStore
        from data_pipeline.devstack.drills import kill_landing as drill
        place = dict(endpoint_url={s3_store.endpoint_url!r}, credentials={s3_store.credentials!r}, prefix={s3_store.prefix!r})
        store = S3ObjectStore({s3_store.bucket!r}, **place)
        if os.fork() == 0:
            drill.fill_topic({kafka.bootstrap_servers!r})
            os._exit(0)
        os.wait()
        report = drill.run_kills({kafka.bootstrap_servers!r}, store, count=5, seed=20260314)
        assert report.kills == 5 and not report.wrong, report
        print(report.kills)
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "5"), done.stderr
