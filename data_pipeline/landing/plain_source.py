"""Messages by way of confluent-kafka's Message objects: works everywhere, and costs a microsecond a message.

Nothing is done a message at a time in Python's own loops: `map` over the methods of Message, then numpy.
Belongs here: reading Message objects. Does not: the faster way (`native_source.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from confluent_kafka import Consumer, Message, TopicPartition

from data_pipeline.landing.message_source import Event
from data_pipeline.landing.rows import Bytes, Headers, Rows

_HeaderList = list[tuple[str, bytes | None]]


class PlainSource:
    """A confluent-kafka Consumer as MessageSource."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    def assign(self, topic: str, partition: int, offset: int) -> None:
        self._consumer.assign([TopicPartition(topic, partition, offset)])

    def read(self, limit: int, timeout_s: float) -> tuple[Rows | None, list[Event]]:
        messages: list[Message] = self._consumer.consume(limit, timeout=timeout_s)
        events: list[Event] = []
        if any(map(Message.error, messages)):
            events = [Event(error, message.offset()) for message in messages if (error := message.error()) is not None]
            messages = [message for message in messages if message.error() is None]
        return (rows_of(messages) if messages else None), events

    def watermarks(self, topic: str, partition: int, timeout_s: float) -> tuple[int, int]:
        low, high = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=timeout_s)
        return low, high

    def close(self) -> None:
        self._consumer.close()


def rows_of(messages: Sequence[Message]) -> Rows:
    """Read the messages, at least one."""
    count = len(messages)
    pairs = np.fromiter(chain.from_iterable(map(Message.timestamp, messages)), np.int64, 2 * count)
    return Rows(
        offsets=_offsets(messages),
        timestamp_kinds=pairs[0::2],
        timestamps=pairs[1::2],
        keys=bytes_of(list(map(Message.key, messages))),
        values=bytes_of(list(map(Message.value, messages))),
        headers=_headers(list(map(Message.headers, messages))),
    )


def bytes_of(values: Sequence[bytes | None]) -> Bytes:
    """Join byte strings."""
    count = len(values)
    try:
        return Bytes(b"".join(values), np.fromiter(map(len, values), np.int32, count), None)  # type: ignore[arg-type]
    except TypeError:
        is_valid = np.fromiter((value is not None for value in values), bool, count)
        lengths = np.fromiter((len(value or b"") for value in values), np.int32, count)
        return Bytes(b"".join(value for value in values if value is not None), lengths, is_valid)


def _offsets(messages: Sequence[Message]) -> np.ndarray:
    """Offsets ascend, so that the first and the last tell whether there is a gap between them."""
    count, first, last = len(messages), messages[0].offset(), messages[-1].offset()
    if last - first == count - 1:
        return np.arange(first, last + 1, dtype=np.int64)
    return np.fromiter(map(Message.offset, messages), np.int64, count)


def _headers(lists: Sequence[_HeaderList | None]) -> Headers:
    count, first = len(lists), lists[0] or []
    if lists.count(lists[0]) == count:  # as a rule all records of a topic have the same
        keys, values = bytes_of([key.encode() for key, _ in first]), bytes_of([value for _, value in first])
        return Headers(np.full(count, len(first), np.int32), _repeated(keys, count), _repeated(values, count))
    flat = list(chain.from_iterable(item or () for item in lists))
    counts = np.fromiter((len(item or ()) for item in lists), np.int32, count)
    return Headers(counts, bytes_of([key.encode() for key, _ in flat]), bytes_of([value for _, value in flat]))


def _repeated(column: Bytes, times: int) -> Bytes:
    is_valid = None if column.is_valid is None else np.tile(column.is_valid, times)
    return Bytes(column.data * times, np.tile(column.lengths, times), is_valid)
