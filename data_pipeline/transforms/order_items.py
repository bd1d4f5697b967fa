"""The table `order_items`: the lines of purchases and refunds.

Belongs here: how a line comes from a staged row. Does not: which rows are kept (`deduplicate.py`).
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from data_pipeline.transforms.events import is_order
from data_pipeline.transforms.money import amount, line_amount


def order_items(rows: DataFrame) -> DataFrame:
    """One row an item line, numbered from 1 in the order of the event.

    Args:
        rows: staged rows, one an event.
    """
    lines = rows.where(is_order()).select(
        "event_id",
        "event_type",
        "source",
        "occurred_at",
        "order.order_id",
        "order.currency",
        F.posexplode("order.items").alias("_at", "item"),
    )
    item = F.col("item")
    return lines.select(
        "event_id",
        (F.col("_at") + 1).alias("line_number"),
        F.to_date("occurred_at").alias("event_date"),
        "event_type",
        "source",
        "occurred_at",
        "order_id",
        "currency",
        "item.product_id",
        F.col("item.name").alias("product_name"),
        "item.category",
        "item.quantity",
        amount(F.col("item.unit_price")).alias("unit_price_amount"),
        line_amount(item).alias("line_amount"),
    )
