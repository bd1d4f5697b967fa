"""Search: what people look for without finding anything."""

from __future__ import annotations

import streamlit as st

from data_pipeline.serving import charts, formats
from data_pipeline.serving.charts import Measure, Moment
from data_pipeline.serving.components import KeyNumber, key_numbers, panel
from data_pipeline.serving.frames import column_sum, with_share
from data_pipeline.serving.messages import show_nothing_here
from data_pipeline.serving.page import PageContext
from data_pipeline.serving.queries import commerce

_SHARE = Measure("without_result_share", "Searches without result", ".1%", ".0%")


def render(context: PageContext) -> None:
    """Draw the page."""
    filters = context.filters
    by_day = with_share(context.marts.fetch(commerce.searches_by_day(filters)), "without_result", "searches", "without_result_share")
    if by_day.is_empty():
        show_nothing_here("searches")
        return
    terms = with_share(context.marts.fetch(commerce.terms_without_result(filters)), "without_result", "searches", "without_result_share")
    searches, without = column_sum(by_day, "searches"), column_sum(by_day, "without_result")
    key_numbers(
        [
            KeyNumber("Searches", formats.count(searches), "Searches on these days."),
            KeyNumber("Without result", formats.count(without), "Searches that found nothing."),
            KeyNumber("Share without result", formats.share(formats.ratio(without, searches)), "Searches that found nothing, of all."),
            KeyNumber(
                "Mean results",
                formats.decimal(formats.ratio(column_sum(by_day, "results"), searches), 1),
                "Results that a search had on average, also those with none.",
            ),
        ]
    )
    days = Moment("event_date")
    left, right = st.columns(2)
    with left:
        chart = charts.ranked_bars(
            terms.head(15),
            "search_term",
            "Term",
            Measure("without_result", "Searches without result"),
            "Terms that found nothing, most frequent first",
            extra=(Measure("searches", "Searches"), _SHARE),
        )
        panel("Terms that found nothing", chart, terms, "terms-without-result", filters, "The first 15; the numbers have up to 100.")
    with right:
        lines = charts.lines(by_day, days, _SHARE, "source", context.colours, "Share of searches without result by day and source")
        panel("Share without result by day", lines, by_day, "search-share-by-day", filters)
        bars = charts.stacked_bars(by_day, days, Measure("searches", "Searches"), "source", context.colours, "Searches by day and source")
        panel("Searches by day", bars, by_day.select("event_date", "source", "searches"), "searches-by-day", filters)
