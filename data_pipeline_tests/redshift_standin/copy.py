"""COPY of Parquet by manifest, as Redshift does it: columns by position, all objects or none."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from data_pipeline.common.errors import PipelineError
from data_pipeline.common.object_store import ObjectStore


class CopyError(Exception):
    """The objects cannot be loaded."""


def read_as_csv(store: ObjectStore, manifest_url: str, column_count: int) -> tuple[bytes, int]:
    """The rows of a manifest's objects as CSV for PostgreSQL, with their number."""
    out, rows = io.BytesIO(), 0
    try:
        entries = json.loads(store.get(store.key(manifest_url)))["entries"]
        for entry in entries:
            data = store.get(store.key(entry["url"]))
            if len(data) != entry["meta"]["content_length"]:
                raise CopyError(f"{entry['url']} has {len(data)} bytes, not {entry['meta']['content_length']}")
            table = pq.read_table(io.BytesIO(data))
            if table.num_columns != column_count:
                raise CopyError(f"{entry['url']} has {table.num_columns} columns, the table has {column_count}")
            csv.write_csv(_plain(table), out, csv.WriteOptions(include_header=False))
            rows += table.num_rows
    except (PipelineError, pa.ArrowInvalid, KeyError, ValueError) as error:
        raise CopyError(str(error)) from error
    return out.getvalue(), rows


def _plain(table: pa.Table) -> pa.Table:
    """Instants without zone: PostgreSQL's TIMESTAMP would ignore it, and they are UTC."""
    fields = [
        pa.field(field.name, pa.timestamp("ms")) if pa.types.is_timestamp(field.type) else field.with_nullable(True)
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))
