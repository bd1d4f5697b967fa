"""Event volume: how many events, of which kind, from which source, when."""

from __future__ import annotations

import streamlit as st

from data_pipeline.serving import charts, formats
from data_pipeline.serving.charts import Measure, Moment
from data_pipeline.serving.components import KeyNumber, key_numbers, panel
from data_pipeline.serving.frames import column_sum
from data_pipeline.serving.page import PageContext
from data_pipeline.serving.queries import traffic

_EVENTS = Measure("events", "Events")


def render(context: PageContext) -> None:
    """Draw the page."""
    filters, marts = context.filters, context.marts
    by_day = marts.fetch(traffic.events_by_day(filters))
    by_type = marts.fetch(traffic.events_by_type(filters))
    events, late = column_sum(by_day, "events"), column_sum(by_day, "late_events")
    conflicts = column_sum(by_day, "conflicts")
    delivery = formats.ratio(column_sum(by_day, "delivery_s"), events)
    key_numbers(
        [
            KeyNumber("Events", formats.count(events), "Events that happened on these days, each once however often it was sent."),
            KeyNumber(
                "Events a day", formats.count(events / filters.day_count), "Events divided by the days chosen, also those without any."
            ),
            KeyNumber(
                "Received late",
                formats.share(formats.ratio(late, events)),
                "Share of events that reached Kafka an hour or more after they happened.",
                f"{formats.count(late)} events",
            ),
            KeyNumber(
                "Mean delivery time", formats.duration(delivery), "Mean time from the event to Kafka, by the client's and Kafka's clocks."
            ),
            KeyNumber(
                "Conflicts",
                formats.count(conflicts),
                "Events that were refused because their event_id was used before with other content; not counted as events.",
            ),
        ]
    )
    if filters.day_count <= 7:
        by_hour = marts.fetch(traffic.events_by_hour(filters))
        hours = Moment("hour_at", "Hour (UTC)", "hour")
        chart = (
            charts.stacked_bars(by_hour, hours, _EVENTS, "source", context.colours, "Events by hour and source") if by_hour.height else None
        )
        panel("Events by hour", chart, by_hour, "events-by-hour", filters, "By the hour in which they happened.")
    chart = (
        charts.stacked_bars(by_day, Moment("event_date"), _EVENTS, "source", context.colours, "Events by day and source")
        if by_day.height
        else None
    )
    left, right = st.columns([3, 2])
    with left:
        panel("Events by day", chart, by_day, "events-by-day", filters)
    with right:
        chart_of_types = charts.ranked_bars(by_type, "event_type", "Type", _EVENTS, "Events by type, most frequent first")
        panel("Events by type", chart_of_types, by_type, "events-by-type", filters)
