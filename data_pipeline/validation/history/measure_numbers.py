"""Measures of numbers, one column at a time: where they lie, how precise they are, which are frequent.

All columns are stacked into one frame and measured together.
Belongs here: counts that need no other row and no other field. Does not: texts, clocks, relations, sequences.
"""

from __future__ import annotations

import polars as pl

from data_pipeline.validation.history import cells
from data_pipeline.validation.history.bins import bin_of
from data_pipeline.validation.history.fields import CONTAINERS, ITEM_FIELDS, ROW_FIELDS, Kind

KEEP_NUMBERS = 25


def measure_numbers(staged: pl.DataFrame, flat: pl.DataFrame, items: dict[str, pl.DataFrame]) -> list[pl.DataFrame]:
    """Cells of every number of the rows and of the items, and of how many items carts and orders have."""
    columns = [(field.path, flat[field.path], flat["event_type"]) for field in ROW_FIELDS if field.kind is Kind.NUMBER]
    for container in CONTAINERS:
        path, frame = f"{container}.items", items[container]
        columns += [(f"{path}.{field.path}", frame[field.path], frame["event_type"]) for field in ITEM_FIELDS if field.kind is Kind.NUMBER]
        counts = staged.select(pl.col(container).struct.field("items").list.len().alias("value"))["value"]
        columns.append((path, counts, staged["event_type"]))
    stacked = pl.concat(
        pl.DataFrame({"value": values.cast(pl.Float64), "segment": event_type})
        .drop_nulls("value")
        .select(pl.lit(path).alias("field"), "value", "segment")
        for path, values, event_type in columns
    )
    if not stacked.height:
        return []
    counted = stacked.group_by("field", "value").agg(pl.len().cast(pl.Int64).alias("count"))
    summed = counted.group_by("field").agg(pl.col("count").max().alias("top"), pl.col("count").sum().alias("total"))
    return [
        cells.from_expressions(summed, "top_value", "field", pl.lit(""), pl.lit("top"), "top", "total"),
        cells.from_top_values("frequent_value", counted.with_columns(pl.format("{}", "value").alias("value")), KEEP_NUMBERS),
        *_measure_bins(stacked),
        _measure_precision(counted),
    ]


def _measure_bins(stacked: pl.DataFrame) -> list[pl.DataFrame]:
    """Where numbers lie, over all rows and by event type where there is more than one."""
    binned = stacked.group_by("field", "segment", bin_of(pl.col("value")).alias("key")).agg(pl.len().alias("count"))
    overall = binned.group_by("field", "key").agg(pl.col("count").sum())
    overall = overall.with_columns(pl.col("count").sum().over("field").alias("total"))
    by_type = binned.with_columns(
        pl.col("count").sum().over("field", "segment").alias("total"), pl.col("segment").n_unique().over("field").alias("segments")
    ).filter(pl.col("segments") > 1)
    return [
        cells.from_expressions(overall, "number", "field", pl.lit(""), "key", "count", "total"),
        cells.from_expressions(by_type, "number", "field", pl.format("event_type={}", "segment"), "key", "count", "total"),
    ]


def _measure_precision(counted: pl.DataFrame) -> pl.DataFrame:
    """How many values are whole, multiples of 10, 100 and 1000, of one decimal, of more than two."""
    value, count = pl.col("value"), pl.col("count")
    cents = value * 100
    is_whole = (value - value.round()).abs() < 1e-9
    is_counted = is_whole & (value != 0)
    kinds = {
        "whole": is_counted,
        "tens": is_counted & (value % 10 == 0),
        "hundreds": is_counted & (value % 100 == 0),
        "thousands": is_counted & (value % 1000 == 0),
        "one_decimal": ~is_whole & ((value * 10 - (value * 10).round()).abs() < 1e-6),
        "more_decimals": (cents - cents.round()).abs() > 1e-5,
        "zero": value == 0,
    }
    summed = counted.group_by("field").agg(count.sum().alias("total"), *((kind * count).sum().alias(name) for name, kind in kinds.items()))
    long = summed.unpivot(on=list(kinds), index=["field", "total"], variable_name="key", value_name="count")
    return cells.from_expressions(long, "precision", "field", pl.lit(""), "key", "count", "total")
