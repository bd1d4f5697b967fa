"""Marts in a DuckDB file that is replaced as a whole, read-only.

Belongs here: opening the published file, binding parameters, DuckDB's errors in plain words.
Does not: writing that file (`publish.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from data_pipeline.serving.reader import MartsUnavailableError, NoDataError, Query
from data_pipeline.serving.result_cache import ResultCache

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")
_Version = tuple[int, int, int]


class DuckDbMartReader:
    """Reads the file that `publish_marts` swaps in; a new file is seen by the next snapshot."""

    def __init__(self, path: Path) -> None:
        """Remember where the file is; nothing is opened yet.

        Args:
            path: the published file, not the warehouse itself, which its writer locks.
        """
        self._path = path
        self._cache = ResultCache()

    @property
    def description(self) -> str:
        """The file."""
        return f"DuckDB file {self._path}"

    @contextmanager
    def snapshot(self) -> Iterator[DuckDbMartSnapshot]:
        """The file as it is now; stays readable when another one is swapped in meanwhile."""
        before = self._version()
        connection = self._open()
        try:
            # Between look and open another file may have come: then results must not be kept under the old name.
            version = before if self._version() == before else None
            yield DuckDbMartSnapshot(connection, version, self._cache, self._path)
        finally:
            connection.close()

    def _version(self) -> _Version:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            raise NoDataError(f"There is no file {self._path}: marts have not been published yet.") from None
        except OSError as error:
            raise MartsUnavailableError(f"{self._path} cannot be looked at ({error.strerror}); check the folder's permissions.") from error
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _open(self) -> Any:
        # A database of its own in memory, with the file attached: DuckDB shares one instance between connections to
        # the same path, which would go on showing the replaced file.
        connection = duckdb.connect(":memory:", config={"threads": "2"})
        try:
            connection.execute(f"attach '{_quoted(self._path)}' as marts (read_only)")
            connection.execute("use marts")
            connection.execute("set enable_external_access = false")
        except duckdb.Error as error:
            connection.close()
            raise MartsUnavailableError(_explain(error, self._path)) from error
        return connection


class DuckDbMartSnapshot:
    """One version of the file."""

    def __init__(self, connection: Any, version: _Version | None, cache: ResultCache, path: Path) -> None:
        self._connection = connection
        self._version = version
        self._cache = cache
        self._path = path

    def fetch(self, query: Query) -> pl.DataFrame:
        """Run a query or take its result from the cache; see `MartSnapshot`."""
        if self._version is not None and (kept := self._cache.get(self._version, query)) is not None:
            return kept
        sql = _PARAMETER.sub(r"$\1", query.sql)
        try:
            rows = self._connection.sql(sql, params=dict(query.parameters)).to_arrow_table()
        except duckdb.CatalogException as error:
            missing = self._missing(query)
            if not missing:
                raise
            raise NoDataError(f"{self._path} has no {' and no '.join(missing)}: the marts were published by an older version.") from error
        except duckdb.IOException as error:
            raise MartsUnavailableError(_explain(error, self._path)) from error
        result = pl.DataFrame(rows)
        if self._version is not None:
            self._cache.put(self._version, query, result)
        return result

    def _missing(self, query: Query) -> list[str]:
        there = {row[0] for row in self._connection.execute("select table_name from duckdb_tables()").fetchall()}
        return [table for table in query.tables if table not in there]


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _explain(error: Exception, path: Path) -> str:
    text = str(error)
    if "Could not set lock" in text:
        holder = re.search(r"\(PID (\d+)\)", text)
        return (
            f"{path} is locked by another process{f' (PID {holder.group(1)})' if holder else ''} that has it open for writing; "
            "close that process or wait for it to end, then reload."
        )
    if "not a valid DuckDB database" in text or "corrupt" in text.lower():
        return f"{path} is damaged and cannot be opened as DuckDB; delete it and materialize the dashboards assets to publish it anew."
    return f"{path} cannot be read: {text.splitlines()[0]}"
