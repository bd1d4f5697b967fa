"""The DuckDB adapter.

Belongs here: what `Warehouse` promises, on a DuckDB file. Does not: SQL text (`duckdb_sql.py`), locks (`duckdb_connection.py`).
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.layout import archive_prefix
from data_pipeline.common.manifest import Entry, Manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.contracts.columns import Table
from data_pipeline.contracts.render import WAREHOUSE_SCHEMA, duckdb_ddl, duckdb_type
from data_pipeline.warehouse import duckdb_sql
from data_pipeline.warehouse.archive_manifest import publish_archive
from data_pipeline.warehouse.drift import ActualColumn, columns_to_add
from data_pipeline.warehouse.duckdb_connection import open_for_reading, open_for_writing
from data_pipeline.warehouse.interface import LoadedWindow, Rows, require_equal_archive, require_same_day
from data_pipeline.warehouse.objects import download_objects

_SCHEMAS = (WAREHOUSE_SCHEMA, "staging", "intermediate", "core", "marts")


@dataclass(frozen=True)
class DuckDBWarehouse:
    """A warehouse in one DuckDB file; every call opens it, does one thing, and closes it.

    Attributes:
        path: the file; made at the first write.
        wait_s: how long a call waits for others that hold the file.
    """

    path: Path
    wait_s: float = 300.0

    def __post_init__(self) -> None:
        if self.path.stem in _SCHEMAS:
            raise PermanentError(
                f"A DuckDB file may not be called '{self.path.stem}', since it holds a schema of that name and DuckDB could not tell "
                f"them apart; set DATA_PIPELINE_DUCKDB_PATH to another name, such as {self.path.with_stem('analytics')}."
            )

    def ensure_tables(self, tables: Iterable[Table]) -> None:
        with open_for_writing(self.path, self.wait_s) as connection:
            for table in tables:
                _ensure_table(connection, table)

    def replace_window(self, table: Table, day: date, manifest: Manifest, store: ObjectStore, *, run_id: str) -> LoadedWindow:
        require_same_day(table, day, manifest)
        began = time.monotonic()
        # Downloads happen before the file is opened: dbt and dashboards wait for the load only.
        with tempfile.TemporaryDirectory(prefix="data-pipeline-load-") as folder:
            paths = download_objects(table, manifest, store, Path(folder))
            with open_for_writing(self.path, self.wait_s) as connection:
                _ensure_table(connection, table)
                deleted = _replace(connection, table, day, manifest, paths)
        return LoadedWindow(
            table=table.name,
            day=day,
            rows_deleted=deleted,
            rows_loaded=manifest.row_count,
            bytes_read=manifest.size_bytes,
            object_count=len(manifest.entries),
            seconds=time.monotonic() - began,
            run_id=run_id,
        )

    def archive_window(self, table: Table, day: date, store: ObjectStore, *, run_id: str) -> Manifest:
        with tempfile.TemporaryDirectory(prefix="data-pipeline-archive-") as folder:
            path = Path(folder) / "part.parquet"
            with open_for_reading(self.path, self.wait_s) as connection:
                catalog = _catalog(connection)
                rows = int(_one(connection.execute(duckdb_sql.count_window(table, catalog), [day])))
                connection.execute(duckdb_sql.copy_window_to_file(table, catalog, path), [day])
            data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        key = f"{archive_prefix(table.name, day)}/{_plain(run_id)}-{digest[:16]}.parquet"
        if rows:
            store.put(key, data)
        return publish_archive(table, day, [Entry(key, len(data), rows, digest)] if rows else [], store, run_id)

    def drop_window(self, table: Table, day: date, archived: Manifest, *, run_id: str) -> int:
        with open_for_writing(self.path, self.wait_s) as connection:
            catalog = _catalog(connection)
            connection.begin()
            try:
                deleted = int(_one(connection.execute(duckdb_sql.delete_window(table, catalog), [day])))
                require_equal_archive(table, day, deleted, archived)
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
        return deleted

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        with open_for_reading(self.path, self.wait_s) as connection:
            answer = connection.execute(sql, list(parameters))
            return Rows([column[0] for column in answer.description or []], answer.fetchall())


def _plain(run_id: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", run_id)[:64]


def _catalog(connection: duckdb.DuckDBPyConnection) -> str:
    return str(_one(connection.execute("SELECT current_database()")))


def _one(answer: duckdb.DuckDBPyConnection) -> Any:
    row = answer.fetchone()
    return row[0] if row else None


def _ensure_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    catalog = _catalog(connection)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {duckdb_sql.qualified_schema(catalog)}")
    connection.execute(duckdb_ddl(table, duckdb_sql.qualified_schema(catalog)))
    found = connection.execute(duckdb_sql.read_columns(), [catalog, WAREHOUSE_SCHEMA, table.name]).fetchall()
    actual = {name: ActualColumn(type_name, bool(is_nullable)) for name, type_name, is_nullable in found}
    for column in columns_to_add(table, actual, duckdb_type):
        connection.execute(duckdb_sql.add_column(table, catalog, column))


def _replace(connection: duckdb.DuckDBPyConnection, table: Table, day: date, manifest: Manifest, paths: Sequence[Path]) -> int:
    """Delete, insert, verify and commit; returns the rows deleted. Leaving by an error leaves the day as it was."""
    catalog = _catalog(connection)
    connection.begin()
    try:
        deleted = int(_one(connection.execute(duckdb_sql.delete_window(table, catalog), [day])))
        inserted = int(_one(connection.execute(duckdb_sql.insert_files(table, catalog, paths)))) if paths else 0
        standing = int(_one(connection.execute(duckdb_sql.count_window(table, catalog), [day])))
        if not inserted == standing == manifest.row_count:
            raise PermanentError(
                f"The manifest of {manifest.stage} for {day} says {manifest.row_count} rows, its objects hold {inserted}, of which "
                f"{standing} have {table.window_column} {day}; materialize {manifest.stage} for that day again. Nothing was changed."
            )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return deleted
