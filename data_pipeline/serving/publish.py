"""Publishing: marts copied out of the warehouse into the file that dashboards read.

DuckDB lets nobody read a file that a writer has open, and a run writes for minutes. So dashboards have a
file of their own, which is replaced as a whole once dbt is through.
Belongs here: that copy. Does not: exports for other teams (`exports.py`), reading the file (`duckdb_reader.py`).
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from data_pipeline.common.errors import PermanentError, PipelineError, TransientError
from data_pipeline.serving.tables import DIMENSIONS, EVENT_OFFSETS, EVENT_OFFSETS_SQL, MARTS

PUBLICATION = "publication"
"""The table that says when the file was published and by which run."""
_TEMPORARY = ".publishing-"
_TARGET = "published_marts"


@dataclass(frozen=True)
class PublishedMarts:
    """What a publication consists of.

    Attributes:
        tables: rows by table.
        size_bytes: size of the file.
        published_at: when, as written into the file.
    """

    tables: Mapping[str, int]
    size_bytes: int
    published_at: datetime


def publish_marts(
    warehouse_path: Path,
    serving_path: Path,
    *,
    marts: Sequence[str] = MARTS + DIMENSIONS,
    events_table: str = "fct_events",
    run_id: str = "",
    now: datetime | None = None,
) -> PublishedMarts:
    """Copy the marts into a new file and swap it in, last of all.

    A reader sees the old marts or the new ones, all of one dbt run, never a mix; a kill at any point leaves
    the old ones. Publishers of the same file wait for each other.

    Args:
        warehouse_path: the DuckDB warehouse; no writer may have it open, in this process neither.
        serving_path: the file for dashboards; its folder is made where it is missing.
        marts: tables that must be there, in whatever schema.
        events_table: the table with one row an event, summarised to offsets for the lineage page.
        run_id: the run that publishes, for people.
        now: instant to write down; the clock's where it is None.

    Raises:
        PermanentError: the warehouse or a mart is not there, a name is ambiguous, or the disk is full.
        TransientError: another process has the warehouse open for writing.
    """
    if not warehouse_path.is_file():
        raise PermanentError(f"There is no warehouse {warehouse_path}; materialize the warehouse and dbt assets first.")
    published_at = (now or datetime.now(UTC)).astimezone(UTC)
    serving_path.parent.mkdir(parents=True, exist_ok=True)
    with _only_publisher(serving_path):
        temporary = serving_path.with_name(f"{_TEMPORARY}{serving_path.name}")
        _remove(temporary)  # what a killed publisher left
        try:
            tables = _copy(warehouse_path, temporary, marts, events_table, run_id, published_at)
            _sync(temporary)
            temporary.replace(serving_path)
            _sync(serving_path.parent)
        except (duckdb.Error, OSError) as error:
            raise _explained(error, warehouse_path, serving_path) from error
        finally:
            _remove(temporary)
        return PublishedMarts(tables, serving_path.stat().st_size, published_at)


def _copy(
    warehouse_path: Path, temporary: Path, marts: Sequence[str], events_table: str, run_id: str, published_at: datetime
) -> dict[str, int]:
    connection = duckdb.connect(":memory:")
    try:
        # Under the name that the file gives itself: views name their tables with it.
        connection.execute(f"attach '{_quoted(warehouse_path)}' as {_identifier(warehouse_path.stem)} (read_only)")
        connection.execute(f"attach '{_quoted(temporary)}' as {_TARGET}")
        found = _find(connection, [*marts, events_table], warehouse_path)
        rows: dict[str, int] = {}
        # One transaction over all tables: they are of one state of the warehouse.
        connection.execute("begin")
        for mart in marts:
            rows[mart] = _create(connection, mart, f"select * from {found[mart]}")
        rows[EVENT_OFFSETS] = _create(connection, EVENT_OFFSETS, EVENT_OFFSETS_SQL.format(events=found[events_table]))
        connection.execute(f"create table {_TARGET}.{PUBLICATION} (published_at timestamp, run_id varchar)")
        connection.execute(f"insert into {_TARGET}.{PUBLICATION} values (?, ?)", [published_at.replace(tzinfo=None), run_id])
        connection.execute("commit")
        connection.execute(f"checkpoint {_TARGET}")
        connection.execute(f"detach {_TARGET}")
        return rows
    finally:
        connection.close()


def _find(connection: Any, names: Sequence[str], warehouse_path: Path) -> dict[str, str]:
    rows = connection.execute(
        "select table_name, table_schema from information_schema.tables where table_catalog = ? order by all", [warehouse_path.stem]
    ).fetchall()
    schemas: dict[str, list[str]] = {name: [schema for table, schema in rows if table == name] for name in names}
    missing = [name for name, where in schemas.items() if not where]
    if missing:
        raise PermanentError(f"{warehouse_path} has no {', no '.join(missing)}; run dbt build (materialize the dbt models) first.")
    for name, where in schemas.items():
        if len(where) > 1:
            raise PermanentError(
                f"{warehouse_path} has {name} in the schemas {', '.join(where)}; drop those that are not of this deployment's dbt target."
            )
    return {name: ".".join(map(_identifier, (warehouse_path.stem, where[0], name))) for name, where in schemas.items()}


def _create(connection: Any, table: str, select: str) -> int:
    target = f"{_TARGET}.{_identifier(table)}"
    connection.execute(f"create table {target} as {select}")
    return int(connection.execute(f"select count(*) from {target}").fetchone()[0])


@contextmanager
def _only_publisher(serving_path: Path) -> Iterator[None]:
    with serving_path.with_name(f".{serving_path.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _explained(error: Exception, warehouse_path: Path, serving_path: Path) -> PipelineError:
    text = str(error).splitlines()[0]
    if "Could not set lock" in text:
        return TransientError(f"{warehouse_path} is open for writing elsewhere ({text}); publish when that run has ended.")
    if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error) or "out of disk space" in str(error).lower():
        return PermanentError(f"The disk is full while writing {serving_path}; free some space and publish again. The old marts stay.")
    return PermanentError(f"Marts of {warehouse_path} cannot be published to {serving_path}: {text}. The old marts stay.")
