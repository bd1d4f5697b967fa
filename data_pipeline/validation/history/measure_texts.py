"""Measures of texts, one column at a time: values, their form, length and shape, the most frequent one.

All columns are stacked into one frame of distinct values and measured together: a window's profile then costs a few
passes, not a few for each column.
Belongs here: counts that need no other row and no other field. Does not: numbers, clocks, relations, sequences.
"""

from __future__ import annotations

import polars as pl

from data_pipeline.validation.history import cells
from data_pipeline.validation.history.bins import length_bin
from data_pipeline.validation.history.fields import CONTAINERS, ITEM_FIELDS, ROW_FIELDS, Kind

KEEP_VALUES = 60
MOST_TEXTS = 20_000
"""Distinct values of a column whose form and shape are looked at; of more, those chosen by hash. More would move no verdict."""
_SEED = 11
_ALL = 2**64 - 1

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

_CLASSES = (("[a-z]", "a"), ("[A-Z]", "A"), ("[0-9]", "9"), ("-", "-"), ("_", "_"), (r"\.", "."), (":", ":"), (" ", " "))
"""What an identifier's shape says of its characters."""


def measure_texts(flat: pl.DataFrame, items: dict[str, pl.DataFrame]) -> list[pl.DataFrame]:
    """Cells of every text field of the rows and of the items."""
    columns = [(field.path, field.kind, flat[field.path]) for field in ROW_FIELDS]
    columns += [
        (f"{container}.items.{field.path}", field.kind, items[container][field.path]) for container in CONTAINERS for field in ITEM_FIELDS
    ]
    found: list[pl.DataFrame] = []
    counted: list[pl.DataFrame] = []
    chosen: list[pl.DataFrame] = []
    identifiers: list[str] = []
    shared: list[str] = []
    for path, kind, values in columns:
        if kind is Kind.NUMBER:
            continue
        distinct = values.drop_nulls().alias("value").value_counts(name="count")
        if kind is Kind.INSTANT:
            total = values.len() - values.null_count()
            found += [cells.from_counts("top_value", path, "", {"top": int(distinct["count"].max())}, total)] if total else []  # type: ignore[arg-type]
            continue
        distinct = distinct.select(pl.lit(path).alias("field"), "value", pl.col("count").cast(pl.Int64))
        counted.append(distinct)
        chosen.append(_some(distinct))
        identifiers += [path] if kind is Kind.IDENTIFIER else []
        repeats = kind is Kind.TEXT and distinct.height < (values.len() - values.null_count()) / 3
        if kind is Kind.CATEGORY or repeats or path.endswith("product_id"):
            shared.append(path)
    stacked, texts = pl.concat(counted), pl.concat(chosen)
    found += _measure_values(stacked.filter(pl.col("field") != "event_id"))
    found.append(cells.from_top_values("category_share", stacked.filter(pl.col("field").is_in(shared)), KEEP_VALUES))
    found += _measure_forms(texts)
    found.append(_measure_shapes(texts.filter(pl.col("field").is_in(identifiers))))
    return [frame for frame in found if frame.height]


def _some(distinct: pl.DataFrame) -> pl.DataFrame:
    """At most about MOST_TEXTS of the values, the same ones wherever they occur."""
    if distinct.height <= MOST_TEXTS:
        return distinct
    return distinct.filter(pl.col("value").hash(seed=_SEED) <= MOST_TEXTS * _ALL // distinct.height)


def _measure_values(stacked: pl.DataFrame) -> list[pl.DataFrame]:
    """How many values are distinct, and the most frequent one's share: what a default flood raises, whatever the value is."""
    summed = stacked.group_by("field").agg(
        pl.len().alias("distinct"), pl.col("count").max().alias("top"), pl.col("count").sum().alias("total")
    )
    return [
        cells.from_expressions(summed, check, "field", pl.lit(""), pl.lit(key), pl.col(key), "total")
        for check, key in (("top_value", "top"), ("distinct", "distinct"))
    ]


def _measure_forms(texts: pl.DataFrame) -> list[pl.DataFrame]:
    """Forms and lengths, each row as often as its value occurs."""
    weighted = {name: (form.fill_null(False) * pl.col("count")).sum().alias(name) for name, form in FORMS.items()}
    summed = texts.group_by("field").agg(pl.col("count").sum().alias("total"), *weighted.values())
    forms = summed.unpivot(on=list(FORMS), index=["field", "total"], variable_name="key", value_name="count")
    lengths = texts.group_by("field", length_bin(pl.col("value").str.len_chars()).alias("key")).agg(pl.col("count").sum())
    lengths = lengths.join(summed.select("field", "total"), on="field")
    return [
        cells.from_expressions(frame, check, "field", pl.lit(""), "key", "count", "total")
        for check, frame in (("text_form", forms), ("length", lengths))
    ]


def _measure_shapes(texts: pl.DataFrame) -> pl.DataFrame:
    """Prefix, classes of characters and length of identifiers: what differs between identifiers of two fields."""
    value = pl.col("value")
    classes = [pl.when(value.str.contains(pattern)).then(pl.lit(letter)).otherwise(pl.lit("")) for pattern, letter in _CLASSES]
    prefix = value.str.extract(r"^([A-Za-z]{1,6}[_-])").fill_null("")
    version = pl.when(pl.col("field") == "event_id").then(value.str.slice(14, 1)).otherwise(pl.lit(""))
    shapes = texts.select("field", pl.concat_str([prefix, pl.lit("|"), *classes, version]).alias("value"), "count")
    return cells.from_top_values("shape", shapes.group_by("field", "value").agg(pl.col("count").sum()), KEEP_VALUES)
