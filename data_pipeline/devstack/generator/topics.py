"""The topics that events are sent to: how many partitions they have, and whether they keep what is sent.

Belongs here: asking and making topics. Does not: sending (`sinks.py`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from data_pipeline.common.errors import TransientError

_TIMEOUT_S = 20.0
_ASK_AGAIN_S = 0.2
_FOREVER = {"retention.ms": "-1", "retention.bytes": "-1"}


def partition_counts(config: Mapping[str, Any], topics: Mapping[str, str], new_partitions: int) -> dict[str, int]:
    """Kafka partitions of each source's topic; topics that do not exist are made.

    Args:
        config: librdkafka's connection settings.
        topics: topic of each source.
        new_partitions: partitions of a topic that is made here; it keeps its records for ever.

    Raises:
        TransientError: Kafka does not answer, or does not know the new topic in time.
    """
    admin = _admin(config)
    try:
        known = admin.list_topics(timeout=_TIMEOUT_S).topics
        for topic in topics.values():
            if topic not in known or known[topic].error is not None:
                _make(admin, topic, new_partitions)
        return {source: _await_partitions(admin, topic) for source, topic in topics.items()}
    except KafkaException as error:
        where, reason = config.get("bootstrap.servers"), error.args[0].str()
        raise TransientError(f"Kafka at {where} does not answer ({reason}); start it with `make up`, or set its address.") from error


def topic_warnings(config: Mapping[str, Any], topics: Mapping[str, str], oldest: datetime) -> list[str]:
    """Sentences about topics that would not keep records of that age, or not their timestamps.

    Raises:
        TransientError: Kafka does not tell a topic's settings.
    """
    admin = _admin(config)
    warnings = []
    age_ms = (datetime.now(UTC) - oldest).total_seconds() * 1000
    for topic in topics.values():
        settings = _describe(admin, topic)
        retention = int(settings["retention.ms"].value)
        if 0 <= retention < age_ms:
            warnings.append(
                f"{topic} keeps records for {retention / 3_600_000:.0f} h, and Kafka will delete these as soon as it cleans up; "
                "set its retention.ms to -1."
            )
        if settings["message.timestamp.type"].value != "CreateTime":
            warnings.append(f"{topic} stamps records with the time of their arrival at the broker, not with received_at.")
    return warnings


def _admin(config: Mapping[str, Any]) -> AdminClient:
    return AdminClient({**config, "error_cb": lambda error: None, "log_level": 2})


def _make(admin: AdminClient, topic: str, partition_count: int) -> None:
    try:
        admin.create_topics([NewTopic(topic, partition_count, -1, config=_FOREVER)])[topic].result(_TIMEOUT_S)
    except KafkaException as error:
        # Another run made it meanwhile.
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def _await_partitions(admin: AdminClient, topic: str) -> int:
    """Partitions of a topic; one that was just made takes a moment to be known."""
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        found = admin.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
        if found.error is None and found.partitions:
            return len(found.partitions)
        if time.monotonic() > deadline:
            raise TransientError(f"Kafka does not know the topic '{topic}' {_TIMEOUT_S:.0f} s after it was made; run the command again.")
        time.sleep(_ASK_AGAIN_S)


def _describe(admin: AdminClient, topic: str) -> Mapping[str, Any]:
    """Settings of a topic. Metadata may hold a new topic before the broker that is asked has its settings."""
    deadline = time.monotonic() + _TIMEOUT_S
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    while True:
        try:
            found: Mapping[str, Any] = admin.describe_configs([resource], request_timeout=_TIMEOUT_S)[resource].result(_TIMEOUT_S)
            return found
        except KafkaException as error:
            may_be_new = error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART
            if not may_be_new or time.monotonic() > deadline:
                raise TransientError(
                    f"Kafka does not tell the settings of '{topic}' ({error.args[0].str()}); run the command again."
                ) from error
            time.sleep(_ASK_AGAIN_S)
