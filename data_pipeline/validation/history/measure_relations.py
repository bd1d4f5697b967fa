"""Measures between fields: what usually goes together, and identifiers that appear in the wrong field.

Belongs here: pairs of fields of one row, and fields that are constant for one visitor or product.
Does not: the order of events in time (`measure_sequences.py`).
"""

from __future__ import annotations

import polars as pl

from data_pipeline.validation.history import cells

KEEP_PAIRS = 120
VISITOR = "visitor"
"""Column that holds anonymous_id, or user_id where that is null."""

AGREEMENTS: tuple[tuple[str, str], ...] = (
    *((VISITOR, field) for field in ("context.country", "context.locale", "context.os", "context.device_type")),
    *((VISITOR, field) for field in ("context.app_version", "context.user_agent", "context.ip", "user_id")),
    ("user_id", "anonymous_id"),
    ("user_id", "context.country"),
    ("context.user_agent", "context.os"),
    ("page.url", "page.title"),
    ("campaign.name", "campaign.source"),
    ("campaign.name", "campaign.medium"),
    ("campaign.source", "campaign.medium"),
    ("context.country", "order.currency"),
    ("context.country", "cart.currency"),
    ("context.country", "context.locale"),
    (VISITOR, "order.currency"),
    ("search.query", "search.result_count"),
)
"""(known, judged): rows that share the known field mostly share the judged one."""

ITEM_AGREEMENTS = (("product_id", "name"), ("product_id", "category"), ("product_id", "unit_price"), ("name", "product_id"))

PAIRS: tuple[tuple[str, str], ...] = (
    ("context.os", "context.device_type"),
    ("context.country", "context.locale"),
    ("context.country", "order.currency"),
    ("context.country", "cart.currency"),
    ("context.os", "context.app_version"),
    ("event_type", "context.os"),
    ("event_type", "context.device_type"),
    ("campaign.source", "campaign.medium"),
    ("event_type", "order.payment_method"),
    ("event_type", "context.app_version"),
)

OVERLAPS = (("user_id", "anonymous_id"), ("anonymous_id", "user_id"))
EQUALS = (
    ("page.title", "page.url"),
    ("page.referrer", "page.url"),
    ("campaign.medium", "campaign.source"),
    ("campaign.name", "campaign.source"),
    ("user_id", "anonymous_id"),
    ("order.order_id", "user_id"),
    ("order.tax", "order.shipping"),
    ("order.discount", "order.shipping"),
    ("order.discount", "order.tax"),
)
"""(judged, other): seldom equal in one row."""


def measure_relations(flat: pl.DataFrame, items: dict[str, pl.DataFrame]) -> list[pl.DataFrame]:
    """Cells between fields; `flat` carries the column `visitor`."""
    found = _agreements(flat, items)
    found += [_pairs(flat, left, right) for left, right in PAIRS]
    found += [_overlap(flat, judged, other) for judged, other in OVERLAPS]
    found += [_equal(flat, judged, other) for judged, other in EQUALS]
    return [frame for frame in found if frame.height]


def _agreements(flat: pl.DataFrame, items: dict[str, pl.DataFrame]) -> list[pl.DataFrame]:
    """Of rows whose known value occurs more than once, those that carry its most frequent judged value."""
    asked = [(flat, known, judged, judged, known) for known, judged in AGREEMENTS]
    for container, frame in items.items():
        prefix = f"{container}.items."
        asked += [(frame, known, judged, prefix + judged, prefix + known) for known, judged in ITEM_AGREEMENTS]
    answers = pl.collect_all([_agreement(frame.lazy(), known, judged) for frame, known, judged, _, _ in asked])
    found = []
    for (_, _, _, field, known), sums in zip(asked, answers, strict=True):
        most, total = sums.row(0)
        found += [cells.from_counts("agreement", field, f"by {known}", {"usual": most}, total)] if total else []
    return found


def _agreement(frame: pl.LazyFrame, known: str, judged: str) -> pl.LazyFrame:
    pairs = frame.select(pl.col(known).alias("known"), pl.col(judged).alias("judged")).drop_nulls()
    by_known = pairs.group_by("known", "judged").len(name="n").group_by("known").agg(most=pl.col("n").max(), all=pl.col("n").sum())
    return by_known.filter(pl.col("all") > 1).select(pl.col("most").sum(), pl.col("all").sum())


def _pairs(flat: pl.DataFrame, left: str, right: str) -> pl.DataFrame:
    pairs = flat.select(pl.col(left).alias("left"), pl.col(right).alias("right")).drop_nulls()
    if not pairs.height:
        return cells.empty()
    counted = (
        pairs.group_by("left", "right")
        .len(name="count")
        .select(pl.format("{} | {}", "left", "right").alias("value"), pl.col("count").cast(pl.Int64))
    )
    return cells.from_value_counts("pair_share", right, f"with {left}", counted, KEEP_PAIRS)


def _overlap(flat: pl.DataFrame, judged: str, other: str) -> pl.DataFrame:
    """Rows whose judged value occurs in the other field of any row."""
    values = flat[judged].drop_nulls()
    if not values.len():
        return cells.empty()
    count = int(values.is_in(flat[other].drop_nulls().unique().implode()).sum())
    return cells.from_counts("overlap", judged, f"values of {other}", {"found": count}, values.len())


def _equal(flat: pl.DataFrame, judged: str, other: str) -> pl.DataFrame:
    both = flat.select(pl.col(judged).alias("judged"), pl.col(other).alias("other")).drop_nulls()
    if both.schema["judged"].is_numeric():
        both = both.filter(pl.col("judged") != 0)
    if not both.height:
        return cells.empty()
    return cells.from_counts("overlap", judged, f"equal to {other}", {"found": int((both["judged"] == both["other"]).sum())}, both.height)
