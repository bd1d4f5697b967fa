"""Sessions: how many, how long, on which devices, from where."""

from __future__ import annotations

import polars as pl
import streamlit as st

from data_pipeline.serving import charts, formats
from data_pipeline.serving.charts import Measure, Moment
from data_pipeline.serving.components import KeyNumber, key_numbers, panel
from data_pipeline.serving.frames import column_sum, with_share
from data_pipeline.serving.page import PageContext
from data_pipeline.serving.queries import traffic

_SESSIONS = Measure("sessions", "Sessions")
_BOUNCE = Measure("bounce_rate", "Bounce rate", ".1%", ".0%")
_DURATION = Measure("mean_duration_min", "Mean duration (minutes)", ",.1f", ",.0f")


def render(context: PageContext) -> None:
    """Draw the page."""
    filters = context.filters
    by_day = _with_means(context.marts.fetch(traffic.sessions_by_day(filters)))
    sessions = column_sum(by_day, "sessions")
    still_open = column_sum(by_day, "still_open")

    def rate(column: str) -> str:
        return formats.share(formats.ratio(column_sum(by_day, column), sessions))

    def mean_seconds(column: str) -> str:
        mean = formats.ratio(column_sum(by_day, column), sessions)
        return formats.duration(None if mean is None else mean / 1000)

    key_numbers(
        [
            KeyNumber(
                "Sessions",
                formats.count(sessions),
                "Events of one browser or device with no gap of 30 minutes or more; a session belongs to the day on which it began.",
                f"{formats.count(still_open)} not final yet" if still_open else None,
            ),
            KeyNumber("Bounce rate", rate("bounces"), "Share of sessions with one page or screen view at most and no other event."),
            KeyNumber("Mean duration", mean_seconds("duration_ms"), "Mean time from the first to the last event of a session."),
            KeyNumber("Mean engaged time", mean_seconds("engaged_ms"), "Mean of the times that clients measured."),
            KeyNumber("With an order", rate("with_order"), "Share of sessions in which something was bought."),
            KeyNumber("Signed in", rate("signed_in"), "Share of sessions in which an account was seen."),
        ]
    )
    days = Moment("session_date", "Day on which the session began (UTC)")
    panel(
        "Sessions by day",
        charts.stacked_bars(by_day, days, _SESSIONS, "source", context.colours, "Sessions by day and source"),
        by_day,
        "sessions-by-day",
        filters,
    )
    left, right = st.columns(2)
    with left:
        chart = charts.lines(by_day, days, _BOUNCE, "source", context.colours, "Bounce rate by day and source")
        panel("Bounce rate", chart, by_day.select("session_date", "source", "sessions", "bounces", "bounce_rate"), "bounce-rate", filters)
    with right:
        chart = charts.lines(by_day, days, _DURATION, "source", context.colours, "Mean duration of a session by day and source")
        panel("Mean duration", chart, by_day.select("session_date", "source", "sessions", "mean_duration_min"), "mean-duration", filters)
    for column, (dimension, title) in zip(
        st.columns(3), (("device_type", "Device"), ("country", "Country"), ("os", "Operating system")), strict=True
    ):
        rows = _with_means(context.marts.fetch(traffic.sessions_by(filters, dimension)))
        with column:
            chart_of = charts.ranked_bars(rows, dimension, title, _SESSIONS, f"Sessions by {title.lower()}", extra=(_BOUNCE, _DURATION))
            panel(f"Sessions by {title.lower()}", chart_of, rows, f"sessions-by-{dimension.replace('_', '-')}", filters)


def _with_means(rows: pl.DataFrame) -> pl.DataFrame:
    rows = with_share(rows, "bounces", "sessions", "bounce_rate")
    return with_share(rows, "duration_ms", "sessions", "mean_duration_min").with_columns(pl.col("mean_duration_min") / 60_000)
