"""Gathers messages into blocks whose cuts depend on the messages alone.

Parquet's pages depend on how its input is cut, and Kafka hands out messages in batches of any size. So rows are gathered in blocks
of a fixed size before Arrow sees them; that is why a chunk's bytes are the same on every run.
Belongs here: where blocks are cut. Does not: what a block looks like (`rows.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
from confluent_kafka import Message

from data_pipeline.landing.rows import Rows, to_record_batch

BLOCK_ROWS = 16_384
BLOCK_BYTES = 16 * 1024 * 1024


class BlockBuilder:
    """Takes messages of one partition in order, gives record batches."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._open: list[Rows] = []
        self._open_rows = 0
        self._open_bytes = 0
        self._blocks: list[pa.RecordBatch] = []
        self._closed_bytes = 0

    @property
    def size_bytes(self) -> int:
        """Uncompressed bytes of keys and values gathered in finished blocks."""
        return self._closed_bytes

    def append(self, messages: Sequence[Message]) -> Iterable[int]:
        """Take messages; yields the offset of the last row of each block as it is finished."""
        while messages:
            rows = self._fitting(messages[: BLOCK_ROWS - self._open_rows])
            messages = messages[len(rows) :]
            self._open.append(rows)
            self._open_rows += len(rows)
            self._open_bytes += rows.size_bytes
            if self._open_rows >= BLOCK_ROWS or self._open_bytes >= BLOCK_BYTES:
                self._close_block()
                yield int(rows.offsets[-1])

    def take_closed(self) -> list[pa.RecordBatch]:
        """The rows of the finished blocks; those of the open block stay."""
        blocks, self._blocks, self._closed_bytes = self._blocks, [], 0
        return blocks

    def take(self) -> list[pa.RecordBatch]:
        """All rows, and begin anew."""
        if self._open:
            self._close_block()
        return self.take_closed()

    def _fitting(self, messages: Sequence[Message]) -> Rows:
        """The messages up to the one with which the open block is full by bytes, that one included."""
        rows = Rows.of(messages)
        room = BLOCK_BYTES - self._open_bytes
        if rows.size_bytes <= room:
            return rows
        stop = int(np.searchsorted(np.cumsum(rows.sizes()), room)) + 1
        return rows if stop >= len(rows) else Rows.of(messages[:stop])

    def _close_block(self) -> None:
        self._blocks.append(to_record_batch(self._partition, self._open))
        self._closed_bytes += self._open_bytes
        self._open, self._open_rows, self._open_bytes = [], 0, 0
