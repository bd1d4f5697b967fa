"""A column and a table, said once, and rendered for every engine by `contracts/render.py`.

Belongs here: the vocabulary (types, columns, tables). Does not: which tables there are (`tables.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ColumnType(StrEnum):
    """Types that Arrow, polars, Spark, DuckDB and Redshift all have."""

    STRING = "string"
    INT32 = "int32"
    INT64 = "int64"
    DOUBLE = "double"
    MONEY = "decimal(18,4)"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP_MS = "timestamp_ms_utc"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: snake_case; `_at` UTC instants, `_date` days, `is_`/`has_` booleans, units as suffix.
        type: its type.
        description: one sentence for analysts.
        is_nullable: whether a row may lack it.
        max_bytes: longest UTF-8 value, for engines whose strings have a length.
        pii: kind of personal data, None for none.
    """

    name: str
    type: ColumnType
    description: str
    is_nullable: bool = True
    max_bytes: int = 256
    pii: str | None = None


@dataclass(frozen=True)
class Table:
    """One table of the lake and the warehouse.

    Attributes:
        name: plural noun.
        description: what a row is.
        window_column: the date column by which a day is replaced.
        key: columns that identify a row (informational in the warehouse, tested by dbt).
        columns: in order.
    """

    name: str
    description: str
    window_column: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> list[str]:
        """Names in order."""
        return [column.name for column in self.columns]
