"""Kafka messages to columns: what a call of `consume` gave, as few large arrays.

Millions of messages a second pass here, so nothing is done a message at a time in Python: `map` over the methods of Message, then
numpy. The bytes of keys and values are joined at once, while they are still in the processor's cache.
Belongs here: reading messages. Does not: where blocks are cut (`blocks.py`) or how they are stored (`encoding.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message

Headers = list[tuple[str, bytes | None]]

HEADER_TYPE = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
RAW_SCHEMA = pa.schema(
    [
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("received_at", pa.timestamp("ms", tz="UTC")),
        pa.field("key", pa.binary()),
        pa.field("value", pa.binary()),
        pa.field("headers", HEADER_TYPE),
    ]
)
"""Columns of a raw object. `received_at` is null for a record without a timestamp, `value` for a tombstone."""


@dataclass(frozen=True)
class Bytes:
    """A column of byte strings.

    Attributes:
        data: all of them, joined.
        lengths: bytes of each, int32; 0 for a null.
        is_valid: which are not null; None where all are.
    """

    data: bytes
    lengths: np.ndarray
    is_valid: np.ndarray | None

    @classmethod
    def of(cls, values: Sequence[bytes | None]) -> Bytes:
        """Join them."""
        count = len(values)
        try:
            return cls(b"".join(values), np.fromiter(map(len, values), np.int32, count), None)  # type: ignore[arg-type]
        except TypeError:
            is_valid = np.fromiter((value is not None for value in values), bool, count)
            lengths = np.fromiter((len(value or b"") for value in values), np.int32, count)
            return cls(b"".join(value for value in values if value is not None), lengths, is_valid)

    @classmethod
    def join(cls, parts: Sequence[Bytes]) -> Bytes:
        """One column after the other."""
        is_valid = None
        if any(part.is_valid is not None for part in parts):
            is_valid = np.concatenate([np.ones(len(part.lengths), bool) if part.is_valid is None else part.is_valid for part in parts])
        return cls(b"".join(part.data for part in parts), np.concatenate([part.lengths for part in parts]), is_valid)

    def to_arrow(self) -> pa.Array:
        """The column as Arrow, without copying the bytes."""
        count = len(self.lengths)
        offsets = np.zeros(count + 1, dtype=np.int32)
        np.cumsum(self.lengths, out=offsets[1:])
        validity, null_count = None, 0
        if self.is_valid is not None:
            validity = pa.py_buffer(np.packbits(self.is_valid, bitorder="little").tobytes())
            null_count = int(count - self.is_valid.sum())
        return pa.Array.from_buffers(pa.binary(), count, [validity, pa.py_buffer(offsets), pa.py_buffer(self.data)], null_count)


@dataclass(frozen=True)
class Rows:
    """Some messages of one partition, column by column.

    Attributes:
        offsets: int64.
        timestamps: int64, two a message: kind and epoch milliseconds, as Message.timestamp gives them.
        keys: keys.
        values: values.
        headers: a list a message, or the one that all messages have.
    """

    offsets: np.ndarray
    timestamps: np.ndarray
    keys: Bytes
    values: Bytes
    headers: Headers | list[Headers | None]
    has_same_headers: bool

    @classmethod
    def of(cls, messages: Sequence[Message]) -> Rows:
        """Read the messages, at least one."""
        count = len(messages)
        headers = list(map(Message.headers, messages))
        has_same_headers = headers.count(headers[0]) == count  # as a rule all records of a topic have the same
        return cls(
            offsets=_offsets(messages),
            timestamps=np.fromiter(chain.from_iterable(map(Message.timestamp, messages)), np.int64, 2 * count),
            keys=Bytes.of(list(map(Message.key, messages))),
            values=Bytes.of(list(map(Message.value, messages))),
            headers=(headers[0] or []) if has_same_headers else headers,
            has_same_headers=has_same_headers,
        )

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def size_bytes(self) -> int:
        """Bytes of keys and values."""
        return len(self.keys.data) + len(self.values.data)

    def sizes(self) -> np.ndarray:
        """Bytes of key and value, a message; int64."""
        return np.add(self.keys.lengths, self.values.lengths, dtype=np.int64)


def to_record_batch(partition: int, parts: Sequence[Rows]) -> pa.RecordBatch:
    """Rows after rows, as Arrow in the raw layer's columns."""
    count = sum(map(len, parts))
    return pa.RecordBatch.from_arrays(
        [
            pa.array(np.full(count, partition, dtype=np.int32)),
            pa.array(np.concatenate([part.offsets for part in parts])),
            _received_at(np.concatenate([part.timestamps for part in parts])),
            Bytes.join([part.keys for part in parts]).to_arrow(),
            Bytes.join([part.values for part in parts]).to_arrow(),
            _headers(parts, count),
        ],
        schema=RAW_SCHEMA,
    )


def _offsets(messages: Sequence[Message]) -> np.ndarray:
    """Offsets ascend, so that the first and the last tell whether there is a gap between them."""
    count, first, last = len(messages), messages[0].offset(), messages[-1].offset()
    if last - first == count - 1:
        return np.arange(first, last + 1, dtype=np.int64)
    return np.fromiter(map(Message.offset, messages), np.int64, count)


def _received_at(pairs: np.ndarray) -> pa.Array:
    kinds, values = pairs[0::2], pairs[1::2]
    missing = (values < 0) | (kinds == TIMESTAMP_NOT_AVAILABLE)
    return pa.array(values, mask=missing if missing.any() else None).cast(pa.timestamp("ms", tz="UTC"))


def _headers(parts: Sequence[Rows], count: int) -> pa.Array:
    """A list a record, empty for one without headers."""
    first = parts[0].headers
    if all(part.has_same_headers and part.headers == first for part in parts):
        lengths = np.full(count, len(first), dtype=np.int32)
        once = pa.array(np.tile(np.arange(len(first)), count))
        keys, values = (column.take(once) for column in _header_columns(first))  # type: ignore[arg-type]
    else:
        lists = list(chain.from_iterable([part.headers] * len(part) if part.has_same_headers else part.headers for part in parts))
        lengths = np.fromiter((len(item or ()) for item in lists), np.int32, count)
        keys, values = _header_columns(list(chain.from_iterable(item or () for item in lists)))  # type: ignore[arg-type]
    offsets = np.zeros(count + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    items = pa.StructArray.from_arrays([keys, values], fields=list(HEADER_TYPE.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets), items)


def _header_columns(flat: Headers) -> tuple[pa.Array, pa.Array]:
    keys = Bytes.of([key.encode() for key, _ in flat]).to_arrow().cast(pa.string())
    return keys, Bytes.of([value for _, value in flat]).to_arrow()
