"""The raw layer's Parquet: the same rows give the same bytes on every run.

The bytes depend on the rows, on how they are cut into blocks (`blocks.py`), and on the versions of Arrow and zstd, on nothing else:
no time, no host.
Belongs here: how rows are stored. Does not: where they come from or the bytes go.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from data_pipeline.landing.blocks import Block
from data_pipeline.landing.rows import RAW_SCHEMA

GROUP_BLOCKS = 4
GROUP_BYTES = 32 * 1024 * 1024
"""A row group ends when either is reached."""
OBJECT_BYTES = 144 * 1024 * 1024
"""Uncompressed size at which an object ends before its chunk does, so that memory has a bound whatever the values' size."""

DICTIONARY_COLUMNS = ("partition", "headers.list.element.key", "headers.list.element.value")
STATISTICS_COLUMNS = ("partition", "offset", "received_at")


@dataclass(frozen=True)
class ParquetSettings:
    """How raw objects are compressed.

    Attributes:
        codec: Parquet codec.
        level: its level.
    """

    codec: str = "zstd"
    level: int = 1


class ObjectWriter:
    """One Parquet file in memory; a row group every few blocks, so that only their rows stand there uncompressed."""

    def __init__(self, settings: ParquetSettings) -> None:
        self._file = io.BytesIO()
        self._writer = pq.ParquetWriter(
            self._file,
            RAW_SCHEMA,
            compression=settings.codec,
            compression_level=settings.level,
            use_dictionary=list(DICTIONARY_COLUMNS),
            column_encoding={"offset": "DELTA_BINARY_PACKED", "received_at": "DELTA_BINARY_PACKED", "key": "PLAIN", "value": "PLAIN"},
            write_statistics=list(STATISTICS_COLUMNS),
            store_schema=False,
            data_page_version="1.0",
            version="2.6",
        )
        self._open: list[Block] = []
        self._open_bytes = 0
        self.row_count = 0
        self.size_bytes = 0

    @property
    def stored_bytes(self) -> int:
        """Bytes of the file so far, compressed."""
        return self._file.tell()

    def add(self, block: Block) -> None:
        """Take a block; `row_count` and `size_bytes` (uncompressed) grow by it."""
        self._open.append(block)
        self._open_bytes += block.size_bytes
        self.row_count += block.batch.num_rows
        self.size_bytes += block.size_bytes
        if len(self._open) >= GROUP_BLOCKS or self._open_bytes >= GROUP_BYTES:
            self._write_group()

    def finish(self) -> bytes:
        """The file; the writer is of no use afterwards."""
        if self._open:
            self._write_group()
        self._writer.close()
        return self._file.getvalue()

    def _write_group(self) -> None:
        table = pa.Table.from_batches([block.batch for block in self._open], schema=RAW_SCHEMA)
        self._open, self._open_bytes = [], 0
        self._writer.write_table(table, row_group_size=table.num_rows)
