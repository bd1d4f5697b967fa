"""Gathers rows into blocks whose cuts depend on the rows alone.

Parquet's pages depend on how its input is cut, and Kafka hands out messages in batches of any size. So rows are gathered in blocks
of a fixed size before Arrow sees them; that is why a chunk's bytes are the same on every run.
Belongs here: where blocks are cut. Does not: what a block looks like (`rows.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from data_pipeline.landing.rows import Rows, to_record_batch

BLOCK_ROWS = 16_384
BLOCK_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Block:
    """Rows that Parquet gets at once.

    Attributes:
        batch: the rows, in the raw layer's columns.
        size_bytes: bytes of their keys and values.
        last_offset: offset of the last row.
    """

    batch: pa.RecordBatch
    size_bytes: int
    last_offset: int


class BlockBuilder:
    """Takes rows of one partition in order, gives blocks."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._open: list[Rows] = []
        self._open_rows = 0
        self._open_bytes = 0

    def append(self, rows: Rows) -> Iterator[Block]:
        """Take rows; yields each block that they complete."""
        start = 0
        while start < len(rows):
            stop = self._fitting(rows, start)
            part = rows if (start, stop) == (0, len(rows)) else rows.slice(start, stop)
            start = stop
            self._open.append(part)
            self._open_rows += len(part)
            self._open_bytes += part.size_bytes
            if self._open_rows >= BLOCK_ROWS or self._open_bytes >= BLOCK_BYTES:
                yield self._close()

    def rest(self) -> Iterator[Block]:
        """The rows that fill no block, if there are any, as the last one."""
        if self._open:
            yield self._close()

    def _fitting(self, rows: Rows, start: int) -> int:
        """How far the open block reaches into the rows: up to the row with which it is full, that row included."""
        stop = min(start + BLOCK_ROWS - self._open_rows, len(rows))
        room = BLOCK_BYTES - self._open_bytes
        if rows.size_bytes <= room:
            return stop
        return min(start + int(np.searchsorted(np.cumsum(rows.sizes()[start:stop]), room)) + 1, stop)

    def _close(self) -> Block:
        block = Block(to_record_batch(self._partition, self._open), self._open_bytes, int(self._open[-1].offsets[-1]))
        self._open, self._open_rows, self._open_bytes = [], 0, 0
        return block
