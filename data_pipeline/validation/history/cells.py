"""A cell: one counted share of a window. All that a profile knows of values is kept in cells.

A cell says that of `total` things of (check, field, segment), `count` have `key`: nulls of a field in
one event type, rows of one country, prices in one bin. Cells of two halves of a window add up.
Belongs here: the table's shape and how a measure makes and adds cells. Does not: what is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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


def empty() -> pl.DataFrame:
    """No cells."""
    return pl.DataFrame(schema=SCHEMA)


def from_counts(check: str, field: str, segment: str, counts: Mapping[str, int], total: int) -> pl.DataFrame:
    """Cells of one group from a mapping of key to count."""
    return from_columns(check, field, segment, pl.Series(list(counts), dtype=pl.String), pl.Series(list(counts.values())), total)


def from_columns(check: str, field: str, segment: str, keys: pl.Series, counts: pl.Series, total: int) -> pl.DataFrame:
    """Cells of one group from a column of keys and one of counts."""
    return pl.DataFrame({"key": keys.cast(pl.String), "count": counts.cast(pl.Int64)}).select(
        pl.lit(check).alias("check"),
        pl.lit(field).alias("field"),
        pl.lit(segment).alias("segment"),
        pl.col("key").str.slice(0, KEY_LENGTH),
        "count",
        pl.lit(total, pl.Int64).alias("total"),
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
