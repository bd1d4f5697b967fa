"""Kafka messages to the raw layer's Parquet: the same messages give the same bytes on every run.

The bytes depend on the messages and on the versions of Arrow and zstd, on nothing else: no time, no host, no batch size.
That is why rows are gathered in blocks of a fixed size before Arrow sees them: Parquet's pages depend on how its input is cut.
Belongs here: the raw columns and their encoding. Does not: where the messages come from or the bytes go.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message

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

BLOCK_ROWS = 16_384
BLOCK_BYTES = 16 * 1024 * 1024
OBJECT_BYTES = 192 * 1024 * 1024
"""Uncompressed size at which an object ends before its chunk does, so that memory has a bound whatever the values' size."""


@dataclass(frozen=True)
class ParquetSettings:
    """How raw objects are compressed.

    Attributes:
        codec: Parquet codec.
        level: its level.
    """

    codec: str = "zstd"
    level: int = 1


@dataclass
class _Columns:
    """Columns of messages, as Python lists of one length."""

    offsets: list[int]
    timestamps: list[tuple[int, int]]
    keys: list[bytes | None]
    values: list[bytes | None]
    headers: list[list[tuple[str, bytes | None]] | None]

    @classmethod
    def empty(cls) -> _Columns:
        return cls([], [], [], [], [])

    @classmethod
    def of(cls, messages: Sequence[Message]) -> _Columns:
        return cls(
            list(map(Message.offset, messages)),
            list(map(Message.timestamp, messages)),
            list(map(Message.key, messages)),
            list(map(Message.value, messages)),
            list(map(Message.headers, messages)),
        )

    def __len__(self) -> int:
        return len(self.offsets)

    def extend(self, other: _Columns, start: int, stop: int) -> None:
        whole = start == 0 and stop == len(other)
        for mine, theirs in zip(self._lists(), other._lists(), strict=True):
            mine.extend(theirs if whole else theirs[start:stop])

    def _lists(self) -> tuple[list[Any], ...]:
        return self.offsets, self.timestamps, self.keys, self.values, self.headers


class BlockBuilder:
    """Gathers messages into record batches whose cuts depend on the messages alone."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._open = _Columns.empty()
        self._open_bytes = 0
        self._blocks: list[pa.RecordBatch] = []
        self._closed_bytes = 0

    @property
    def size_bytes(self) -> int:
        """Uncompressed bytes of keys and values gathered in finished blocks."""
        return self._closed_bytes

    def append(self, messages: Sequence[Message]) -> Iterable[int]:
        """Take messages; yields the offset of the last row of each block as it is finished."""
        columns = _Columns.of(messages)
        sizes = _sizes(columns)
        start = 0
        while start < len(columns):
            stop, size = self._fitting(sizes, start)
            self._open.extend(columns, start, stop)
            self._open_bytes += size
            start = stop
            if len(self._open) >= BLOCK_ROWS or self._open_bytes >= BLOCK_BYTES:
                last = self._open.offsets[-1]
                self._close_block()
                yield last

    def take_closed(self) -> list[pa.RecordBatch]:
        """The rows of the finished blocks; those of the open block stay."""
        blocks, self._blocks, self._closed_bytes = self._blocks, [], 0
        return blocks

    def take(self) -> list[pa.RecordBatch]:
        """All rows, and begin anew."""
        if len(self._open):
            self._close_block()
        return self.take_closed()

    def _fitting(self, sizes: np.ndarray, start: int) -> tuple[int, int]:
        """How far the open block reaches into the rows: up to the row with which it is full, that row included."""
        stop = min(start + BLOCK_ROWS - len(self._open), len(sizes))
        size = int(sizes[start:stop].sum())
        if self._open_bytes + size >= BLOCK_BYTES:
            sums = np.cumsum(sizes[start:stop])
            stop = start + int(np.searchsorted(sums, BLOCK_BYTES - self._open_bytes)) + 1
            size = int(sums[stop - start - 1])
        return stop, size

    def _close_block(self) -> None:
        self._blocks.append(to_record_batch(self._partition, self._open))
        self._closed_bytes += self._open_bytes
        self._open, self._open_bytes = _Columns.empty(), 0


def to_record_batch(partition: int, columns: _Columns) -> pa.RecordBatch:
    """The columns as Arrow."""
    count = len(columns)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(np.full(count, partition, dtype=np.int32)),
            pa.array(np.fromiter(columns.offsets, dtype=np.int64, count=count)),
            _timestamps(columns.timestamps),
            _binary(columns.keys),
            _binary(columns.values),
            _headers(columns.headers),
        ],
        schema=RAW_SCHEMA,
    )


def write_parquet(blocks: Sequence[pa.RecordBatch], settings: ParquetSettings) -> bytes:
    """One Parquet file with one row group."""
    sink = pa.BufferOutputStream()
    table = pa.Table.from_batches(blocks, schema=RAW_SCHEMA)
    with pq.ParquetWriter(
        sink,
        RAW_SCHEMA,
        compression=settings.codec,
        compression_level=settings.level,
        use_dictionary=["partition", "headers.list.element.key", "headers.list.element.value"],
        column_encoding={"offset": "DELTA_BINARY_PACKED", "received_at": "DELTA_BINARY_PACKED", "key": "PLAIN", "value": "PLAIN"},
        write_statistics=["partition", "offset", "received_at"],
        store_schema=False,
        data_page_version="1.0",
        version="2.6",
    ) as writer:
        writer.write_table(table, row_group_size=max(table.num_rows, 1))
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _sizes(columns: _Columns) -> np.ndarray:
    """Bytes of key and value, per row."""
    count = len(columns)
    sizes: np.ndarray = np.add(_lengths(columns.keys, count), _lengths(columns.values, count), dtype=np.int64)
    return sizes


def _lengths(values: Sequence[bytes | None], count: int) -> np.ndarray:
    try:
        return np.fromiter(map(len, values), dtype=np.int32, count=count)  # type: ignore[arg-type]
    except TypeError:
        return np.fromiter((0 if value is None else len(value) for value in values), dtype=np.int32, count=count)


def _binary(values: Sequence[bytes | None]) -> pa.Array:
    """Joined by hand: several times faster than Arrow's own conversion."""
    count = len(values)
    try:
        data, validity, null_count = b"".join(values), None, 0  # type: ignore[arg-type]
    except TypeError:
        is_valid = np.fromiter((value is not None for value in values), dtype=bool, count=count)
        validity, null_count = pa.py_buffer(np.packbits(is_valid, bitorder="little").tobytes()), int(count - is_valid.sum())
        data = b"".join(value for value in values if value is not None)
    offsets = np.zeros(count + 1, dtype=np.int32)
    np.cumsum(_lengths(values, count), out=offsets[1:])
    return pa.Array.from_buffers(pa.binary(), count, [validity, pa.py_buffer(offsets), pa.py_buffer(data)], null_count)


def _timestamps(pairs: Sequence[tuple[int, int]]) -> pa.Array:
    both = np.array(pairs, dtype=np.int64)
    kinds, values = both[:, 0], both[:, 1]
    missing = (values < 0) | (kinds == TIMESTAMP_NOT_AVAILABLE)
    return pa.array(values, mask=missing if missing.any() else None).cast(pa.timestamp("ms", tz="UTC"))


def _headers(headers: Sequence[list[tuple[str, bytes | None]] | None]) -> pa.Array:
    """A list a record, empty for one without headers."""
    count = len(headers)
    first = headers[0] or []
    if headers.count(headers[0]) == count:  # as a rule all records of a topic have the same
        lengths = np.full(count, len(first), dtype=np.int32)
        once = np.tile(np.arange(len(first)), count)
        keys, values = _header_columns(first)
        keys, values = keys.take(pa.array(once)), values.take(pa.array(once))
    else:
        lengths = np.fromiter((len(item or ()) for item in headers), dtype=np.int32, count=count)
        keys, values = _header_columns(list(itertools.chain.from_iterable(item or () for item in headers)))
    offsets = np.zeros(count + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    items = pa.StructArray.from_arrays([keys, values], fields=list(HEADER_TYPE.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets), items)


def _header_columns(flat: Sequence[tuple[str, bytes | None]]) -> tuple[pa.Array, pa.Array]:
    return _binary([key.encode() for key, _ in flat]).cast(pa.string()), _binary([value for _, value in flat])
