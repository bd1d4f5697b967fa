"""Judging the orders of a window by all orders seen, by any source.

Belongs here: refund follows purchase, one order. Does not: reading the orders.
"""

from __future__ import annotations

import polars as pl

from data_pipeline.validation.history import cells
from data_pipeline.validation.history.finding import Finding, Severity

_LONGEST = "2y"
_HALF_CENT = 0.005
"""Amounts are floating point; what is above a total is so by a cent at least."""


def judge_orders(mine: pl.DataFrame, others: pl.DataFrame) -> list[Finding]:
    """Findings on the window's purchases and refunds.

    Args:
        mine: orders of the window, columns ORDER_SCHEMA.
        others: orders of all other windows of all sources.
    """
    if not mine.height:
        return []
    touched = others.join(mine.select("order_id").unique(), on="order_id", how="semi")
    every = pl.concat([mine, touched]).unique("event_id", keep="first", maintain_order=True)
    purchases = every.filter(pl.col("event_type") == "purchase").sort("occurred_at")
    return [*_judge_purchases(mine, purchases), *_judge_refunds(mine, every, purchases)]


def count_unknown_refunds(mine: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Cells of the check `refund_unknown`: refunds of an order that nobody has seen, which may be older than the history.

    No single one of them can be judged; that there are more of them than lately can.
    """
    refunds = mine.filter(pl.col("event_type") == "refund")
    if not refunds.height:
        return cells.empty()
    bought = pl.concat([mine, others]).filter(pl.col("event_type") == "purchase").select("order_id").unique()
    unknown = refunds.join(bought, on="order_id", how="anti").height
    return cells.from_counts("refund_unknown", "order.order_id", "", {"unknown order": unknown}, refunds.height)


def _judge_purchases(mine: pl.DataFrame, purchases: pl.DataFrame) -> list[Finding]:
    ids = mine.filter(pl.col("event_type") == "purchase").select("order_id").unique()
    counts = purchases.join(ids, on="order_id", how="semi").group_by("order_id").len(name="n").filter(pl.col("n") > 1).sort("order_id")
    if not counts.height:
        return []
    example = counts["order_id"][0]
    return [
        Finding(
            check="one_order",
            field="order.order_id",
            severity=Severity.WARN,
            observed=f"{counts.height} orders purchased more than once",
            expected="each order is purchased once",
            message=f"{counts.height} order_ids are purchased more than once, under different event_ids; "
            f"'{example}' is purchased {counts['n'][0]} times.",
            example=example,
        )
    ]


def _judge_refunds(mine: pl.DataFrame, every: pl.DataFrame, purchases: pl.DataFrame) -> list[Finding]:
    first = purchases.unique("order_id", keep="first", maintain_order=True).select(
        "order_id", pl.col("occurred_at").alias("bought_at"), pl.col("currency").alias("bought_in"), pl.col("total").alias("bought_for")
    )
    ids = mine.filter(pl.col("event_type") == "refund").select("order_id", "event_id")
    refunds = every.filter(pl.col("event_type") == "refund").join(first, on="order_id", how="inner")
    new = refunds.join(ids.select("event_id"), on="event_id", how="semi")
    same_currency = refunds.filter(pl.col("currency") == pl.col("bought_in"))
    paid_back = same_currency.group_by("order_id", "bought_for").agg(pl.col("total").sum().alias("back"))
    over = paid_back.filter(pl.col("back") > pl.col("bought_for") + _HALF_CENT)
    over = over.join(new.filter(pl.col("currency") == pl.col("bought_in")), on="order_id", how="semi")
    broken = (
        ("occurred_at", "before the purchase of their order", new.filter(pl.col("occurred_at") < pl.col("bought_at"))),
        (
            "occurred_at",
            "more than two years after the purchase",
            new.filter(pl.col("occurred_at") > pl.col("bought_at").dt.offset_by(_LONGEST)),
        ),
        ("order.currency", "in another currency than the purchase", new.filter(pl.col("currency") != pl.col("bought_in"))),
        ("order.total", "of more than the order's total, together", over),
    )
    return [_refund_finding(path, what, rows) for path, what, rows in broken if rows.height]


def _refund_finding(path: str, what: str, rows: pl.DataFrame) -> Finding:
    example = rows.sort("order_id")["order_id"][0]
    return Finding(
        check="refund_follows_purchase",
        field=path,
        severity=Severity.WARN,
        observed=f"{rows.height} refunds {what}",
        expected="none",
        message=f"{rows.height} refunds are {what}, such as that of order '{example}'.",
        example=example,
    )
