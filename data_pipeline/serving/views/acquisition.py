"""Acquisition: which campaigns and referrers bring sessions and orders."""

from __future__ import annotations

import polars as pl
import streamlit as st

from data_pipeline.serving import charts, formats
from data_pipeline.serving.charts import Measure, Moment
from data_pipeline.serving.components import KeyNumber, key_numbers, panel
from data_pipeline.serving.frames import column_sum, with_share
from data_pipeline.serving.messages import show_nothing_here
from data_pipeline.serving.page import PageContext
from data_pipeline.serving.palette import ACCENT, MUTED
from data_pipeline.serving.queries import growth

_SESSIONS = Measure("sessions", "Sessions")
_ORDER_RATE = Measure("with_order_share", "Sessions with an order", ".1%", ".0%")
_CHANNELS = {"campaign": "#00835f", "referral": ACCENT, "direct": MUTED}


def render(context: PageContext) -> None:
    """Draw the page."""
    filters = context.filters
    by_day = context.marts.fetch(growth.acquisition_by_day(filters))
    if by_day.is_empty():
        show_nothing_here("sessions")
        return
    campaigns = with_share(context.marts.fetch(growth.campaigns(filters)), "with_order", "sessions", "with_order_share")
    referrers = with_share(context.marts.fetch(growth.referrers(filters)), "with_order", "sessions", "with_order_share")
    value = context.marts.fetch(growth.acquisition_value(filters))
    sessions = column_sum(by_day, "sessions")

    def of_channel(channel: str) -> str:
        return formats.share(formats.ratio(column_sum(by_day.filter(pl.col("channel") == channel), "sessions"), sessions))

    key_numbers(
        [
            KeyNumber("Sessions", formats.count(sessions), "Sessions that began on these days."),
            KeyNumber("From campaigns", of_channel("campaign"), "Share of sessions that a campaign led to."),
            KeyNumber(
                "From referrals", of_channel("referral"), "Share of sessions that a link on another site led to, without a campaign."
            ),
            KeyNumber("Direct", of_channel("direct"), "Share of sessions without campaign and referrer."),
            KeyNumber("Orders", formats.count(column_sum(by_day, "orders")), "Orders placed in these sessions."),
        ]
    )
    panel(
        "Sessions by channel and day",
        charts.stacked_bars(by_day, Moment("session_date"), _SESSIONS, "channel", _CHANNELS, "Sessions by day and channel"),
        by_day,
        "sessions-by-channel",
        filters,
    )
    left, right = st.columns(2)
    with left:
        named = campaigns.with_columns(pl.format("{} · {} · {}", "campaign_name", "campaign_source", "campaign_medium").alias("campaign"))
        panel(
            "Campaigns",
            charts.ranked_bars(named.head(12), "campaign", "Campaign", _SESSIONS, "Campaigns by sessions", extra=(_ORDER_RATE,)),
            campaigns,
            "campaigns",
            filters,
            "Name · source · medium, the first 12 by sessions.",
        )
    with right:
        panel(
            "Referrers",
            charts.ranked_bars(referrers.head(12), "referrer_host", "Host", _SESSIONS, "Referring hosts by sessions", extra=(_ORDER_RATE,)),
            referrers,
            "referrers",
            filters,
            "Hosts that led to sessions without a campaign.",
        )
    panel("Order value by channel", None, value, "order-value-by-channel", filters, "A row a currency; currencies are not to be added.")
