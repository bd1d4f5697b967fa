"""Measures across rows: steps of a visitor in time, re-sends, conflicts, repeated content, accounts of a visitor.

Belongs here: counts that compare a row with other rows of the same window. Does not: other windows (`novelty.py`).
"""

from __future__ import annotations

import polars as pl

from data_pipeline.validation.history import cells
from data_pipeline.validation.history.bins import bin_of
from data_pipeline.validation.history.measure_relations import VISITOR

STEPS = (("checkout_start", "add_to_cart"), ("purchase", "checkout_start"))
"""(step, what a visitor usually did before it)."""
_BODY = (
    "event_type",
    "anonymous_id",
    "user_id",
    "page.url",
    "page.title",
    "screen.name",
    "search.query",
    "click.element_id",
    "order.order_id",
    "duration_ms",
)


def measure_sequences(flat: pl.DataFrame) -> list[pl.DataFrame]:
    """Cells across rows; `flat` carries the column `visitor`."""
    if not flat.height:
        return []
    return [*_measure_resends(flat), *_measure_visitors(flat), *_measure_steps(flat), *_measure_accounts(flat), *_measure_repeats(flat)]


def _measure_resends(flat: pl.DataFrame) -> list[pl.DataFrame]:
    ids = flat.group_by("event_id").agg(pl.len().alias("n"), pl.col("content_hash").n_unique().alias("contents"))
    sums = ids.select(
        (pl.col("n") - 1).sum().alias("again"),
        (pl.col("contents") - 1).sum().alias("conflicts"),
        pl.col("n").max().alias("most"),
    )
    again, conflicts = int(sums["again"][0]), int(sums["conflicts"][0])
    return [
        cells.from_counts("resend_rate", "event_id", "", {"re-sent": max(again - conflicts, 0)}, flat.height),
        cells.from_counts("event_id_conflict", "event_id", "", {"conflict": conflicts}, flat.height),
    ]


def _measure_visitors(flat: pl.DataFrame) -> list[pl.DataFrame]:
    per_visitor = flat.drop_nulls(VISITOR).group_by(VISITOR).len(name="n")
    if not per_visitor.height:
        return []
    binned = per_visitor.select(bin_of(pl.col("n").cast(pl.Float64)).alias("value"))["value"].value_counts(name="count")
    return [cells.from_columns("rows_per_visitor", "anonymous_id", "", binned["value"], binned["count"], per_visitor.height)]


def _measure_steps(flat: pl.DataFrame) -> list[pl.DataFrame]:
    """Which event follows which for one visitor, and whether a step came after the one before it."""
    steps = (
        flat.select(VISITOR, "event_type", "occurred_at", "event_id")
        .drop_nulls(VISITOR)
        .unique("event_id", keep="first", maintain_order=True)
    )
    same_visitor = pl.col(VISITOR) == pl.col(VISITOR).shift(1)
    steps = steps.sort(VISITOR, "occurred_at", maintain_order=True).with_columns(
        pl.when(same_visitor).then(pl.col("event_type").shift(1)).alias("before")
    )
    follows = steps.drop_nulls("before")
    found = []
    if follows.height:
        counted = (
            follows.group_by("before", "event_type")
            .len(name="count")
            .select(pl.format("{} > {}", "before", "event_type").alias("value"), pl.col("count").cast(pl.Int64))
        )
        found.append(cells.from_value_counts("step_order", "event_type", "", counted, 120))
    for step, earlier in STEPS:
        first = steps.filter(pl.col("event_type") == earlier).group_by(VISITOR).agg(pl.col("occurred_at").min().alias("first"))
        taken = steps.filter(pl.col("event_type") == step).join(first, on=VISITOR, how="left")
        if taken.height:
            counts = {
                f"no {earlier}": taken["first"].null_count(),
                f"before {earlier}": int((taken["first"] > taken["occurred_at"]).sum()),
            }
            found.append(cells.from_counts("step_order", "occurred_at", f"event_type={step}", counts, taken.height))
    return found


def _measure_accounts(flat: pl.DataFrame) -> list[pl.DataFrame]:
    """Visitors with more than one account, accounts with more than three visitors."""
    pairs = flat.select("anonymous_id", "user_id").drop_nulls().unique()
    if not pairs.height:
        return []
    by_visitor = pairs.group_by("anonymous_id").len(name="n")
    by_account = pairs.group_by("user_id").len(name="n")
    return [
        cells.from_counts("identity", "user_id", "", {"more than one account": int((by_visitor["n"] > 1).sum())}, by_visitor.height),
        cells.from_counts(
            "identity", "anonymous_id", "", {"more than three visitors": int((by_account["n"] > 3).sum())}, by_account.height
        ),
    ]


def _measure_repeats(flat: pl.DataFrame) -> list[pl.DataFrame]:
    """Rows that say the same as another row under another event_id."""
    rows = (
        flat.select("event_id", "occurred_at", *_BODY)
        .unique("event_id", keep="first")
        .select(pl.struct(_BODY).hash().alias("body"), "occurred_at")
    )
    bodies = rows["body"].value_counts(name="n")["n"]
    instants = rows.select(pl.struct("body", "occurred_at").hash().alias("value"))["value"].value_counts(name="n")["n"]
    counts = {"same body": int((bodies - 1).sum()), "same body and instant": int((instants - 1).sum())}
    return [cells.from_counts("repeated_rows", "rows", "", counts, rows.height)]
