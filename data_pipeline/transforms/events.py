"""The table `events`: a staged row, typed and flat.

Belongs here: how each column comes from a staged row. Does not: which rows are kept (`deduplicate.py`), sessions.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from data_pipeline.contracts.tables import EVENTS
from data_pipeline.transforms.money import amount, item_count, items_amount
from data_pipeline.transforms.schemas import table_schema

ORDER_TYPES = ("purchase", "refund")


def url_path(url: Column) -> Column:
    """The path of a URL, without host, query and fragment; `/` where it is empty."""
    path = F.regexp_extract(url, r"^https?://[^/?#]*([^?#]*)", 1)
    return F.when(url.isNotNull(), F.when(path == "", F.lit("/")).otherwise(path))


def is_order() -> Column:
    """Whether a staged row is a purchase or refund."""
    return F.col("event_type").isin(*ORDER_TYPES)


def flatten(rows: DataFrame) -> DataFrame:
    """Staged rows as rows of the table `events`; `session_id` is null until `sessions.with_sessions` fills it.

    Amounts of an order are those of purchases and refunds; any other event's items are its cart's.
    """

    def of_order(name: str) -> Column:
        return F.when(is_order(), F.col(f"order.{name}"))

    items = F.when(is_order(), F.col("order.items")).otherwise(F.col("cart.items"))
    values = {
        "event_date": F.to_date("occurred_at"),
        "visitor_id": F.coalesce(F.col("anonymous_id"), F.concat(F.lit("user:"), F.col("user_id"))),
        "session_id": F.lit(None).cast("string"),
        **{name: F.col(f"context.{name}") for name in ("app_version", "locale", "country", "os", "device_type", "user_agent", "ip")},
        "page_url": F.col("page.url"),
        "page_path": url_path(F.col("page.url")),
        "page_title": F.col("page.title"),
        "page_referrer": F.col("page.referrer"),
        "screen_name": F.col("screen.name"),
        "campaign_source": F.col("campaign.source"),
        "campaign_medium": F.col("campaign.medium"),
        "campaign_name": F.col("campaign.name"),
        "search_query": F.col("search.query"),
        "search_result_count": F.col("search.result_count"),
        "click_element_id": F.col("click.element_id"),
        "order_id": of_order("order_id"),
        "currency": F.when(is_order(), F.col("order.currency")).otherwise(F.col("cart.currency")),
        "item_count": item_count(items),
        "items_amount": items_amount(items),
        "discount_amount": amount(of_order("discount")),
        "tax_amount": amount(of_order("tax")),
        "shipping_amount": amount(of_order("shipping")),
        "total_amount": amount(of_order("total")),
        "payment_method": of_order("payment_method"),
        "refund_reason": of_order("refund_reason"),
    }
    fields = table_schema(EVENTS).fields
    return rows.select(*(values.get(field.name, F.col(field.name)).cast(field.dataType).alias(field.name) for field in fields))
