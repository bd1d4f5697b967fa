"""COPY of Parquet by manifest, as Redshift does it: columns by position, all objects or none."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

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


_ARROW = {
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "double precision": pa.float64(),
    "integer": pa.int32(),
    "timestamp without time zone": pa.timestamp("us"),
}
NULL = "\\N"
"""How a null stands in the stand-in's CSV: an empty text is no null."""


def write_as_parquet(store: ObjectStore, url_prefix: str, data: bytes, types: Mapping[str, str]) -> int:
    """CSV with a header as one Parquet object and a manifest below an address, as UNLOAD writes them; returns the rows.

    Args:
        store: where.
        url_prefix: the address; must hold nothing yet.
        data: the CSV.
        types: PostgreSQL's type of each column.
    """
    prefix = store.key(url_prefix)
    if next(iter(store.list(prefix)), None) is not None:
        raise CopyError(f"UNLOAD destination is not empty: {url_prefix}")
    decimal = pa.decimal128(18, 4)
    arrow = {name: _ARROW.get(kind, decimal if kind.startswith("numeric") else pa.string()) for name, kind in types.items()}
    options = csv.ConvertOptions(
        column_types=arrow,
        null_values=[NULL],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        true_values=["t"],
        false_values=["f"],
    )
    table = csv.read_csv(io.BytesIO(data), parse_options=csv.ParseOptions(newlines_in_values=True), convert_options=options)
    if not table.num_rows:
        return 0
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    store.put(f"{prefix}0000_part_00.parquet", buffer.getvalue())
    meta = {"content_length": len(buffer.getvalue()), "record_count": table.num_rows}
    entry = {"url": store.url(f"{prefix}0000_part_00.parquet"), "meta": meta}
    store.put(f"{prefix}manifest", json.dumps({"entries": [entry], "meta": meta}).encode())
    return table.num_rows
