"""`data-pipeline generate` against a real broker: what Kafka holds is what the command says it sent."""

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from confluent_kafka import TIMESTAMP_CREATE_TIME, Consumer, TopicPartition

from data_pipeline.commands.generate import command
from data_pipeline.common.errors import TransientError
from data_pipeline.devstack.generator.topics import partition_counts, topic_warnings
from data_pipeline.landing import native_library
from data_pipeline.settings import Settings

SOURCES = ("web", "server")


@pytest.fixture
def sources_file(tmp_path, monkeypatch, topic, kafka):
    """Two sources with topics of this test; web's exists with 4 partitions, server's does not exist."""
    blocks = {"web": topic, "server": f"{topic}-server"}
    path = tmp_path / "sources.yaml"
    described = {name: {"topic": name_of_topic, "contract": "product_event", "owner": "team:t"} for name, name_of_topic in blocks.items()}
    path.write_text(json.dumps({"sources": described}))
    monkeypatch.setenv("DATA_PIPELINE_SOURCES_FILE", str(path))
    monkeypatch.setenv("DATA_PIPELINE_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("DATA_PIPELINE_KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    return blocks


def generate(*arguments):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return json.loads(result.stdout)


def read(kafka, topic):
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "unused", "enable.auto.commit": False})
    try:
        partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
        messages = []
        for partition in partitions:
            end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=20)[1]
            consumer.assign([TopicPartition(topic, partition, 0)])
            found = []
            while len(found) < end:
                found += consumer.consume(min(1000, end - len(found)), timeout=20)
            messages += found
        return messages, len(partitions)
    finally:
        consumer.close()


@pytest.mark.parametrize("is_native", [True, False])
def test_kafka_holds_what_was_sent_with_its_time_key_and_header(kafka, sources_file, monkeypatch, is_native):
    """Both ways into Kafka: straight into librdkafka, and record by record where its library is not known."""
    if is_native:
        assert native_library.load() is not None
    else:
        monkeypatch.setattr(native_library, "load", lambda: None)
    document = generate(
        "--day", "2026-03-17", "--events", 3000, "--fault-rate", 0.05, "--real", "--sources", ",".join(SOURCES), "--partitions", 3, "--json"
    )
    assert document["warnings"] == []
    for source in SOURCES:
        messages, partition_count = read(kafka, sources_file[source])
        assert partition_count == (4 if source == "web" else 3)
        assert all(message.error() is None for message in messages)
        assert len(messages) == document["by_source"][source]["records"]
        assert {tuple(message.headers()) for message in messages} == {(("schema_version", b"1"),)}
        hours = Counter()
        by_partition = defaultdict(list)
        for message in messages:
            kind, timestamp = message.timestamp()
            assert kind == TIMESTAMP_CREATE_TIME
            by_partition[message.partition()].append(timestamp)
            hours[timestamp // 3_600_000] += 1
        assert all(timestamps == sorted(timestamps) for timestamps in by_partition.values())
        assert len(by_partition) == partition_count
        assert sorted(hours.values()) == sorted(
            row["records"] for row in document["arrivals"] if row["source"] == source and row["records"]
        )
        if source == "web":
            assert any(message.value() is None for message in messages)


def test_a_second_run_appends_the_same_records(kafka, sources_file):
    arguments = ("--day", "2026-03-14", "--events", 400, "--sources", "web", "--json")
    generate(*arguments)
    generate(*arguments)
    messages, _ = read(kafka, sources_file["web"])
    assert len(messages) == 800
    assert set(Counter(message.value() for message in messages).values()) == {2}


def test_topic_that_would_delete_the_past_is_named(kafka, topic, sources_file):
    short = kafka.create_topic(f"{topic}-short", config={"retention.ms": "3600000", "message.timestamp.type": "LogAppendTime"})
    settings = Settings.from_env()
    found = topic_warnings(settings.kafka_client_config(), {"web": short}, datetime(2026, 3, 14, tzinfo=UTC))
    assert len(found) == 2
    assert "keeps records for 1 h" in found[0]
    assert all(short in warning for warning in found)


def test_no_kafka_is_one_sentence_with_the_address(sources_file, monkeypatch, free_port):
    monkeypatch.setattr("data_pipeline.devstack.generator.topics._TIMEOUT_S", 2.0)
    monkeypatch.setenv("DATA_PIPELINE_KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{free_port}")
    with pytest.raises(TransientError, match=f"127.0.0.1:{free_port} does not answer"):
        generate("--day", "2026-03-14", "--events", 10, "--sources", "web")


def test_topics_that_were_just_made_are_never_unknown(kafka, topic):
    """A broker may be asked about a new topic before it knows it; tried often, because it seldom shows."""
    config = {"bootstrap.servers": kafka.bootstrap_servers}
    for number in range(25):
        topics = {"web": f"{topic}-{number}"}
        assert partition_counts(config, topics, 2) == {"web": 2}
        assert topic_warnings(config, topics, datetime(2026, 3, 14, tzinfo=UTC)) == []


def test_settings_of_a_topic_that_does_not_exist_are_one_sentence(kafka, topic, monkeypatch):
    monkeypatch.setattr("data_pipeline.devstack.generator.topics._TIMEOUT_S", 1.0)
    with pytest.raises(TransientError, match=f"settings of '{topic}-none'"):
        topic_warnings({"bootstrap.servers": kafka.bootstrap_servers}, {"web": f"{topic}-none"}, datetime(2026, 3, 14, tzinfo=UTC))
