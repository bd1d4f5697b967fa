"""A cell: one counted share of a window. All that a profile knows of values is kept in cells.

A cell says that of `total` things of (check, field, segment), `count` have `key`: nulls of a field in
one event type, rows of one country, prices in one bin. Cells of two halves of a window add up.
Belongs here: the table's shape and how a measure makes and adds cells. Does not: what is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import polars as pl

SCHEMA: dict[str, pl.DataType] = {
    "check": pl.String(),
    "field": pl.String(),
    "segment": pl.String(),
    "key": pl.String(),
    "count": pl.Int64(),
    "total": pl.Int64(),
}
GROUP = ["check", "field", "segment"]
KEY_LENGTH = 120
"""Longest key in characters; longer values are cut, which is enough to recognise them."""
CUTOFF = "\x00cutoff"
"""Key of the cell that holds the smallest count kept where rare keys were left out."""

Expression: TypeAlias = "str | pl.Expr"
"""A column's name, or what is computed of columns."""


def empty() -> pl.DataFrame:
    """No cells."""
    return pl.DataFrame(schema=SCHEMA)


def from_counts(check: str, field: str, segment: str, counts: Mapping[str, int], total: int) -> pl.DataFrame:
    """Cells of one group from a mapping of key to count."""
    return _cells(check, field, segment, list(counts), list(counts.values()), total)


def from_columns(check: str, field: str, segment: str, keys: pl.Series, counts: pl.Series, total: int) -> pl.DataFrame:
    """Cells of one group from a column of keys and one of counts."""
    return _cells(check, field, segment, keys.cast(pl.String).to_list(), counts.cast(pl.Int64).to_list(), total)


def _cells(check: str, field: str, segment: str, keys: Sequence[str], counts: Sequence[int], total: int) -> pl.DataFrame:
    size = len(keys)
    return pl.DataFrame(
        {
            "check": [check] * size,
            "field": [field] * size,
            "segment": [segment] * size,
            "key": [key[:KEY_LENGTH] for key in keys],
            "count": counts,
            "total": [total] * size,
        },
        schema=SCHEMA,
    )


def from_value_counts(check: str, field: str, segment: str, counted: pl.DataFrame, keep: int) -> pl.DataFrame:
    """Cells of the `keep` most frequent values of a frame with columns `value` (no null) and `count`."""
    total = int(counted["count"].sum())
    if counted.height <= keep:
        return from_columns(check, field, segment, counted["value"], counted["count"], total)
    top = counted.top_k(keep, by="count")
    cutoff = int(top["count"].min() or 0)  # type: ignore[arg-type]
    kept = from_columns(check, field, segment, top["value"], top["count"], total)
    return pl.concat([kept, from_counts(check, field, segment, {CUTOFF: cutoff}, total)])


def from_expressions(
    frame: pl.DataFrame, check: str, field: Expression, segment: Expression, key: Expression, count: Expression, total: Expression
) -> pl.DataFrame:
    """Cells of many groups at once, one a row of a frame."""
    columns = {"field": field, "segment": segment, "key": key, "count": count, "total": total}
    as_expressions = {name: pl.col(value) if isinstance(value, str) else value for name, value in columns.items()}
    typed = [as_expressions[name].cast(SCHEMA[name]).alias(name) for name in columns]
    return frame.select(pl.lit(check).alias("check"), *typed).with_columns(pl.col("key").str.slice(0, KEY_LENGTH))


def from_top_values(check: str, counted: pl.DataFrame, keep: int) -> pl.DataFrame:
    """Cells of the `keep` most frequent values of each field of a frame with columns `field`, `value` and `count`."""
    grouped = counted.sort("field", "value").with_columns(
        pl.col("count").sum().over("field").alias("total"), pl.col("count").rank("ordinal", descending=True).over("field").alias("rank")
    )
    kept = from_expressions(grouped.filter(pl.col("rank") <= keep), check, "field", pl.lit(""), "value", "count", "total")
    has_more = grouped.filter(pl.col("rank") > keep).select("field").unique()
    cut = grouped.filter(pl.col("rank") == keep).join(has_more, on="field", how="semi")
    return pl.concat([kept, from_expressions(cut, check, "field", pl.lit(""), pl.lit(CUTOFF), "count", "total")])


def add(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Cells of a whole from the cells of its parts: counts and totals add, a part without a key counts zero."""
    frames = [part for part in parts if part.height]
    if not frames:
        return empty()
    if len(frames) == 1:
        return frames[0]
    stacked = pl.concat([frame.with_columns(pl.lit(n).alias("part")) for n, frame in enumerate(frames)])
    totals = stacked.group_by([*GROUP, "part"]).agg(pl.col("total").first()).group_by(GROUP).agg(pl.col("total").sum())
    counts = stacked.group_by([*GROUP, "key"]).agg(pl.col("count").sum())
    return counts.join(totals, on=GROUP).select(list(SCHEMA))
