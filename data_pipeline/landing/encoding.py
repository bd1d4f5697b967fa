"""The raw layer's Parquet: the same rows give the same bytes on every run.

The bytes depend on the rows, on how they are cut into blocks (`blocks.py`), and on the versions of Arrow and zstd, on nothing else:
no time, no host.
Belongs here: how rows are stored. Does not: where they come from or the bytes go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from data_pipeline.landing.rows import RAW_SCHEMA

OBJECT_BYTES = 192 * 1024 * 1024
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


def write_parquet(blocks: Sequence[pa.RecordBatch], settings: ParquetSettings) -> bytes:
    """One Parquet file with one row group."""
    sink = pa.BufferOutputStream()
    table = pa.Table.from_batches(blocks, schema=RAW_SCHEMA)
    with pq.ParquetWriter(
        sink,
        RAW_SCHEMA,
        compression=settings.codec,
        compression_level=settings.level,
        use_dictionary=list(DICTIONARY_COLUMNS),
        column_encoding={"offset": "DELTA_BINARY_PACKED", "received_at": "DELTA_BINARY_PACKED", "key": "PLAIN", "value": "PLAIN"},
        write_statistics=list(STATISTICS_COLUMNS),
        store_schema=False,
        data_page_version="1.0",
        version="2.6",
    ) as writer:
        writer.write_table(table, row_group_size=max(table.num_rows, 1))
    data: bytes = sink.getvalue().to_pybytes()
    return data
