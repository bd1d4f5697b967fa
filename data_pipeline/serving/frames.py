"""Small sums over rows that a query returned.

Belongs here: arithmetic of key numbers. Does not: SQL, charts.
"""

from __future__ import annotations

import polars as pl


def column_sum(rows: pl.DataFrame, column: str) -> int:
    """Sum of whole numbers; 0 of no rows."""
    return int(rows[column].sum() or 0)


def with_share(rows: pl.DataFrame, part: str, whole: str, name: str) -> pl.DataFrame:
    """A column `part / whole`, null where the whole is 0."""
    return rows.with_columns(pl.when(pl.col(whole) > 0).then(pl.col(part).cast(pl.Float64) / pl.col(whole).cast(pl.Float64)).alias(name))


def total_by(rows: pl.DataFrame, key: str, *columns: str) -> pl.DataFrame:
    """Sums by key, in the order of the key."""
    return rows.group_by(key).agg(pl.col(column).sum() for column in columns).sort(key)
