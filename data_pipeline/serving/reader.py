"""Reading marts: one snapshot a page, whichever engine holds them.

Belongs here: the protocol, results and the errors that a page can explain.
Does not: SQL (`queries/`), the engines (`duckdb_reader.py`, `redshift_reader.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import polars as pl

from data_pipeline.common.errors import PermanentError, TransientError

Parameter = date | str | int
"""A value bound to a query."""


@dataclass(frozen=True)
class Query:
    """A statement in SQL that DuckDB and Redshift both understand.

    Attributes:
        sql: with `:name` where a parameter goes.
        parameters: values by name.
        tables: the relations it reads, which name what is missing when one is.
    """

    sql: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    tables: tuple[str, ...] = ()


class NoDataError(PermanentError):
    """There is nothing to show yet: marts were never published, or a relation is missing."""


class MartsUnavailableError(TransientError):
    """The marts exist but cannot be read now: locked, unreachable, or refused."""


class MartSnapshot(Protocol):
    """Marts as they stood at one moment; every query of a page sees the same version."""

    def fetch(self, query: Query) -> pl.DataFrame:
        """Run a query.

        Raises:
            NoDataError: a relation that it reads does not exist.
            MartsUnavailableError: the engine did not answer.
        """
        ...


class MartReader(Protocol):
    """Where dashboards get their rows from."""

    @property
    def description(self) -> str:
        """Which marts these are, for people; without any secret."""
        ...

    def snapshot(self) -> AbstractContextManager[MartSnapshot]:
        """Open the marts as they stand now; NoDataError or MartsUnavailableError where that cannot be."""
        ...
