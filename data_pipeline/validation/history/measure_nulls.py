"""Measures of absence: nulls of every field, over all rows and in segments.

Belongs here: counting nulls. Does not: values (`measure_texts.py`, `measure_numbers.py`).
"""

from __future__ import annotations

import polars as pl

from data_pipeline.validation.history import cells
from data_pipeline.validation.history.fields import CONTAINERS, ITEM_FIELDS, PARENT_KEY, ROW_FIELDS, Field

SEGMENT_FIELDS = ("event_type", "context.app_version", "context.os", "context.country")
"""Fields whose values are the segments in which null rates are looked at."""
SEGMENTS_KEPT = 12


def measure_nulls(flat: pl.DataFrame) -> list[pl.DataFrame]:
    """Nulls of every optional field and object, over all rows and in segments."""
    nulls = [pl.col(field.path).is_null().sum().alias(field.path) for field in ROW_FIELDS if _is_optional(field)]
    nulls += [pl.col(key).is_null().sum().alias(parent) for parent, key in PARENT_KEY.items()]
    found = [_null_cells(flat.select(pl.len().alias("total"), *nulls), "")]
    for segment in SEGMENT_FIELDS:
        grouped = flat.group_by(pl.col(segment).alias("segment")).agg(pl.len().alias("total"), *nulls)
        grouped = grouped.drop_nulls("segment").top_k(SEGMENTS_KEPT, by="total")
        found += [_null_cells(grouped, segment)] if grouped.height else []
    for field in ROW_FIELDS:
        if field.parent:
            present = flat[field.parent].len() - flat[field.parent].null_count()
            count = flat[field.path].null_count() - flat[field.parent].null_count()
            found.append(cells.from_counts("null_rate", field.path, "where present", {"null": max(count, 0)}, present))
    return found


def _is_optional(field: Field) -> bool:
    """Fields of the row and of its context; those of other objects are looked at where the object is there."""
    is_outer = "." not in field.path or field.path.startswith("context.")
    return is_outer and field.path not in ("event_id", "event_type", "source", "occurred_at", "sent_at")


def _null_cells(grouped: pl.DataFrame, segment: str) -> pl.DataFrame:
    name = pl.lit("") if not segment else pl.format("{}={}", pl.lit(segment), "segment")
    measured = [column for column in grouped.columns if column not in ("segment", "total")]
    long = grouped.with_columns(name.alias("segment")).unpivot(
        on=measured, index=["segment", "total"], variable_name="field", value_name="count"
    )
    long = long.filter(pl.col("field") != segment)
    return cells.from_expressions(long, "null_rate", "field", "segment", pl.lit("null"), "count", "total")


def measure_item_nulls(items: dict[str, pl.DataFrame]) -> list[pl.DataFrame]:
    """Nulls of the optional fields of items."""
    return [
        cells.from_counts("null_rate", f"{container}.items.{field.path}", "", {"null": items[container][field.path].null_count()}, total)
        for container in CONTAINERS
        if (total := items[container].height)
        for field in ITEM_FIELDS
        if field.parent
    ]
