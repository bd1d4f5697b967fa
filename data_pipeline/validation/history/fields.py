"""The fields that a profile measures, and the flat frame that it measures them on.

Belongs here: which leaf of the contract is a category, text, identifier, number or instant.
Does not: what is measured of each (`measure_*.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import polars as pl


class Kind(StrEnum):
    """How a field's values are looked at."""

    CATEGORY = "category"
    TEXT = "text"
    IDENTIFIER = "identifier"
    NUMBER = "number"
    INSTANT = "instant"


@dataclass(frozen=True)
class Field:
    """One leaf of the contract.

    Attributes:
        path: dotted path, items without index.
        kind: how its values are looked at.
        parent: a required sibling whose presence means that the object is there; None at the top and in `context`.
    """

    path: str
    kind: Kind
    parent: str | None = None


_C, _T, _I, _N = Kind.CATEGORY, Kind.TEXT, Kind.IDENTIFIER, Kind.NUMBER

ROW_FIELDS: tuple[Field, ...] = (
    Field("event_id", _I),
    Field("event_type", _C),
    Field("source", _C),
    Field("occurred_at", Kind.INSTANT),
    Field("sent_at", Kind.INSTANT),
    Field("anonymous_id", _I),
    Field("user_id", _I),
    Field("context.app_version", _C),
    Field("context.locale", _C),
    Field("context.country", _C),
    Field("context.os", _C),
    Field("context.device_type", _C),
    Field("context.user_agent", _T),
    Field("context.ip", _I),
    Field("page.url", _T),
    Field("page.title", _T, "page.url"),
    Field("page.referrer", _T, "page.url"),
    Field("screen.name", _C),
    Field("campaign.source", _C),
    Field("campaign.medium", _C, "campaign.source"),
    Field("campaign.name", _C, "campaign.source"),
    Field("search.query", _T),
    Field("search.result_count", _N),
    Field("click.element_id", _C),
    Field("cart.currency", _C),
    Field("order.order_id", _I),
    Field("order.currency", _C),
    Field("order.discount", _N),
    Field("order.tax", _N),
    Field("order.shipping", _N),
    Field("order.total", _N),
    Field("order.payment_method", _C, "order.order_id"),
    Field("order.refund_reason", _T, "order.order_id"),
    Field("duration_ms", _N),
)

ITEM_FIELDS: tuple[Field, ...] = (
    Field("product_id", _I),
    Field("name", _T, "product_id"),
    Field("category", _C, "product_id"),
    Field("quantity", _N),
    Field("unit_price", _N),
)
"""Fields of an item, below `cart.items` and `order.items`."""

CONTAINERS = ("cart", "order")

PARENT_KEY = {"page": "page.url", "screen": "screen.name", "campaign": "campaign.source", "search": "search.query"} | {
    "click": "click.element_id",
    "cart": "cart.currency",
    "order": "order.order_id",
}
"""For each optional object the required field whose presence means that the object is there."""


def flatten(staged: pl.DataFrame) -> pl.DataFrame:
    """Rows with one column a leaf, named by its path, and the provenance columns beside; items stay out."""
    columns: list[pl.Expr] = []
    for field in ROW_FIELDS:
        top, _, leaf = field.path.partition(".")
        columns.append((pl.col(top).struct.field(leaf) if leaf else pl.col(top)).alias(field.path))
    columns += [pl.col(name) for name in ("content_hash", "received_at", "kafka_partition", "kafka_offset")]
    return staged.select(columns)


def explode_items(staged: pl.DataFrame, container: str) -> pl.DataFrame:
    """One row an item of `cart` or `order`, with event_type and currency beside the item's own fields."""
    holder = pl.col(container).struct
    rows = staged.select("event_type", holder.field("currency").alias("currency"), holder.field("items").alias("item"))
    rows = rows.filter(pl.col("item").list.len() > 0).explode("item")
    return rows.select("event_type", "currency", *(pl.col("item").struct.field(field.path) for field in ITEM_FIELDS))
