"""Rules across orders: a refund follows its purchase, an order is purchased once.

Belongs here: the orders of a window, judging them by all orders seen, by any source. Does not: storing them.
"""

from __future__ import annotations

import polars as pl

ORDER_SCHEMA: dict[str, pl.DataType] = {
    "order_id": pl.String(),
    "event_type": pl.String(),
    "event_id": pl.String(),
    "occurred_at": pl.Datetime("ms", "UTC"),
    "currency": pl.String(),
    "total": pl.Float64(),
}

ORDER_TYPES = ("purchase", "refund")


def orders_of(staged: pl.DataFrame) -> pl.DataFrame:
    """Purchases and refunds of staged rows: one row an event, columns ORDER_SCHEMA."""
    order = pl.col("order").struct
    kept = staged.filter(pl.col("event_type").is_in(ORDER_TYPES))
    kept = kept.sort("received_at", "kafka_partition", "kafka_offset").unique("event_id", keep="first", maintain_order=True)
    return kept.select(
        order.field("order_id"),
        "event_type",
        "event_id",
        pl.col("occurred_at").cast(pl.Datetime("ms", "UTC")),
        order.field("currency"),
        order.field("total").cast(pl.Float64),
    )
