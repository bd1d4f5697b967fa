"""Retention of the warehouse: whole months leave it for the archive, and come back from there.

Belongs here: which days, and the order archive, then drop, for either adapter. Does not: SQL, objects in S3's own stages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.layout import archive_prefix
from data_pipeline.common.manifest import read_manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.contracts.columns import Table
from data_pipeline.contracts.render import WAREHOUSE_SCHEMA, quote
from data_pipeline.warehouse.interface import Warehouse

RETENTION_MONTHS = 24


@dataclass(frozen=True)
class MovedDay:
    """A day of a table that went to the archive, or came from there."""

    table: str
    day: date
    rows: int
    size_bytes: int

    def to_json(self) -> dict[str, Any]:
        """As commands print it and the job records it."""
        return {"table": self.table, "day": self.day.isoformat(), "rows": self.rows, "size_bytes": self.size_bytes}


def first_kept_day(today: date, months: int = RETENTION_MONTHS) -> date:
    """The first day that stays: so many whole months back, and the month that runs."""
    number = today.year * 12 + today.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def days_before(warehouse: Warehouse, table: Table, before: date) -> list[date]:
    """Days of a table with rows, before a day."""
    name, column = f"{WAREHOUSE_SCHEMA}.{quote(table.name)}", quote(table.window_column)
    return [row[0] for row in warehouse.fetch(f"SELECT DISTINCT {column} FROM {name} WHERE {column} < ? ORDER BY 1", [before]).rows]


def archive_days(
    warehouse: Warehouse,
    tables: Sequence[Table],
    before: date,
    store: ObjectStore,
    run_id: str,
    told: Callable[[MovedDay], object] = lambda _: None,
) -> list[MovedDay]:
    """Move every day before a day into the archive: written and published first, then dropped, day by day.

    Killed anywhere, each day is in the warehouse, or in the archive, or in both; run again, it goes on.
    """
    moved = []
    for table in tables:
        for day in days_before(warehouse, table, before):
            archived = warehouse.archive_window(table, day, store, run_id=run_id)
            rows = warehouse.drop_window(table, day, archived, run_id=run_id)
            moved.append(MovedDay(table.name, day, rows, archived.size_bytes))
            told(moved[-1])
    return moved


def restore_days(warehouse: Warehouse, tables: Sequence[Table], days: Sequence[date], store: ObjectStore, run_id: str) -> list[MovedDay]:
    """Load days from the archive again; the archive stays.

    Raises:
        PermanentError: no table has an archive of a day.
    """
    restored = []
    for day in days:
        found = [(table, read_manifest(store, archive_prefix(table.name, day))) for table in tables]
        if not any(published for _, published in found):
            raise PermanentError(f"{store.url('archive/')} holds no archive of {day}; `data-pipeline archive list` shows what there is.")
        for table, published in found:
            if published is not None:
                loaded = warehouse.replace_window(table, day, published.manifest, store, run_id=run_id)
                restored.append(MovedDay(table.name, day, loaded.rows_loaded, loaded.bytes_read))
    return restored
