"""The proof and the lag, against a real broker and store."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from data_pipeline.common.windows import Hour
from data_pipeline.landing import NotPublishedError, PartitionProof, measure_lag, prove_hour, utc_now
from data_pipeline_tests.integration.landing.conftest import MakeTopic
from data_pipeline_tests.integration.landing.support import H9, H10, Record, Topic, ms


def _prove(topic: Topic, hour: Hour = H9, **options) -> PartitionProof:
    (proof,) = prove_hour(topic.source, hour, topic.kafka, topic.store, **options)
    return proof


@pytest.fixture
def landed(make_topic: MakeTopic) -> Topic:
    topic = make_topic()
    topic.send([Record(b"value %d" % n, ms(H9, 1)) for n in range(250)])
    topic.transaction([Record(b"aborted", ms(H9, 2))] * 5, commit=False)
    topic.land()
    return topic


def test_kafka_is_the_evidence_while_it_has_the_offsets(landed: Topic) -> None:
    proof = _prove(landed)
    assert (proof.evidence, proof.start, proof.end, proof.landed, proof.control_or_gap, proof.difference) == ("kafka", 0, 256, 250, 6, 0)
    assert proof.is_exact
    assert set(proof.digests or {}) == set(landed.raw_objects())


def test_the_manifest_is_the_evidence_once_kafka_deleted_the_records(landed: Topic) -> None:
    landed.delete_records(256)
    proof = _prove(landed)
    assert (proof.evidence, proof.landed, proof.control_or_gap, proof.difference) == ("manifest", 250, 6, 0)
    landed.land(run_id="again")  # closed and whole: there is nothing to read
    assert len(landed.rows()) == 250


def test_part_of_the_evidence_may_be_deleted(landed: Topic) -> None:
    landed.delete_records(120)
    proof = _prove(landed)
    assert (proof.evidence, proof.landed, proof.control_or_gap, proof.difference) == ("kafka and manifest", 250, 6, 0)


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_missing_object_is_a_difference(landed: Topic, is_deleted: bool) -> None:
    if is_deleted:
        landed.delete_records(256)
    key = sorted(landed.raw_objects())[0]
    landed.store.delete(key)
    proof = _prove(landed)
    assert proof.difference == 100
    assert any("is missing" in note for note in proof.notes)


def test_an_altered_object_is_found(landed: Topic) -> None:
    objects = landed.raw_objects()
    first, second = sorted(objects)[:2]
    landed.store.put(first, objects[second])
    assert not _prove(landed).is_exact
    landed.store.put(first, objects[first][:-10])
    proof = _prove(landed)
    assert not proof.is_exact
    assert any("digest differs" in note for note in proof.notes)


def test_a_missing_object_is_landed_again(landed: Topic) -> None:
    objects = landed.raw_objects()
    landed.store.delete(sorted(objects)[1])
    landed.land(run_id="repair")
    assert landed.raw_objects() == objects
    assert _prove(landed).is_exact


def test_an_hour_that_is_not_published_has_no_proof(landed: Topic) -> None:
    with pytest.raises(NotPublishedError, match="data-pipeline land --source web --window 2026-03-14T10"):
        _prove(landed, H10)


def test_lag_is_the_age_of_the_first_record_that_has_not_landed(make_topic: MakeTopic) -> None:
    topic = make_topic(partitions=2, config={"retention.ms": str(7 * 86_400_000)})
    hour = Hour.containing(utc_now() - timedelta(hours=3))
    topic.send([Record(b"old", ms(hour, 1, n % 60)) for n in range(10)])
    (before, idle) = measure_lag(topic.source, topic.kafka, topic.store)
    truth = time.time() - ms(hour, 1) / 1000
    assert before.lag_s == pytest.approx(truth, abs=1)
    assert (before.first_not_landed, before.log_end, before.offsets_behind, before.lost_offsets) == (0, 10, 10, 0)
    assert before.retention_left_s == pytest.approx(7 * 86400 - truth, abs=1)
    assert (idle.lag_s, idle.offsets_behind, idle.retention_left_s) == (0.0, 0, None)

    topic.land(hour)
    sent_at = time.time() - 30
    topic.send([Record(b"new", int(sent_at * 1000)), Record(b"newer", int(sent_at * 1000) + 20_000)])
    (after, _) = measure_lag(topic.source, topic.kafka, topic.store)
    assert after.lag_s == pytest.approx(time.time() - sent_at, abs=1)
    assert (after.first_not_landed, after.offsets_behind) == (10, 2)
    assert after.rate_per_s == pytest.approx(2 / 300)


def test_lag_goes_on_from_the_chunks_of_the_open_hour(make_topic: MakeTopic) -> None:
    topic = make_topic()
    now = utc_now()
    topic.send([Record(b"%d" % n, int(now.timestamp() * 1000) - 10_000 + n) for n in range(150)])
    landed = topic.land(Hour.containing(now - timedelta(seconds=10)))
    if landed.is_closed:
        pytest.skip("the hour ended during the test")
    (lag,) = measure_lag(topic.source, topic.kafka, topic.store)
    assert (landed.object_count, lag.first_not_landed, lag.offsets_behind) == (1, 100, 50)


def test_what_kafka_deleted_before_it_landed_is_counted_as_lost(make_topic: MakeTopic) -> None:
    topic = make_topic()
    topic.send([Record(b"a", ms(H9, 1))])
    topic.land()
    topic.send([Record(b"b", ms(H10, n % 60)) for n in range(20)])
    topic.delete_records(8)
    (lag,) = measure_lag(topic.source, topic.kafka, topic.store)
    assert (lag.first_not_landed, lag.lost_offsets, lag.offsets_behind) == (1, 7, 20)
