"""Sessions: events of one visitor with no gap of 30 minutes or more between neighbours.

Belongs here: which session an event belongs to, and the table `sessions`. Does not: which days have to be read (`neighbours.py`).
"""

from __future__ import annotations

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from data_pipeline.contracts.tables import SESSIONS

GAP_MINUTES = 30
"""So many minutes without an event end a session; an event exactly so much later starts the next."""

GAP_MS = GAP_MINUTES * 60_000
_ORDER = ("occurred_at", "received_at", "source", "kafka_partition", "kafka_offset")
"""The order of events of a session; the last four only decide between events of the same millisecond."""

SESSION_INPUTS = [
    "session_id", "anonymous_id", "user_id", "event_type", *_ORDER, "page_path", "page_referrer", "screen_name",
    "campaign_source", "campaign_medium", "campaign_name", "country", "os", "device_type", "currency", "total_amount", "duration_ms",
]  # fmt: skip
"""Columns of `events` that sessions are made of."""


def session_id(anonymous_id: Column, started_at: Column) -> Column:
    """The identifier of a session: 32 hexadecimal digits that depend on visitor and start alone."""
    return F.md5(F.concat_ws("@", anonymous_id, F.unix_millis(started_at).cast("string")).cast("binary"))


def with_sessions(events: DataFrame) -> DataFrame:
    """Fill `session_id`, across sources and days; null where an event has no `anonymous_id`.

    Args:
        events: rows with `anonymous_id`, `event_id` and `occurred_at`; all events of the visitors in question.
    """
    # An event without a visitor is a group of its own: one group of all of them would be one task's work.
    of_visitor = Window.partitionBy("_visitor").orderBy("occurred_at")
    at = F.unix_millis("occurred_at")
    is_start = F.lag(at).over(of_visitor).isNull() | (at - F.lag(at).over(of_visitor) >= GAP_MS)
    return (
        events.withColumn("_visitor", F.coalesce("anonymous_id", "event_id"))
        .withColumn("_start", F.when(is_start, F.col("occurred_at")))
        .withColumn("_started_at", F.max("_start").over(of_visitor.rowsBetween(Window.unboundedPreceding, 0)))
        .withColumn("session_id", F.when(F.col("anonymous_id").isNotNull(), session_id(F.col("anonymous_id"), F.col("_started_at"))))
        .drop("_visitor", "_start", "_started_at")
    )


def sessions_table(events: DataFrame, day: date | None, is_final: bool) -> DataFrame:
    """One row a session that began on the day.

    Args:
        events: rows with the columns SESSION_INPUTS; every event of each session.
        day: UTC day on which the sessions began; None for all days.
        is_final: whether the following day was there.
    """
    order = F.struct(*_ORDER)
    is_view = F.col("event_type").isin("page_view", "screen_view")
    page = F.struct(F.coalesce("page_path", "screen_name").alias("path"))
    is_purchase = F.col("event_type") == "purchase"

    def first(value: Column, where: Column) -> Column:
        return F.min_by(F.when(where, value), F.when(where, order))

    def first_known(name: str) -> Column:
        return first(F.col(name), F.col(name).isNotNull())

    def count_of(event_type: str) -> Column:
        return F.count_if(F.col("event_type") == event_type)

    grouped = events.where(F.col("session_id").isNotNull()).groupBy("session_id").agg(
        F.min("anonymous_id").alias("anonymous_id"),
        first_known("user_id").alias("user_id"),
        F.min_by("source", order).alias("source"),
        F.min("occurred_at").alias("started_at"),
        F.max("occurred_at").alias("ended_at"),
        F.sum(F.coalesce("duration_ms", F.lit(0))).alias("_measured_ms"),
        F.count("*").alias("event_count"),
        count_of("page_view").alias("page_view_count"),
        count_of("screen_view").alias("screen_view_count"),
        count_of("search").alias("search_count"),
        count_of("add_to_cart").alias("add_to_cart_count"),
        count_of("checkout_start").alias("checkout_count"),
        F.count_if(is_purchase).alias("purchase_count"),
        F.sum(F.when(is_purchase, F.col("total_amount"))).alias("_purchase_amount"),
        F.min(F.when(is_purchase, F.col("currency"))).alias("_first_currency"),
        F.max(F.when(is_purchase, F.col("currency"))).alias("_last_currency"),
        first(page, is_view).alias("_landing"),
        F.max_by(F.when(is_view, page), F.when(is_view, order)).alias("_exit"),
        first(F.struct("page_referrer"), F.col("event_type") == "page_view").alias("_first_page"),
        first(F.struct("campaign_source", "campaign_medium", "campaign_name"), F.col("campaign_source").isNotNull()).alias("_campaign"),
        *(first_known(name).alias(name) for name in ("country", "os", "device_type")),
    )  # fmt: skip
    duration = F.unix_millis("ended_at") - F.unix_millis("started_at")
    one_currency = F.col("_first_currency") == F.col("_last_currency")
    view_count = F.col("page_view_count") + F.col("screen_view_count")
    values = {
        "session_date": F.to_date("started_at"),
        "duration_ms": duration,
        "engaged_ms": F.when(F.col("event_count") > 1, F.least("_measured_ms", duration)).otherwise(F.col("_measured_ms")),
        "purchase_amount": F.when(one_currency, F.col("_purchase_amount").try_cast("decimal(18,4)")),
        "currency": F.when(one_currency, F.col("_first_currency")),
        "landing_page": F.col("_landing.path"),
        "exit_page": F.col("_exit.path"),
        "referrer": F.col("_first_page.page_referrer"),
        **{name: F.col(f"_campaign.{name}") for name in ("campaign_source", "campaign_medium", "campaign_name")},
        "is_bounce": (view_count <= 1) & (F.col("event_count") == view_count),
        "is_final": F.lit(is_final),
    }
    table = grouped.select(*(values.get(name, F.col(name)).alias(name) for name in SESSIONS.column_names))
    return table if day is None else table.where(F.col("session_date") == F.lit(day))
