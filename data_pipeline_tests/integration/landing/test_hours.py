"""Which offset belongs to which hour, on a real broker."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from data_pipeline.common.errors import PermanentError
from data_pipeline_tests.integration.landing.conftest import MakeTopic
from data_pipeline_tests.integration.landing.support import H8, H9, H10, Record, Topic, ms


def _records(hour_minutes: list[tuple], start: int = 0) -> list[Record]:
    return [Record(b"v%d" % (start + n), ms(hour, minute)) for n, (hour, minute) in enumerate(hour_minutes)]


def test_every_byte_of_a_record_lands(make_topic: MakeTopic) -> None:
    topic = make_topic()
    sent = [
        Record(b'{"a":1}', ms(H9, 1), key=b"k", headers=(("schema_version", b"1"),)),
        Record(None, ms(H9, 2), key=b"tombstone"),
        Record(b"", ms(H9, 3)),
        Record(b"\xff\xfe\x00", ms(H9, 4), key=b"\xff", headers=(("a", None), ("a", b"\x00"), ("", b""))),
        Record(b"x" * 200_000, ms(H9, 5)),
    ]
    topic.send(sent)
    landed = topic.land()
    assert landed.is_closed
    rows = topic.rows()
    assert [(row["partition"], row["offset"], row["key"], row["value"]) for row in rows] == [
        (0, n, record.key, record.value) for n, record in enumerate(sent)
    ]
    assert [row["received_at"] for row in rows] == [datetime.fromtimestamp(record.timestamp / 1000, UTC) for record in sent]
    assert [[(item["key"], item["value"]) for item in row["headers"]] for row in rows] == [list(record.headers) for record in sent]


def test_out_of_order_and_equal_timestamps_cut_at_the_first_record_of_the_next_hour(make_topic: MakeTopic) -> None:
    topic = make_topic()
    topic.send(_records([(H9, 5), (H9, 50), (H10, 0), (H9, 10), (H10, 0), (H9, 20)]))
    topic.land(H9)
    topic.land(H10)
    assert topic.values(H9) == [(0, b"v0"), (1, b"v1")]
    assert topic.values(H10) == [(2, b"v2"), (3, b"v3"), (4, b"v4"), (5, b"v5")]


def test_the_first_hour_starts_at_the_log_start_and_says_so(make_topic: MakeTopic) -> None:
    topic = make_topic()
    topic.send(_records([(H8, 5), (H8, 6), (H9, 5), (H10, 1)]))
    topic.delete_records(1)
    landed = topic.land(H9)
    assert topic.equation(H9) == (1, 3, 2, 0)
    assert [proof.is_start_known for proof in landed.partitions] == [False]
    assert [proof.is_start_known for proof in topic.land(H10).partitions] == [True]
    # What the first hour took is not given to an earlier one.
    topic.land(H8)
    assert topic.equation(H8) == (1, 1, 0, 0)


def test_an_empty_topic_publishes_an_empty_hour(make_topic: MakeTopic) -> None:
    topic = make_topic(partitions=2)
    landed = topic.land()
    assert landed.is_closed
    assert topic.manifest().entries == []
    assert topic.equation(partition=1) == (0, 0, 0, 0)


def test_an_idle_partition_and_one_message(make_topic: MakeTopic) -> None:
    topic = make_topic(partitions=3)
    topic.send([Record(b"only", ms(H9, 30), partition=1)])
    topic.land()
    assert topic.values(partition=1) == [(0, b"only")]
    assert [topic.equation(partition=p) for p in range(3)] == [(0, 0, 0, 0), (0, 1, 1, 0), (0, 0, 0, 0)]


def test_a_topic_that_does_not_exist_is_an_error_that_names_it(make_topic: MakeTopic) -> None:
    there = make_topic()
    topic = Topic(there.kafka["bootstrap.servers"], "no-such-topic", there.store)
    with pytest.raises(PermanentError, match="'no-such-topic' does not exist"):
        topic.land()


def test_landing_twice_changes_nothing(make_topic: MakeTopic) -> None:
    topic = make_topic(partitions=2)
    topic.send([Record(b"%d" % n, ms(H9, n % 60), partition=n % 2) for n in range(500)])
    first = topic.land()
    objects = topic.raw_objects()
    second = topic.land(run_id="another")
    assert topic.raw_objects() == objects
    assert second.manifest == first.manifest
    assert {entry.key for entry in topic.manifest().entries} == set(objects)
    assert len(topic.rows()) == 500
