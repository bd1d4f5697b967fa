"""The servers of the local stack, themselves: real Kafka and a real S3 server under kills and stops."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.devstack.kafka import KafkaCluster
from data_pipeline.devstack.s3 import S3Keys, S3Server
from data_pipeline_tests.conftest import SASL_USER, TEST_BUCKET, ClusterFactory


def _produce(servers: str, topic: str, values: list[bytes], **config: object) -> None:
    failures: list[object] = []
    producer = Producer({"bootstrap.servers": servers, "message.timeout.ms": 60_000, "acks": "all", **config})
    if "transactional.id" in config:
        producer.init_transactions(60)
        producer.begin_transaction()
    for value in values:
        producer.produce(topic, value, partition=0, on_delivery=lambda error, _: failures.append(error) if error else None)
    if "transactional.id" in config:
        producer.commit_transaction(60)
    producer.flush(60)
    assert failures == []


def _read(servers: str, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "reader", "isolation.level": "read_committed"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        return [message.value() for message in consumer.consume(count, timeout=60)]
    finally:
        consumer.close()


def test_one_broker_takes_transactions(kafka: KafkaCluster, topic: str) -> None:
    values = [f"{number}".encode() for number in range(10)]
    _produce(kafka.bootstrap_servers, topic, values, **{"transactional.id": topic})
    assert _read(kafka.bootstrap_servers, topic, 10) == values


def test_creating_a_topic_twice_keeps_it(kafka: KafkaCluster, topic: str) -> None:
    _produce(kafka.bootstrap_servers, topic, [b"kept"])
    kafka.create_topic(topic)
    assert _read(kafka.bootstrap_servers, topic, 1) == [b"kept"]


def test_a_killed_broker_comes_back_with_its_records(kafka_cluster: ClusterFactory) -> None:
    cluster = kafka_cluster()
    cluster.create_topic("orders", partitions=1)
    values = [f"{number}".encode() for number in range(1000)]
    _produce(cluster.bootstrap_servers, "orders", values)
    cluster.kill_broker(1)
    assert cluster.running() == []
    cluster.start()
    assert _read(cluster.bootstrap_servers, "orders", 1000) == values


def test_three_brokers_go_on_when_one_stops(kafka_cluster: ClusterFactory) -> None:
    cluster = kafka_cluster(brokers=3)
    cluster.create_topic("orders", partitions=3)
    description = AdminClient({"bootstrap.servers": cluster.bootstrap_servers}).list_topics("orders", timeout=10).topics["orders"]
    assert {len(partition.replicas) for partition in description.partitions.values()} == {3}
    _produce(cluster.bootstrap_servers, "orders", [b"before"])
    cluster.stop_broker(description.partitions[0].leader)
    _produce(cluster.bootstrap_servers, "orders", [b"after"])
    assert _read(cluster.bootstrap_servers, "orders", 2) == [b"before", b"after"]
    assert len(cluster.running()) == 2


def test_kafka_refuses_a_wrong_password(kafka: KafkaCluster) -> None:
    def topics(password: str) -> object:
        client = AdminClient(
            {
                "bootstrap.servers": kafka.sasl_bootstrap_servers,
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "PLAIN",
                "sasl.username": SASL_USER.name,
                "sasl.password": password,
                "log_level": 0,
            }
        )
        return client.list_topics(timeout=5).topics

    assert topics(SASL_USER.password)
    with pytest.raises(KafkaException):
        topics("wrong-password")


def test_the_s3_server_refuses_wrong_keys(s3_server: S3Server, s3_store: S3ObjectStore) -> None:
    s3_store.put("a", b"1")
    stranger = S3ObjectStore(TEST_BUCKET, s3_server.endpoint_url, credentials=(s3_server.keys.access_key, "wrong", None))
    with pytest.raises(PermanentError, match="AWS_SECRET_ACCESS_KEY"):
        stranger.get(s3_store.prefix + "a")


def test_a_killed_s3_server_comes_back_with_its_objects_and_new_keys(own_s3_server: S3Server, process_folder) -> None:
    old = own_s3_server.object_store(TEST_BUCKET)
    objects = {f"key-{number}": bytes([number]) * 10_000 for number in range(20)}
    for key, data in objects.items():
        old.put(key, data)
    own_s3_server.kill()
    again = S3Server(process_folder, own_s3_server.port, S3Keys.generate())
    again.start()
    store = again.object_store(TEST_BUCKET)
    assert {key: store.get(key) for key in objects} == objects
    with pytest.raises(PermanentError, match="AWS_ACCESS_KEY_ID"):
        old.get("key-0")
