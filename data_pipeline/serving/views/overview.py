"""Overview: the key numbers of all questions, and the way to each page."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import streamlit as st

from data_pipeline.serving import charts, formats
from data_pipeline.serving.charts import Measure, Moment
from data_pipeline.serving.components import KeyNumber, key_numbers, panel
from data_pipeline.serving.frames import column_sum
from data_pipeline.serving.page import PageContext
from data_pipeline.serving.queries import commerce, growth, quality, traffic


def render_overview(context: PageContext, link: Callable[[str], None]) -> None:
    """Draw the page.

    Args:
        context: what pages get.
        link: draws a link to the page of that name.
    """
    filters, marts = context.filters, context.marts
    by_day = marts.fetch(traffic.events_by_day(filters))
    sessions = marts.fetch(traffic.sessions_by_day(filters))
    active = marts.fetch(traffic.active_by_day(filters))
    last = active.row(-1, named=True) if active.height else {}
    funnel = marts.fetch(growth.funnel(filters))
    equations = marts.fetch(quality.equations(filters))
    differences = column_sum(equations, "landing_difference") + column_sum(equations, "validation_difference")
    session_count = column_sum(sessions, "sessions")
    as_of = f"on {formats.day(last.get('activity_date'))}" if last else None
    key_numbers(
        [
            KeyNumber("Events", formats.count(column_sum(by_day, "events")), "Events that happened on these days, each once."),
            KeyNumber("Sessions", formats.count(session_count), "Sessions that began on these days."),
            KeyNumber("Daily visitors", formats.count(last.get("visitors_day")), "Distinct browsers and devices on the newest day.", as_of),
            KeyNumber(
                "7-day visitors",
                formats.count(last.get("visitors_rolling_7d")),
                "Distinct in the 7 days that end with the newest day.",
                as_of,
            ),
            KeyNumber(
                "Conversion",
                formats.share(formats.ratio(column_sum(funnel, "purchase"), column_sum(funnel, "sessions")), 2),
                "Sessions that went from view through cart and checkout to purchase, of all.",
            ),
            KeyNumber(
                "Lost events",
                formats.count(differences),
                "What the conservation equations are off by, from Kafka's offsets to the warehouse. Anything but 0 is an incident.",
                "all equations hold" if differences == 0 else "see Data quality",
            ),
        ]
    )
    if filters.day_count <= 7:
        rows, moment = marts.fetch(traffic.events_by_hour(filters)), Moment("hour_at", "Hour (UTC)", "hour")
    else:
        rows, moment = by_day.select("event_date", "source", "events"), Moment("event_date")
    chart = (
        charts.stacked_bars(rows, moment, Measure("events", "Events"), "source", context.colours, "Events over time by source")
        if rows.height
        else None
    )
    panel("Events over time", chart, rows, "events", filters)
    left, right = st.columns(2)
    with left:
        revenue = marts.fetch(commerce.revenue_by_currency(filters)).select(
            "currency", "orders", "order_amount", "refund_amount", "net_amount"
        )
        panel("Revenue by currency", None, revenue, "revenue", filters, "Each row in its own currency; rows are not to be added.")
    with right:
        _sources(context, by_day, equations)
    with st.container(key="page-links"):
        st.subheader("Questions", anchor=False)
        columns = st.columns(4)
        names = (
            "event_volume",
            "sessions",
            "active_users",
            "acquisition",
            "retention",
            "funnel",
            "revenue",
            "products",
            "search",
            "data_quality",
            "lineage",
        )
        for index, name in enumerate(names):
            with columns[index % 4]:
                link(name)


def _sources(context: PageContext, by_day: pl.DataFrame, equations: pl.DataFrame) -> None:
    events = by_day.group_by("source").agg(pl.col("events").sum())
    rows = (
        equations.select(
            "source",
            "landed",
            pl.when(pl.col("landed") > 0).then(pl.col("quarantined") / pl.col("landed")).alias("rejected_share"),
        )
        .join(events, on="source", how="full", coalesce=True)
        .select("source", "events", "landed", "rejected_share")
        .sort("source")
    )
    panel(
        "Sources", None, rows, "sources", context.filters, "Events by the day on which they happened, landed records by the day of arrival."
    )
