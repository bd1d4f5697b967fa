"""Both ways of reading messages give the same rows, whatever the records are, and both ask Kafka for the same care."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, KafkaError

from data_pipeline.landing import native_library
from data_pipeline.landing.blocks import BlockBuilder
from data_pipeline.landing.kafka_client import BrokerErrors, Clients
from data_pipeline.landing.message_source import MessageSource
from data_pipeline.landing.native_source import NativeSource
from data_pipeline.landing.plain_source import PlainSource
from data_pipeline_tests.integration.landing.conftest import MakeTopic
from data_pipeline_tests.integration.landing.support import H9, Record, Topic, ms

RECORDS = [
    Record(b"plain", ms(H9), key=b"k", headers=(("schema_version", b"1"),)),
    Record(None, ms(H9), key=b"tombstone"),
    Record(b"", ms(H9), key=b"", headers=(("", b""), ("twice", None), ("twice", b"\x00\xff"))),
    Record(b"\xff\xfe no text \x00", 0, key=None),
    Record(b"x" * 300_000, ms(H9, 3), headers=(("ключ", "значение".encode()),)),
    *(Record(b"%d" % n, ms(H9) + n, key=b"key %d" % n, headers=(("n", b"%d" % n),)) for n in range(500)),
]


def _config(topic: Topic) -> dict[str, object]:
    return Clients(topic.kafka).consumer_config(BrokerErrors())


def _read_all(source: MessageSource, topic: Topic, end: int) -> tuple[list[dict[str, object]], list[tuple[int, int]]]:
    builder, blocks, events, position = BlockBuilder(0), [], [], 0
    source.assign(topic.name, 0, 0)
    while position < end or not events:
        rows, found = source.read(70, 0.2)
        events += [(event.error.code(), event.offset) for event in found]
        if rows is not None:
            blocks += builder.append(rows)
            position = int(rows.offsets[-1]) + 1
    source.close()
    return [row for block in [*blocks, *builder.rest()] for row in block.batch.to_pylist()], events


def test_both_ways_give_the_same_rows(make_topic: MakeTopic) -> None:
    library = native_library.load()
    if library is None:
        pytest.skip("this platform's confluent-kafka brings no librdkafka of its own")
    topic = make_topic()
    topic.send(RECORDS)
    native, native_events = _read_all(NativeSource(library, _config(topic)), topic, len(RECORDS))
    plain, plain_events = _read_all(PlainSource(Consumer(_config(topic))), topic, len(RECORDS))
    assert native == plain
    assert native_events == plain_events == [(KafkaError._PARTITION_EOF, len(RECORDS))]
    assert [row["value"] for row in native] == [record.value for record in RECORDS]
    assert [row["key"] for row in native] == [record.key for record in RECORDS]
    assert [[(item["key"], item["value"]) for item in row["headers"]] for row in native] == [list(record.headers) for record in RECORDS]


def test_defaults_of_librdkafka_that_hide_trouble_are_overridden(make_topic: MakeTopic) -> None:
    config = _config(make_topic())
    assert (config["auto.offset.reset"], config["check.crcs"], config["enable.auto.commit"]) == ("error", True, False)
    assert native_library.is_possible(config)
    assert not native_library.is_possible({**config, "oauth_cb": lambda _: ("token", 0.0)})
