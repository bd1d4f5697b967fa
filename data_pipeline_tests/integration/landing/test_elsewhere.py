"""The same unit of work planned for, and landed by, workers elsewhere: the objects are those of a local run, byte for byte."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

import pytest

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.common.windows import Hour
from data_pipeline.landing import Chunk, plan_chunks, utc_now
from data_pipeline.landing.aws_lambda import LandingHandler
from data_pipeline_tests.integration.landing.conftest import MakeTopic
from data_pipeline_tests.integration.landing.support import H9, Record, Topic, ms


class Context:
    """AWS Lambda's context, with a clock that the test sets."""

    def __init__(self, *remaining_s: float) -> None:
        self._remaining_s = list(remaining_s)

    def get_remaining_time_in_millis(self) -> int:
        return int(1000 * (self._remaining_s.pop(0) if len(self._remaining_s) > 1 else self._remaining_s[0]))


@pytest.fixture
def topic(make_topic: MakeTopic) -> Topic:
    topic = make_topic(partitions=2)
    for partition in range(2):
        topic.send([Record(b"v%d" % n, ms(H9, 1) + n, partition, key=b"k", headers=(("h", b"1"),)) for n in range(350)])
    return topic


def _plan(topic: Topic) -> list[Chunk]:
    return plan_chunks(topic.source, topic.kafka, topic.store, hours=[H9], chunk_rows=100)


def _local_objects(topic: Topic) -> dict[str, bytes]:
    """What a local run of the same hour writes, into a store of its own."""
    own = Topic(
        topic.kafka["bootstrap.servers"], topic.name, type(topic.store)(**{**_fields(topic.store), "prefix": topic.store.prefix + "local/"})
    )
    own.land()
    return own.raw_objects()


def _fields(store: Any) -> dict[str, Any]:
    return {name: value for name, value in store.__dict__.items() if not name.startswith("_")}


def test_a_lambda_lands_the_plan_and_the_local_run_only_closes(topic: Topic) -> None:
    plan = _plan(topic)
    assert [chunk.offsets.object_name for chunk in plan][:4] == [
        "0-0-99.parquet",
        "0-100-199.parquet",
        "0-200-299.parquet",
        "0-300-349.parquet",
    ]
    event = json.loads(json.dumps({"chunks": [chunk.to_json() for chunk in plan]}))
    answer = json.loads(json.dumps(LandingHandler(topic.kafka, topic.store)(event, Context(60))))
    assert (len(answer["landed"]), answer["unfinished"], answer["failed"]) == (8, [], [])
    assert _plan(topic) == []
    seen = []
    topic.land(progress=seen.append)
    assert seen == []
    assert topic.raw_objects() == _local_objects(topic)
    assert len(topic.rows()) == 700


def test_the_function_that_aws_calls_is_configured_by_its_environment(
    topic: Topic, s3_bucket_store: S3ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`data_pipeline.lambda_entry.handler`, with JSON in and JSON out as Lambda's runtime hands it over."""
    from data_pipeline import lambda_entry

    store = topic.store = s3_bucket_store
    assert store.credentials is not None
    variables = {
        "DATA_PIPELINE_KAFKA_BOOTSTRAP_SERVERS": topic.kafka["bootstrap.servers"],
        "DATA_PIPELINE_S3_ENDPOINT_URL": store.endpoint_url,
        "DATA_PIPELINE_S3_BUCKET": store.bucket,
        "AWS_ACCESS_KEY_ID": store.credentials[0],
        "AWS_SECRET_ACCESS_KEY": store.credentials[1],
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    event = json.dumps({"chunks": [chunk.to_json() for chunk in _plan(topic)]})
    lambda_entry._handler.cache_clear()
    try:
        answer = json.loads(json.dumps(lambda_entry.handler(json.loads(event), Context(60))))
    finally:
        lambda_entry._handler.cache_clear()
    assert (len(answer["landed"]), answer["unfinished"], answer["failed"]) == (8, [], [])
    topic.land()
    assert topic.raw_objects() == _local_objects(topic)


def test_a_lambda_returns_what_it_has_no_time_for(topic: Topic) -> None:
    event = {"chunks": [chunk.to_json() for chunk in _plan(topic)]}
    handler = LandingHandler(topic.kafka, topic.store)
    answer = handler(event, Context(60, 60, 60, 4))
    assert len(answer["landed"]) == 3
    assert answer["unfinished"] == event["chunks"][3:]
    rest = handler({"chunks": answer["unfinished"]}, Context(60))
    assert len(rest["landed"]) == 5
    topic.land()
    assert topic.raw_objects() == _local_objects(topic)


def test_a_lambda_reports_a_chunk_that_fails_and_lands_the_others(topic: Topic) -> None:
    plan = _plan(topic)
    topic.delete_records(150, partition=1)
    answer = LandingHandler(topic.kafka, topic.store)({"chunks": [chunk.to_json() for chunk in plan]}, Context(60))
    assert len(answer["landed"]) == 6
    assert ["no longer holds offsets" in item["error"] for item in answer["failed"]] == [True, True]
    other = Chunk.from_json({**plan[0].to_json(), "topic_id": "another"})
    answer = LandingHandler(topic.kafka, topic.store)({"chunks": [other.to_json()]}, Context(60))
    assert "deleted and created again" in answer["failed"][0]["error"]
    with pytest.raises(PermanentError, match="no list `chunks`"):
        LandingHandler(topic.kafka, topic.store)({"Records": []}, Context(60))


def test_the_plan_of_an_open_hour_has_full_chunks_only(make_topic: MakeTopic) -> None:
    topic = make_topic()
    hour = Hour.containing(utc_now())
    topic.send([Record(b"%d" % n, ms(hour) + n) for n in range(250)])
    topic.send([Record(b"of the next hour", ms(hour.next))] + [Record(b"x", ms(hour, 1))] * 200)
    plan = plan_chunks(topic.source, topic.kafka, topic.store, now=lambda: hour.start + timedelta(minutes=30), chunk_rows=100)
    assert [(chunk.offsets.first, chunk.offsets.last) for chunk in plan] == [(0, 99), (100, 199)]
    assert {chunk.hour for chunk in plan} == {hour}


def test_spark_tasks_land_the_same_objects(topic: Topic) -> None:
    from pyspark.sql import SparkSession

    from data_pipeline.landing.spark_tasks import land_with_spark

    is_ours = SparkSession.getActiveSession() is None
    spark = (
        SparkSession.builder.master("local[2]")
        .appName("land")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "512m")
        .getOrCreate()
    )
    spark.sparkContext.pythonExec = sys.executable
    try:
        landed = land_with_spark(spark, _plan(topic), topic.kafka, topic.store)
    finally:
        if is_ours:  # other tests want a session with jars
            spark.stop()
    assert sum(chunk.landed for chunk in landed) == 700
    assert _plan(topic) == []
    topic.land()
    assert topic.raw_objects() == _local_objects(topic)
