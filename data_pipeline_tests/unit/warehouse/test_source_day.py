"""A source with a contract of its own, from staged hours to rows in the warehouse."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.layout import hour_partition, hour_prefix
from data_pipeline.common.manifest import Entry, Manifest, publish_manifest, read_manifest
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.common.windows import Hour
from data_pipeline.contracts.columns import ColumnType
from data_pipeline.contracts.flatten import flatten_for_warehouse
from data_pipeline.contracts.render import redshift_ddl
from data_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from data_pipeline.warehouse.source_day import build_source_day

DAY = date(2026, 3, 14)
INSTANT = pa.timestamp("ms", "UTC")
STAGED = pa.schema(
    [
        ("readingId", pa.string()),
        ("order", pa.int64()),
        ("value", pa.float64()),
        ("is_on", pa.bool_()),
        ("measured_on", pa.date32()),
        ("taken_at", INSTANT),
        ("place", pa.struct([("name", pa.string()), ("floor", pa.int64()), ("since", INSTANT)])),
        ("tags", pa.list_(pa.string())),
        ("content_hash", pa.string()),
        ("received_at", INSTANT),
        ("kafka_partition", pa.int32()),
        ("kafka_offset", pa.int64()),
    ]
)
READINGS = flatten_for_warehouse("readings", STAGED)


def stage(store: LocalObjectStore, source: str, hour: str, count: int) -> Entry:
    parsed = Hour.parse(hour)
    since = datetime(2026, 1, 1, 12, tzinfo=UTC)
    rows = [
        {
            "readingId": f"r{n}",
            "order": n,
            "value": n / 2,
            "is_on": n % 2 == 0,
            "measured_on": DAY,
            "taken_at": parsed.start,
            "place": {"name": "Küche", "floor": n, "since": since} if n else None,
            "tags": ["a", "b"] if n else [],
            "content_hash": "h",
            "received_at": parsed.start,
            "kafka_partition": 0,
            "kafka_offset": n,
        }
        for n in range(count)
    ]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=STAGED), buffer)
    data = buffer.getvalue()
    prefix = hour_prefix("staged", source, parsed)
    entry = Entry(f"{prefix}/part-00000-x.parquet", len(data), count, hashlib.sha256(data).hexdigest())
    store.put(entry.key, data)
    manifest = Manifest("staged", hour_partition(source, parsed), [entry], {"rows_staged": count})
    publish_manifest(store, prefix, manifest, read_manifest(store, prefix))
    return entry


def test_the_table_has_scalars_as_columns_and_the_rest_as_text() -> None:
    kinds = {column.name: column.type for column in READINGS.columns}
    assert READINGS.window_column == "arrival_date"
    assert list(kinds)[:4] == ["arrival_date", "landed_source", "reading_id", "order"]
    assert (kinds["value"], kinds["place"], kinds["tags"]) == (ColumnType.DOUBLE, ColumnType.STRING, ColumnType.STRING)
    assert '"place" VARCHAR(65535)' in redshift_ddl(READINGS)


def test_fields_that_would_share_a_column_are_named() -> None:
    with pytest.raises(PermanentError, match="'reading_id'"):
        flatten_for_warehouse("readings", STAGED.append(pa.field("reading_id", pa.string())))
    with pytest.raises(PermanentError, match="no column type"):
        flatten_for_warehouse("readings", STAGED.append(pa.field("blob", pa.binary())))


def test_a_day_of_two_sources_is_loaded(tmp_path: Path) -> None:
    store = LocalObjectStore(tmp_path / "store")
    for source, hour, count in [("north", "2026-03-14T00", 3), ("north", "2026-03-14T23", 2), ("south", "2026-03-14T09", 1)]:
        stage(store, source, hour, count)
    stage(store, "north", "2026-03-15T00", 9)
    manifest = build_source_day(READINGS, DAY, store, sources=["south", "north"], run_id="run")
    assert manifest.counts == {"rows_in": 6, "rows_out": 6, "hours": 3}
    warehouse = DuckDBWarehouse(tmp_path / "analytics.duckdb")
    assert warehouse.replace_window(READINGS, DAY, manifest, store, run_id="run").rows_loaded == 6
    rows = warehouse.fetch("select * from warehouse.readings where landed_source = 'north' order by received_at, kafka_offset").as_dicts()
    assert [row["reading_id"] for row in rows] == ["r0", "r1", "r2", "r0", "r1"]
    assert (rows[0]["place"], rows[0]["tags"], rows[0]["value"]) == (None, "[]", 0.0)
    assert (rows[1]["place"], rows[1]["tags"]) == ('{"name":"Küche","floor":1,"since":"2026-01-01T12:00:00Z"}', '["a","b"]')


def test_another_run_publishes_the_same(tmp_path: Path) -> None:
    store = LocalObjectStore(tmp_path)
    stage(store, "north", "2026-03-14T00", 3)
    first = build_source_day(READINGS, DAY, store, sources=["north"], run_id="one")
    again = build_source_day(READINGS, DAY, store, sources=["north"], run_id="two")
    assert again == first
    stage(store, "north", "2026-03-14T01", 1)
    later = build_source_day(READINGS, DAY, store, sources=["north"], run_id="three")
    assert (later.generation, later.row_count) == (2, 4)


def test_a_damaged_staged_object_is_named(tmp_path: Path) -> None:
    store = LocalObjectStore(tmp_path)
    entry = stage(store, "north", "2026-03-14T00", 3)
    store.put(entry.key, store.get(entry.key)[:-10])
    with pytest.raises(PermanentError, match="truncated") as caught:
        build_source_day(READINGS, DAY, store, sources=["north"], run_id="one")
    assert store.url(entry.key) in str(caught.value)
