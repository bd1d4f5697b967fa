"""Questions to one Kafka topic: its id, its partitions, and offsets at log start, log end and instants.

Belongs here: metadata and offset look-ups. Does not: reading records, or deciding what an offset means.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import ConfigResource, OffsetSpec

from data_pipeline.common.errors import TransientError
from data_pipeline.landing.kafka_client import Clients, UnknownTopicError

_NEW_TOPIC_GRACE_S = 3.0
"""A broker learns of a topic that was just created a moment after the others."""


@dataclass(frozen=True)
class TopicIdentity:
    """A topic as Kafka knows it.

    Attributes:
        topic_id: unique for ever: a topic that is deleted and made anew has another.
        partitions: numbers of its partitions, ascending.
    """

    topic_id: str
    partitions: tuple[int, ...]


@dataclass(frozen=True)
class OffsetAt:
    """The first offset at or after an instant; `offset` is None where there is none.

    Attributes:
        offset: the record's offset.
        timestamp_ms: the record's timestamp.
    """

    offset: int | None
    timestamp_ms: int


class TopicLog:
    """One topic of one cluster. Methods raise TransientError or PermanentError."""

    def __init__(self, kafka: Mapping[str, str], topic: str) -> None:
        self.topic = topic
        self.clients = Clients(kafka)
        self._admin = self.clients.admin()

    def describe(self) -> TopicIdentity:
        """Id and partitions; UnknownTopicError if the topic does not exist."""
        deadline = time.monotonic() + _NEW_TOPIC_GRACE_S
        while True:
            try:
                future = self._admin.client.describe_topics(TopicCollection([self.topic]), request_timeout=10.0)[self.topic]
                found = self._admin.answer(future, f"describe topic '{self.topic}'")
                return TopicIdentity(str(found.topic_id), tuple(sorted(part.id for part in found.partitions)))
            except UnknownTopicError:
                if time.monotonic() > deadline:
                    raise UnknownTopicError(
                        f"Topic '{self.topic}' does not exist at {self.clients.servers}; create it, or correct `topic` in the sources file."
                    ) from None
                time.sleep(0.5)

    def log_starts(self, partitions: Iterable[int]) -> dict[int, int]:
        """The first offset that Kafka still holds, per partition."""
        return {p: offset for p, (offset, _) in self._list(partitions, OffsetSpec.earliest(), IsolationLevel.READ_UNCOMMITTED).items()}

    def log_ends(self, partitions: Iterable[int]) -> dict[int, int]:
        """The offset after the last replicated record (high watermark), per partition."""
        return {p: offset for p, (offset, _) in self._list(partitions, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED).items()}

    def stable_ends(self, partitions: Iterable[int]) -> dict[int, int]:
        """The offset below which no transaction is open (last stable offset), per partition."""
        return {p: offset for p, (offset, _) in self._list(partitions, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED).items()}

    def first_at_or_after(self, partitions: Iterable[int], instant_ms: int) -> dict[int, OffsetAt]:
        """The first record of any kind, control records included, whose timestamp is at or after the instant."""
        found = self._list(partitions, OffsetSpec.for_timestamp(max(instant_ms, 0)), IsolationLevel.READ_UNCOMMITTED)
        return {p: OffsetAt(offset if offset >= 0 else None, timestamp) for p, (offset, timestamp) in found.items()}

    def retention_ms(self) -> int | None:
        """How long Kafka keeps a record, milliseconds; None where it never deletes by age."""
        what = f"read the configuration of topic '{self.topic}'"
        resource = ConfigResource(ConfigResource.Type.TOPIC, self.topic)
        found = self._admin.answer(self._admin.client.describe_configs([resource], request_timeout=10.0)[resource], what)
        if "delete" not in found["cleanup.policy"].value or int(found["retention.ms"].value) < 0:
            return None
        return int(found["retention.ms"].value)

    def _list(self, partitions: Iterable[int], spec: OffsetSpec, isolation: IsolationLevel) -> dict[int, tuple[int, int]]:
        wanted = list(partitions)
        if not wanted:
            return {}
        what = f"look up offsets of topic '{self.topic}'"
        deadline = time.monotonic() + 20.0
        while True:
            try:
                futures = self._admin.client.list_offsets(
                    {TopicPartition(self.topic, p): spec for p in wanted}, isolation_level=isolation, request_timeout=10.0
                )
                answers = {tp.partition: self._admin.answer(future, what) for tp, future in futures.items()}
                return {p: (answer.offset, answer.timestamp) for p, answer in answers.items()}
            except TransientError as error:
                # A new leader answers "not yet" for a moment; that is no reason to fail an hour.
                if time.monotonic() > deadline or not _is_passing(error):
                    raise
                time.sleep(0.5)


def _is_passing(error: TransientError) -> bool:
    cause = error.__cause__
    if not isinstance(cause, KafkaException):
        return False
    return cause.args[0].code() in (
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.KAFKA_STORAGE_ERROR,
    )
