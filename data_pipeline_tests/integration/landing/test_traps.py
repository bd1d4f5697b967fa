"""Everything that has made other landing tools lose or double records, on a real broker; content is asserted, not existence."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, ConfigEntry, ConfigResource, NewPartitions

from data_pipeline.common.errors import LostOffsetsError, PermanentError, TransientError
from data_pipeline.common.windows import Hour
from data_pipeline.devstack.kafka import KafkaCluster
from data_pipeline.landing import utc_now
from data_pipeline.landing.ledger import Ledger
from data_pipeline_tests.integration.landing.conftest import MakeTopic
from data_pipeline_tests.integration.landing.support import H8, H9, H10, Record, Topic, ms

YEAR_2100 = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp() * 1000)


def _run(values: range, hour: Hour = H9, partition: int = 0) -> list[Record]:
    return [Record(b"v%d" % n, ms(hour, 1) + n, partition) for n in values]


def _expected(values: range, first: int = 0) -> list[tuple[int, bytes]]:
    return [(first + n, b"v%d" % value) for n, value in enumerate(values)]


# Timestamps


def test_a_future_timestamp_never_moves_a_boundary(make_topic: MakeTopic) -> None:
    topic = make_topic()
    topic.send(
        [*_run(range(3), H8), Record(b"2100", YEAR_2100), *_run(range(3, 6), H9), Record(b"2100", YEAR_2100), *_run(range(6, 9), H10)]
    )
    for hour in (H8, H9, H10):
        topic.land(hour)
    assert topic.values(H8) == [(0, b"v0"), (1, b"v1"), (2, b"v2"), (3, b"2100")]
    assert topic.values(H9) == [(4, b"v3"), (5, b"v4"), (6, b"v5"), (7, b"2100")]
    assert topic.values(H10) == [(8, b"v6"), (9, b"v7"), (10, b"v8")]
    assert topic.rows(H8)[3]["received_at"] == datetime(2100, 1, 1, tzinfo=UTC)


def test_ancient_and_zero_timestamps_land_with_their_offset_neighbours(make_topic: MakeTopic) -> None:
    topic = make_topic()
    topic.send([Record(b"v0", ms(H9, 1)), Record(b"ancient", 1), Record(b"v2", ms(H9, 2)), Record(b"v3", ms(H10, 2))])
    topic.land()
    assert topic.values() == [(0, b"v0"), (1, b"ancient"), (2, b"v2")]
    assert topic.rows()[1]["received_at"] == datetime.fromtimestamp(0.001, UTC)


def test_a_topic_that_switches_between_create_time_and_log_append_time(make_topic: MakeTopic) -> None:
    topic = make_topic()
    topic.send(_run(range(3)))
    admin = AdminClient(topic.kafka)
    for kind, values in (("LogAppendTime", range(3, 6)), ("CreateTime", range(6, 9))):
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic.name, incremental_configs=[_set("message.timestamp.type", kind)])
        admin.incremental_alter_configs([resource])[resource].result(20)
        time.sleep(0.5)
        topic.send(_run(values))
    now = utc_now()
    topic.land()
    # The records that the broker stamped belong to the present; what comes after them in the log does too.
    assert topic.values() == _expected(range(3))
    assert topic.equation() == (0, 3, 3, 0)
    if now < Hour.containing(now).end:
        topic.land(Hour.containing(now), now=lambda: Hour.containing(now).end)
        assert topic.values(Hour.containing(now)) == _expected(range(3, 9), first=3)


def test_a_record_that_is_hours_late_lands_in_the_hour_in_which_it_came(make_topic: MakeTopic) -> None:
    topic = make_topic()
    topic.send([*_run(range(2), H9), *_run(range(2, 4), H10), Record(b"late", ms(H9, 59)), *_run(range(5, 6), H10)])
    topic.land(H9)
    topic.land(H10)
    assert topic.values(H9) == _expected(range(2))
    assert topic.values(H10) == [(2, b"v2"), (3, b"v3"), (4, b"late"), (5, b"v5")]


# Offsets without a record


def test_a_control_record_as_the_last_offset(make_topic: MakeTopic) -> None:
    topic = make_topic()
    topic.transaction(_run(range(5)))
    topic.land()
    assert topic.equation() == (0, 6, 5, 1)
    assert topic.values() == _expected(range(5))


def test_an_aborted_transaction_inside_and_at_the_end(make_topic: MakeTopic) -> None:
    topic = make_topic()
    topic.send(_run(range(3)))
    topic.transaction([Record(b"aborted", ms(H9, 2))] * 4, commit=False)
    topic.send(_run(range(8, 10)))
    topic.transaction([Record(b"aborted", ms(H9, 2))] * 4, commit=False)
    topic.land()
    assert topic.equation() == (0, 15, 5, 10)
    assert topic.values() == [*_expected(range(3)), (8, b"v8"), (9, b"v9")]


def test_a_control_record_between_hours_does_not_end_the_hour_early(make_topic: MakeTopic) -> None:
    """A commit marker carries the broker's clock: for a past hour, a look-up by timestamp alone would stop there."""
    topic = make_topic()
    topic.transaction(_run(range(5)))
    topic.transaction(_run(range(6, 9)))
    topic.send(_run(range(10, 12), H10))
    topic.land(H9)
    topic.land(H10)
    assert topic.equation(H9) == (0, 10, 8, 2)
    assert topic.values(H9) == [*_expected(range(5)), *_expected(range(6, 9), first=6)]
    assert topic.values(H10) == _expected(range(10, 12), first=10)


def test_an_open_transaction_is_waited_for_then_fails_and_shortens_nothing(make_topic: MakeTopic) -> None:
    topic = make_topic()
    producer = Producer({**topic.kafka, "transactional.id": topic.name, "transaction.timeout.ms": 60_000})
    producer.init_transactions(20)
    producer.begin_transaction()
    topic.send(_run(range(3)), producer)
    topic.send([Record(b"after", ms(H9, 5)), Record(b"next hour", ms(H10, 1))])
    with pytest.raises(TransientError, match=r"A transaction is open .* last stable offset 0 is below the hour's end 4"):
        topic.land(wait_s=0.5)
    assert topic.raw_objects() == {}
    assert not list(topic.store.list("raw/"))
    timer = threading.Timer(1.0, lambda: producer.commit_transaction(20))
    timer.start()
    topic.land(wait_s=20)
    timer.join()
    assert topic.values() == [*_expected(range(3)), (3, b"after")]


def test_gaps_by_compaction(make_topic: MakeTopic) -> None:
    topic = make_topic(
        config={"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "100", "max.compaction.lag.ms": "200"}
    )
    for n in range(12):
        topic.send([Record(b"v%d" % n, ms(H9, 1) + n, key=b"same")])
        time.sleep(0.12)
    topic.send([Record(b"last", ms(H9, 30), key=b"other")])
    deadline = time.monotonic() + 60
    while len(_visible(topic)) > 8 and time.monotonic() < deadline:
        time.sleep(0.5)
        topic.send([Record(b"roll", ms(H10, 1), key=b"roll")])
    visible = [offset for offset in _visible(topic) if offset < 13]
    if len(visible) == 13:
        pytest.skip("the broker did not compact in time")
    topic.land()
    start, end, landed, gaps = topic.equation()
    assert (start, end, landed) == (0, 13, len(topic.values()))
    assert landed + gaps == 13
    assert gaps >= 1
    assert topic.values()[-1] == (12, b"last")


# Deletion


def test_records_deleted_before_they_landed_are_an_error_with_the_range(make_topic: MakeTopic) -> None:
    topic = make_topic()
    topic.send(_run(range(2), H8))
    topic.land(H8)
    topic.send(_run(range(2, 500)))
    topic.delete_records(350)
    with pytest.raises(LostOffsetsError) as caught:
        topic.land()
    assert (caught.value.topic, caught.value.partition, caught.value.first, caught.value.last) == (topic.name, 0, 2, 349)
    assert "offsets 2 to 349 (348 offsets)" in str(caught.value)
    assert not [item.key for item in topic.store.list("raw/date=2026-03-14/hour=09")]


def test_records_deleted_while_they_are_read(make_topic: MakeTopic) -> None:
    """All chunks but the first are deleted when the first has landed: the error names what is missing, what landed stays."""
    topic = make_topic()
    topic.send([Record(b"%d" % n + b"x" * 50_000, ms(H9, 1)) for n in range(400)])
    deleted = threading.Event()

    def delete(_: object) -> None:
        if not deleted.is_set():
            topic.delete_records(390)
            deleted.set()

    lost: LostOffsetsError | None = None
    try:
        topic.land(worker_count=1, chunk_rows=20, progress=delete)
    except LostOffsetsError as error:
        lost = error
    if lost is None:  # librdkafka had fetched it all before the deletion: then all of it is there
        assert len(topic.values()) == 400
        return
    landed = {offset for key in topic.raw_objects() for offset in _offsets_of(key)}
    assert (lost.first, lost.last) == (max(landed) + 1, 389)
    assert not [item for item in topic.store.list("raw/") if item.key.endswith(".json")]


def test_what_landed_while_the_hour_was_open_is_not_needed_from_kafka(make_topic: MakeTopic) -> None:
    topic = make_topic()
    now = utc_now()
    hour = Hour.containing(now)
    stamp = ms(hour)
    topic.send([Record(b"v%d" % n, stamp + n) for n in range(250)])
    assert not topic.land(hour, now=lambda: hour.start).is_closed
    before = topic.raw_objects()
    assert sorted(before) == [f"raw/{hour.path}/source=web/0-0-99.parquet", f"raw/{hour.path}/source=web/0-100-199.parquet"]
    topic.delete_records(200)
    topic.land(hour, now=lambda: hour.end)
    assert topic.values(hour) == _expected(range(250))
    assert before.items() <= topic.raw_objects().items()


@pytest.mark.parametrize("again", [3, 10, 20])
def test_a_topic_deleted_and_made_again_is_found_by_its_id(make_topic: MakeTopic, kafka: KafkaCluster, again: int) -> None:
    topic = make_topic()
    topic.send(_run(range(10)))
    topic.land()
    admin = AdminClient(topic.kafka)
    old = Ledger(topic.store, topic.name).get(H9.start)
    assert old is not None
    admin.delete_topics([topic.name])[topic.name].result(20)
    time.sleep(1)
    kafka.create_topic(topic.name, partitions=1)
    topic.send([Record(b"other %d" % n, ms(H10, 1)) for n in range(again)])
    for hour in (H9, H10):
        with pytest.raises(PermanentError, match="deleted and created again") as caught:
            topic.land(hour)
        assert old.topic_id in str(caught.value)
    assert topic.values() == _expected(range(10))


# Partitions


def test_partitions_added_within_the_hour_start_at_zero(make_topic: MakeTopic) -> None:
    topic = make_topic()
    topic.send(_run(range(3), H8))
    topic.land(H8)
    admin = AdminClient(topic.kafka)
    admin.create_partitions([NewPartitions(topic.name, 2)])[topic.name].result(20)
    time.sleep(1)
    topic.send([*_run(range(3, 5), H9), *_run(range(4), H9, partition=1), *_run(range(1), H10, partition=1)])
    topic.land(H9)
    assert topic.values(H9) == _expected(range(3, 5), first=3)
    assert topic.values(H9, partition=1) == _expected(range(4))
    assert topic.equation(H9, 1) == (0, 4, 4, 0)


# Runs at once


def test_two_runs_of_the_same_hour_at_once(make_topic: MakeTopic) -> None:
    topic = make_topic(partitions=2)
    topic.send([*_run(range(300)), *_run(range(300), partition=1)])
    outcomes: list[object] = []

    def land(run_id: str) -> None:
        try:
            outcomes.append(topic.land(run_id=run_id).manifest)
        except Exception as error:
            outcomes.append(error)

    threads = [threading.Thread(target=land, args=(f"run-{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(outcome == topic.manifest() for outcome in outcomes), outcomes
    assert topic.values() == _expected(range(300))
    assert topic.values(partition=1) == _expected(range(300))
    assert {entry.key for entry in topic.manifest().entries} == set(topic.raw_objects())


def test_a_stale_run_that_resumes_after_a_newer_one_finished(make_topic: MakeTopic) -> None:
    topic = make_topic()
    topic.send(_run(range(300)))
    is_first = threading.Event()

    def pause(_: object) -> None:
        if not is_first.is_set():
            is_first.set()
            topic.land(run_id="newer")

    topic.land(run_id="stale", worker_count=1, progress=pause)
    assert topic.manifest().run_id == "newer"
    assert topic.values() == _expected(range(300))


def _set(name: str, value: str) -> ConfigEntry:
    from confluent_kafka.admin import AlterConfigOpType

    return ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)


def _visible(topic: Topic) -> list[int]:
    from data_pipeline.landing.kafka_client import Clients
    from data_pipeline.landing.range_reader import RangeReader

    with RangeReader(Clients(topic.kafka)) as reader:
        reader.seek(topic.name, 0, 0)
        return [int(offset) for rows in reader.batches(topic.log_end()) for offset in rows.offsets]


def _offsets_of(key: str) -> range:
    _, first, last = key.rsplit("/", 1)[-1].removesuffix(".parquet").split("-")
    return range(int(first), int(last) + 1)
