"""Columns of the raw layer, as large arrays: what one call to Kafka gave, before it becomes Arrow.

Belongs here: the columns, cutting and joining them, and their Arrow form. Does not: how they are read from Kafka
(`plain_source.py`, `native_source.py`), where blocks are cut (`blocks.py`) or how they are stored (`encoding.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE

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
        data: all of them, joined; bytes or an array of uint8.
        lengths: bytes of each, int32; 0 for a null.
        is_valid: which are not null, bool; None where all are.
    """

    data: Any
    lengths: np.ndarray
    is_valid: np.ndarray | None

    @classmethod
    def join(cls, parts: Sequence[Bytes]) -> Bytes:
        """One column after the other."""
        is_valid = None
        if any(part.is_valid is not None for part in parts):
            is_valid = np.concatenate([np.ones(len(part.lengths), bool) if part.is_valid is None else part.is_valid for part in parts])
        return cls(b"".join(part.data for part in parts), np.concatenate([part.lengths for part in parts]), is_valid)

    def slice(self, start: int, stop: int) -> Bytes:
        """Some of them."""
        first = int(self.lengths[:start].sum(dtype=np.int64))
        last = first + int(self.lengths[start:stop].sum(dtype=np.int64))
        return Bytes(self.data[first:last], self.lengths[start:stop], None if self.is_valid is None else self.is_valid[start:stop])

    def to_arrow(self) -> pa.Array:
        """The column as Arrow, without copying the bytes."""
        validity, null_count = None, 0
        if self.is_valid is not None:
            validity = pa.py_buffer(np.packbits(self.is_valid, bitorder="little").tobytes())
            null_count = int(len(self.lengths) - self.is_valid.sum())
        buffers = [validity, pa.py_buffer(_starts(self.lengths)), pa.py_buffer(self.data)]
        return pa.Array.from_buffers(pa.binary(), len(self.lengths), buffers, null_count)


@dataclass(frozen=True)
class Headers:
    """Headers of some messages.

    Attributes:
        counts: headers of each message, int32.
        keys: of all headers, UTF-8.
        values: of all headers.
    """

    counts: np.ndarray
    keys: Bytes
    values: Bytes

    def slice(self, start: int, stop: int) -> Headers:
        """Those of some messages."""
        first = int(self.counts[:start].sum())
        last = first + int(self.counts[start:stop].sum())
        return Headers(self.counts[start:stop], self.keys.slice(first, last), self.values.slice(first, last))


@dataclass(frozen=True)
class Rows:
    """Some messages of one partition, column by column.

    Attributes:
        offsets: ascending, int64.
        timestamp_kinds: Kafka's kind of timestamp (0 for none), int64.
        timestamps: epoch milliseconds, int64; -1 for none.
        keys: keys.
        values: values.
        headers: headers.
    """

    offsets: np.ndarray
    timestamp_kinds: np.ndarray
    timestamps: np.ndarray
    keys: Bytes
    values: Bytes
    headers: Headers

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def size_bytes(self) -> int:
        """Bytes of keys and values."""
        return len(self.keys.data) + len(self.values.data)

    def sizes(self) -> np.ndarray:
        """Bytes of key and value, a message; int64."""
        sizes: np.ndarray = np.add(self.keys.lengths, self.values.lengths, dtype=np.int64)
        return sizes

    def has_timestamp(self) -> np.ndarray:
        """Which messages have a timestamp."""
        is_there: np.ndarray = (self.timestamps >= 0) & (self.timestamp_kinds != TIMESTAMP_NOT_AVAILABLE)
        return is_there

    def slice(self, start: int, stop: int) -> Rows:
        """Some of the messages."""
        return Rows(
            self.offsets[start:stop],
            self.timestamp_kinds[start:stop],
            self.timestamps[start:stop],
            self.keys.slice(start, stop),
            self.values.slice(start, stop),
            self.headers.slice(start, stop),
        )


def to_record_batch(partition: int, parts: Sequence[Rows]) -> pa.RecordBatch:
    """Rows after rows, as Arrow in the raw layer's columns."""
    count = sum(map(len, parts))
    timestamps = np.concatenate([part.timestamps for part in parts])
    missing = ~np.concatenate([part.has_timestamp() for part in parts])
    return pa.RecordBatch.from_arrays(
        [
            pa.array(np.full(count, partition, dtype=np.int32)),
            pa.array(np.concatenate([part.offsets for part in parts])),
            pa.array(timestamps, mask=missing if missing.any() else None).cast(pa.timestamp("ms", tz="UTC")),
            Bytes.join([part.keys for part in parts]).to_arrow(),
            Bytes.join([part.values for part in parts]).to_arrow(),
            _headers([part.headers for part in parts]),
        ],
        schema=RAW_SCHEMA,
    )


def _headers(parts: Sequence[Headers]) -> pa.Array:
    """A list a record, empty for one without headers."""
    keys = _texts(Bytes.join([part.keys for part in parts]).to_arrow())
    values = Bytes.join([part.values for part in parts]).to_arrow()
    items = pa.StructArray.from_arrays([keys, values], fields=list(HEADER_TYPE.value_type))
    return pa.ListArray.from_arrays(pa.array(_starts(np.concatenate([part.counts for part in parts]))), items)


def _texts(column: pa.Array) -> pa.Array:
    """UTF-8; bytes that are none, which Kafka lets a header's key have, become backslash escapes."""
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([text.decode(errors="backslashreplace") for text in column.to_pylist()], pa.string())


def _starts(lengths: np.ndarray) -> np.ndarray:
    """Arrow's offsets: where each begins, and where the last ends; int32."""
    starts = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=starts[1:])
    return starts
