"""Kafka that does not answer, refuses, stops or freezes: one clear sentence, soon, and nothing half-landed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from data_pipeline.common.errors import PermanentError, TransientError
from data_pipeline.common.object_store import LocalObjectStore, S3ObjectStore
from data_pipeline.devstack.kafka import KafkaCluster
from data_pipeline.landing import land_hour
from data_pipeline.landing import range_reader as reader_module
from data_pipeline_tests.integration.landing.conftest import MakeTopic
from data_pipeline_tests.integration.landing.support import H9, Record, Topic, ms


def test_a_dead_broker_is_a_transient_error_that_names_it(free_port: int, tmp_path) -> None:
    topic = Topic(f"127.0.0.1:{free_port}", "any", LocalObjectStore(tmp_path))
    with pytest.raises(TransientError, match=f"Kafka at 127.0.0.1:{free_port} did not answer.*Connection refused"):
        topic.land()


@pytest.mark.parametrize(("name", "password"), [("tester", "wrong-secret"), ("nobody", "wrong-secret")])
def test_wrong_credentials_are_a_permanent_error_without_the_password(kafka: KafkaCluster, tmp_path, name: str, password: str) -> None:
    settings = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": name, "sasl.password": password}
    topic = Topic(kafka.sasl_bootstrap_servers, "any", LocalObjectStore(tmp_path))
    with pytest.raises(PermanentError, match="refused our credentials") as caught:
        land_hour(topic.source, H9, {**topic.kafka, **settings}, topic.store, run_id="r")
    assert password not in str(caught.value)


def test_unusable_settings_name_the_setting(tmp_path) -> None:
    topic = Topic("127.0.0.1:1", "any", LocalObjectStore(tmp_path))
    with pytest.raises(PermanentError, match=r"settings are not usable .*security\.protocol"):
        land_hour(topic.source, H9, {**topic.kafka, "security.protocol": "NONSENSE"}, topic.store, run_id="r")


def test_the_command_says_so_in_one_line(make_topic: MakeTopic, free_port: int, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    from data_pipeline.cli import cli

    sources = tmp_path / "sources.yaml"
    sources.write_text("sources: {web: {topic: gone, contract: product_event, owner: 'team:x'}}\n")
    monkeypatch.setenv("DATA_PIPELINE_SOURCES_FILE", str(sources))
    monkeypatch.setenv("DATA_PIPELINE_KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{free_port}")
    monkeypatch.setenv("DATA_PIPELINE_KAFKA_SASL_PASSWORD", "very-secret")
    outcome = CliRunner().invoke(cli, ["land", "--source", "web", "--window", "2026-03-14"])
    assert isinstance(outcome.exception, TransientError)
    assert "\n" not in str(outcome.exception)
    assert "very-secret" not in f"{outcome.exception!r}{outcome.output}"


def test_a_frozen_broker_fails_the_hour_and_shortens_nothing(
    kafka_cluster: Callable[..., KafkaCluster], s3_store: S3ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "STALL_S", 3.0)
    cluster = kafka_cluster()
    cluster.create_topic("frozen", partitions=1)
    topic = Topic(cluster.bootstrap_servers, "frozen", s3_store)
    topic.send([Record(b"%d" % n + b"x" * 100_000, ms(H9, 1)) for n in range(600)])
    frozen = threading.Event()

    def freeze(_: object) -> None:
        if not frozen.is_set():
            cluster.pause_broker(1)
            frozen.set()

    try:
        with pytest.raises(TransientError, match=r"sent nothing|did not answer|could not"):
            topic.land(worker_count=1, chunk_rows=20, progress=freeze)
    finally:
        cluster.resume_broker(1)
        cluster.wait_until_ready()
    assert not [item for item in s3_store.list("raw/") if item.key.endswith(".json")]
    topic.land(chunk_rows=20)
    assert [offset for offset, _ in topic.values()] == list(range(600))


def test_a_leader_that_dies_while_it_is_read(kafka_cluster: Callable[..., KafkaCluster], s3_store: S3ObjectStore) -> None:
    from confluent_kafka.admin import AdminClient

    cluster = kafka_cluster(brokers=3)
    cluster.create_topic("three", partitions=1, replication=3)
    topic = Topic(cluster.bootstrap_servers, "three", s3_store)
    topic.send([Record(b"%d" % n + b"x" * 20_000, ms(H9, 1)) for n in range(2000)])
    killed = threading.Event()

    def kill(_: object) -> None:
        if not killed.is_set():
            leader = AdminClient(topic.kafka).list_topics("three", timeout=10).topics["three"].partitions[0].leader
            cluster.kill_broker(leader)
            killed.set()

    try:
        topic.land(worker_count=1, progress=kill, wait_s=30)
    except TransientError:
        # The election may outlast one run; what follows a transient failure is another try.
        assert killed.is_set()
        time.sleep(15)
        topic.land(worker_count=1, wait_s=30)
    assert killed.is_set()
    assert [(row["offset"], row["value"][:6].rstrip(b"x")) for row in topic.rows()] == [(n, b"%d" % n) for n in range(2000)]
