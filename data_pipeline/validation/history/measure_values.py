"""Measures of one column at a time: nulls, values, their form and length, numbers and their precision.

Belongs here: counts that need no other row and no other field. Does not: clocks, relations, sequences.
"""

from __future__ import annotations

import polars as pl

from data_pipeline.validation.history import cells
from data_pipeline.validation.history.bins import bin_of, length_bin
from data_pipeline.validation.history.fields import CONTAINERS, ITEM_FIELDS, PARENT_KEY, ROW_FIELDS, Field, Kind

KEEP_VALUES = 60
KEEP_NUMBERS = 25
SEGMENT_FIELDS = ("event_type", "context.app_version", "context.os", "context.country")
"""Fields whose values are the segments in which null rates are looked at."""
SEGMENTS_KEPT = 12

FORMS: dict[str, pl.Expr] = {
    "empty": pl.col("value") == "",
    "edge_space": pl.col("value") != pl.col("value").str.strip_chars(),
    "space": pl.col("value").str.contains(" ", literal=True),
    "upper": pl.col("value").str.contains(r"[A-Z]"),
    "lower": pl.col("value").str.contains(r"[a-z]"),
    "digit": pl.col("value").str.contains(r"[0-9]"),
    "digits_only": pl.col("value").str.contains(r"^[0-9.,-]+$"),
    "non_ascii": pl.col("value").str.len_bytes() != pl.col("value").str.len_chars(),
    "question_mark": pl.col("value").str.contains("?", literal=True),
    "link": pl.col("value").str.contains("://", literal=True),
    "escape": pl.col("value").str.contains(r"&[a-z#0-9]{2,8};|%[0-9A-Fa-f]{2}|\\[unrtx\"]|</?[a-z]+>|\+[a-z]"),
    "quoted": pl.col("value").str.contains(r"^[\"'\[{(]|[\"'\]})]$"),
    "placeholder": pl.col("value")
    .str.to_lowercase()
    .is_in(
        [
            "unknown",
            "undefined",
            "null",
            "none",
            "n/a",
            "na",
            "nan",
            "nil",
            "-",
            "--",
            "0",
            "test",
            "default",
            "other",
            "(not set)",
            "xx",
            "todo",
        ]
    ),
    "cut_off": pl.col("value").str.contains(r"(\.\.\.|…)$"),
}
"""Forms of a text, each a condition on the column `value`."""


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
    return long.select(
        pl.lit("null_rate").alias("check"),
        "field",
        "segment",
        pl.lit("null").alias("key"),
        pl.col("count").cast(pl.Int64),
        pl.col("total").cast(pl.Int64),
    )


def measure_columns(flat: pl.DataFrame, items: dict[str, pl.DataFrame]) -> list[pl.DataFrame]:
    """Values, forms and numbers of every field of the rows and of the items."""
    found: list[pl.DataFrame] = []
    for field in ROW_FIELDS:
        found += measure_column(field.path, field.kind, flat[field.path], flat["event_type"])
    for container in CONTAINERS:
        frame = items[container]
        for field in ITEM_FIELDS:
            found += measure_column(f"{container}.items.{field.path}", field.kind, frame[field.path], frame["event_type"])
            if field.parent and frame.height:
                path = f"{container}.items.{field.path}"
                found.append(cells.from_counts("null_rate", path, "", {"null": frame[field.path].null_count()}, frame.height))
    return found


def measure_item_counts(staged: pl.DataFrame) -> list[pl.DataFrame]:
    """How many items carts and orders have."""
    found: list[pl.DataFrame] = []
    for container in CONTAINERS:
        counts = staged.select(pl.col(container).struct.field("items").list.len().cast(pl.Int64).alias("value"))["value"]
        found += _measure_number(f"{container}.items", counts, staged["event_type"])
    return found


def measure_column(path: str, kind: Kind, values: pl.Series, event_type: pl.Series) -> list[pl.DataFrame]:
    """All cells of one column."""
    if kind is Kind.NUMBER:
        return _measure_number(path, values, event_type)
    if kind is Kind.INSTANT:
        return _measure_top(path, _counted(values.cast(pl.Int64)))
    counted = _counted(values)
    if not counted.height:
        return []
    found = _measure_forms(path, counted)
    if kind is Kind.IDENTIFIER:
        found.append(_measure_shape(path, counted))
    if path != "event_id":
        found += _measure_top(path, counted)
        distinct = cells.from_counts("distinct", path, "", {"distinct": counted.height}, int(counted["count"].sum()))
        found.append(distinct)
    if kind is Kind.CATEGORY or (kind is Kind.TEXT and counted.height < counted["count"].sum() / 3) or path.endswith("product_id"):
        found.append(cells.from_value_counts("category_share", path, "", counted, KEEP_VALUES))
    return found


def _counted(values: pl.Series) -> pl.DataFrame:
    return values.drop_nulls().alias("value").value_counts(name="count").select("value", pl.col("count").cast(pl.Int64))


def _measure_top(path: str, counted: pl.DataFrame) -> list[pl.DataFrame]:
    """The most frequent value's share: what a default flood raises, whatever the value is."""
    if not counted.height:
        return []
    top = int(counted["count"].max() or 0)  # type: ignore[arg-type]
    return [cells.from_counts("top_value", path, "", {"top": top}, int(counted["count"].sum()))]


def _measure_forms(path: str, counted: pl.DataFrame) -> list[pl.DataFrame]:
    total = int(counted["count"].sum())
    sums = counted.select((form.fill_null(False) * pl.col("count")).sum().alias(name) for name, form in FORMS.items())
    forms = cells.from_counts("text_form", path, "", {name: int(sums[name][0]) for name in FORMS}, total)
    lengths = counted.select(length_bin(pl.col("value").str.len_chars()).alias("value"), "count")
    lengths = lengths.group_by("value").agg(pl.col("count").sum())
    return [forms, cells.from_columns("length", path, "", lengths["value"], lengths["count"], total)]


def _measure_shape(path: str, counted: pl.DataFrame) -> pl.DataFrame:
    """Prefix, classes of characters and length of identifiers: what differs between identifiers of two fields."""
    value = pl.col("value")
    classes = [
        pl.when(value.str.contains(pattern)).then(pl.lit(letter)).otherwise(pl.lit(""))
        for pattern, letter in (
            (r"[a-z]", "a"),
            (r"[A-Z]", "A"),
            (r"[0-9]", "9"),
            ("-", "-"),
            ("_", "_"),
            (r"\.", "."),
            (":", ":"),
            (" ", " "),
        )
    ]
    prefix = value.str.extract(r"^([A-Za-z]{1,6}[_-])").fill_null("")
    version = value.str.slice(14, 1) if path == "event_id" else pl.lit("")
    shapes = counted.select(pl.concat_str([prefix, pl.lit("|"), *classes, version]).alias("value"), "count")
    shapes = shapes.group_by("value").agg(pl.col("count").sum())
    return cells.from_value_counts("shape", path, "", shapes, KEEP_VALUES)


def _measure_number(path: str, values: pl.Series, event_type: pl.Series) -> list[pl.DataFrame]:
    frame = pl.DataFrame({"value": values.cast(pl.Float64), "segment": event_type}).drop_nulls("value")
    if not frame.height:
        return []
    counted = _counted(frame["value"])
    named = counted.select(pl.format("{}", "value").alias("value"), "count")
    found = [*_measure_top(path, counted), cells.from_value_counts("frequent_value", path, "", named, KEEP_NUMBERS)]
    binned = frame.group_by("segment", bin_of(pl.col("value")).alias("key")).agg(pl.len().alias("count"))
    totals = binned.group_by("segment").agg(pl.col("count").sum().alias("total"))
    by_type = binned.join(totals, on="segment").with_columns(pl.format("event_type={}", "segment").alias("segment"))
    overall = (
        binned.group_by("key").agg(pl.col("count").sum()).with_columns(pl.lit("").alias("segment"), pl.lit(frame.height).alias("total"))
    )
    parts = [overall] + ([by_type] if totals.height > 1 else [])
    found += [
        part.select(
            pl.lit("number").alias("check"),
            pl.lit(path).alias("field"),
            "segment",
            pl.col("key").cast(pl.String),
            pl.col("count").cast(pl.Int64),
            pl.col("total").cast(pl.Int64),
        )
        for part in parts
    ]
    found.append(cells.from_counts("precision", path, "", _precision(frame["value"]), frame.height))
    return found


def _precision(values: pl.Series) -> dict[str, int]:
    """How many values are whole, multiples of 10, 100 and 1000, of one decimal, of more than two."""
    value = pl.col("value")
    cents = value * 100
    is_whole = (value - value.round()).abs() < 1e-9
    sums = values.to_frame("value").select(
        (is_whole & (value != 0)).sum().alias("whole"),
        (is_whole & (value != 0) & (value % 10 == 0)).sum().alias("tens"),
        (is_whole & (value != 0) & (value % 100 == 0)).sum().alias("hundreds"),
        (is_whole & (value != 0) & (value % 1000 == 0)).sum().alias("thousands"),
        (~is_whole & ((value * 10 - (value * 10).round()).abs() < 1e-6)).sum().alias("one_decimal"),
        ((cents - cents.round()).abs() > 1e-5).sum().alias("more_decimals"),
        (value == 0).sum().alias("zero"),
    )
    return {name: int(sums[name][0]) for name in sums.columns}
