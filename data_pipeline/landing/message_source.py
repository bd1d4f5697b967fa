"""What a reader of offsets needs of a Kafka client, whichever way messages come from it.

Belongs here: the interface. Does not: the two ways (`plain_source.py`, `native_source.py`), or what a range is (`range_reader.py`).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from confluent_kafka import KafkaError

from data_pipeline.landing.rows import Rows


class Event(NamedTuple):
    """Something that Kafka reports among the messages, such as the end of a partition."""

    error: KafkaError
    offset: int


class MessageSource(Protocol):
    """One consumer, assigned to one partition at a time."""

    def assign(self, topic: str, partition: int, offset: int) -> None:
        """Read from here next."""
        ...

    def read(self, limit: int, timeout_s: float) -> tuple[Rows | None, list[Event]]:
        """Up to `limit` messages and events that are there now or come within the time; KafkaException where that fails."""
        ...

    def watermarks(self, topic: str, partition: int, timeout_s: float) -> tuple[int, int]:
        """The log's first offset and its end, asked of the broker; KafkaException without an answer."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
