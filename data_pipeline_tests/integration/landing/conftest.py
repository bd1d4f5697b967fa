"""A topic a test, on the shared broker, landing into a store of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.devstack.kafka import KafkaCluster
from data_pipeline_tests.integration.landing.support import Topic

MakeTopic = Callable[..., Topic]


@pytest.fixture
def make_topic(kafka: KafkaCluster, s3_store: S3ObjectStore, request: pytest.FixtureRequest) -> MakeTopic:
    """Call it for a topic: `make_topic(partitions=2, config={…})`."""
    count = 0

    def make(partitions: int = 1, config: dict[str, Any] | None = None) -> Topic:
        nonlocal count
        count += 1
        name = f"t{count}-{s3_store.prefix.strip('/')}"
        kafka.create_topic(name, partitions=partitions, config={"message.timestamp.after.max.ms": str(2**62), **(config or {})})
        return Topic(kafka.bootstrap_servers, name, s3_store)

    return make
