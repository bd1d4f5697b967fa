"""Marts in Redshift, through its own driver.

Belongs here: connecting, binding parameters, the driver's errors in plain words.
Does not: loading or modelling (`warehouse/`, `dbt_project/`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from data_pipeline.serving.reader import MartsUnavailableError, NoDataError, Query
from data_pipeline.serving.result_cache import ResultCache
from data_pipeline.serving.tables import EVENT_OFFSETS, EVENT_OFFSETS_SQL

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")


@dataclass(frozen=True)
class RedshiftAddress:
    """Where and as whom to connect.

    Attributes:
        schemas: schemas that hold marts and facts, in the order in which names are looked up.
    """

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    schemas: Sequence[str] = ("marts", "core")
    events_table: str = "fct_events"
    timeout_s: int = 10


class RedshiftMartReader:
    """Reads marts where they are; results are kept for a while, since a cluster's marts change once a day."""

    def __init__(self, address: RedshiftAddress, max_age_s: int = 300, clock: Callable[[], float] = time.monotonic) -> None:
        """Remember the address; nothing is opened yet.

        Args:
            address: where.
            max_age_s: how long a result is shown before it is asked for again.
            clock: seconds, for tests.
        """
        self._address = address
        self._max_age_s = max_age_s
        self._clock = clock
        self._cache = ResultCache()

    @property
    def description(self) -> str:
        """The database, without user or password."""
        return f"Redshift database {self._address.database} at {self._address.host}:{self._address.port}"

    @contextmanager
    def snapshot(self) -> Iterator[RedshiftMartSnapshot]:
        """A connection that is opened by the first query that is not in the cache; one transaction, so one state of the marts."""
        snapshot = RedshiftMartSnapshot(self._address, int(self._clock() // self._max_age_s), self._cache)
        try:
            yield snapshot
        finally:
            snapshot.close()


class RedshiftMartSnapshot:
    """One read-only transaction."""

    def __init__(self, address: RedshiftAddress, version: int, cache: ResultCache) -> None:
        self._address = address
        self._version = version
        self._cache = cache
        self._connection: Any = None

    def fetch(self, query: Query) -> pl.DataFrame:
        """Run a query or take its result from the cache; see `MartSnapshot`."""
        kept = self._cache.get(self._version, query)
        if kept is not None:
            return kept
        import redshift_connector

        sql, values = _bind(self._with_derived(query), query)
        try:
            cursor = self._connect().cursor()
            cursor.execute(sql, values)
            rows = cursor.fetchall()
            names = [_text(column[0]) for column in cursor.description]
        except redshift_connector.ProgrammingError as error:
            if "does not exist" in str(error):
                raise NoDataError(f"{_first_line(error)} in {self._address.database}; run `dbt build` for that target.") from error
            raise
        except (redshift_connector.Error, OSError) as error:
            raise MartsUnavailableError(
                f"Redshift at {self._address.host}:{self._address.port} did not answer the query ({_first_line(error)}); try again shortly."
            ) from error
        result = pl.DataFrame([list(row) for row in rows], schema=names, orient="row", infer_schema_length=None)
        self._cache.put(self._version, query, result)
        return result

    def close(self) -> None:
        """End the transaction."""
        if self._connection is not None:
            self._connection.close()

    def _with_derived(self, query: Query) -> str:
        if EVENT_OFFSETS not in query.tables:
            return query.sql
        return f"with {EVENT_OFFSETS} as ({EVENT_OFFSETS_SQL.format(events=self._address.events_table)})\n{query.sql}"

    def _connect(self) -> Any:
        if self._connection is None:
            import redshift_connector

            address = self._address
            try:
                self._connection = redshift_connector.connect(
                    host=address.host,
                    port=address.port,
                    database=address.database,
                    user=address.user,
                    password=address.password,
                    timeout=address.timeout_s,
                    application_name="data-pipeline dashboards",
                )
            except (redshift_connector.Error, OSError) as error:
                raise MartsUnavailableError(
                    f"Redshift at {address.host}:{address.port} cannot be reached or refused the login ({_first_line(error)}); "
                    "check DATA_PIPELINE_REDSHIFT_HOST, _USER and _PASSWORD, and that the network lets this machine in."
                ) from error
            cursor = self._connection.cursor()
            cursor.execute(f"set search_path to {', '.join(_identifier(schema) for schema in address.schemas)}")
            cursor.execute("set query_group to 'dashboards'")
        return self._connection


def _bind(sql: str, query: Query) -> tuple[str, list[object]]:
    values: list[object] = []

    def positional(match: re.Match[str]) -> str:
        values.append(query.parameters[match.group(1)])
        return "%s"

    return _PARAMETER.sub(positional, sql.replace("%", "%%")), values


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _first_line(error: Exception) -> str:
    detail = error.args[0] if error.args else ""
    text = detail.get("M", "") if isinstance(detail, dict) else str(detail)
    return text.splitlines()[0] if text else type(error).__name__
