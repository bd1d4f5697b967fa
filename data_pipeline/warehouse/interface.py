"""What every warehouse adapter does, and what it returns.

Belongs here: the protocol and its values. Does not: any SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.manifest import Manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.contracts.columns import Table


@dataclass(frozen=True)
class LoadedWindow:
    """One day of one table after its load was committed.

    Attributes:
        table: name of the table, without schema.
        day: the UTC day that was replaced.
        rows_deleted: rows of that day that stood there before.
        rows_loaded: rows of that day that stand there now; equals the manifest's.
        bytes_read: bytes of the objects that were loaded.
        object_count: how many objects they were.
        seconds: how long the load took, downloads included.
        run_id: the run that loaded it.
    """

    table: str
    day: date
    rows_deleted: int
    rows_loaded: int
    bytes_read: int
    object_count: int
    seconds: float
    run_id: str


@dataclass(frozen=True)
class Rows:
    """The answer to a query: column names and tuples in that order."""

    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]

    def as_dicts(self) -> list[dict[str, Any]]:
        """One mapping a row."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    @property
    def scalar(self) -> Any:
        """The one value of an answer of one row and one column; PermanentError for any other shape."""
        if len(self.rows) != 1 or len(self.columns) != 1:
            raise PermanentError(f"The query gave {len(self.rows)} rows of {len(self.columns)} columns where one value was expected.")
        return self.rows[0][0]


class Warehouse(Protocol):
    """A warehouse that holds the catalogue's tables in the schema `warehouse`."""

    def ensure_tables(self, tables: Iterable[Table]) -> None:
        """Create what is missing, add new nullable columns; PermanentError where a table has drifted from the catalogue."""
        ...

    def replace_window(self, table: Table, day: date, manifest: Manifest, store: ObjectStore, *, run_id: str) -> LoadedWindow:
        """Replace a day of a table by what a manifest names, in one transaction.

        Args:
            table: the catalogue's table; created where it does not exist.
            day: the UTC day; every row of the manifest must belong to it.
            manifest: of `lake/<table>/date=<day>`; an empty one leaves the day without rows.
            store: where its objects are.
            run_id: stands in the statements' comments.

        Returns:
            Counts; `rows_loaded` was checked against the manifest before the commit.

        Raises:
            PermanentError: an object is missing, truncated or of another shape; counts differ; the table has drifted;
                the disk is full. The day is as it was.
            TransientError: the warehouse is busy or does not answer. The day is as it was.
        """
        ...

    def archive_window(self, table: Table, day: date, store: ObjectStore, *, run_id: str) -> Manifest:
        """Write a day's rows as Parquet below `archive/<table>/date=<day>` and publish their manifest; the day stays.

        Returns:
            The published manifest; `replace_window` restores the day from it.

        Raises:
            PermanentError: an archive of that day has more rows than the table; nothing archived is replaced by less.
            TransientError: the warehouse or the store does not answer.
        """
        ...

    def drop_window(self, table: Table, day: date, archived: Manifest, *, run_id: str) -> int:
        """Delete a day whose archive holds as many rows as the table, in one transaction; returns the rows deleted.

        Raises:
            PermanentError: the counts differ. The day is as it was.
            TransientError: the warehouse is busy or does not answer. The day is as it was.
        """
        ...

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Run one query that reads; parameters replace `?` marks."""
        ...


def require_same_day(table: Table, day: date, manifest: Manifest) -> None:
    """Refuse a manifest of another day before anything is touched."""
    named = manifest.partition.get("date")
    if named is not None and named != day.isoformat():
        raise PermanentError(f"The manifest of {manifest.stage} is of {named}, not of {day}; load {table.name} with that day's manifest.")


def require_equal_archive(table: Table, day: date, standing: int, archived: Manifest) -> None:
    """Refuse to drop a day that is not what was archived."""
    require_same_day(table, day, archived)
    if archived.stage != f"archive/{table.name}" or archived.row_count != standing:
        raise PermanentError(
            f"warehouse.{table.name} has {standing} rows of {day}, its archive has {archived.row_count}; archive the day again. "
            "Nothing was dropped."
        )
