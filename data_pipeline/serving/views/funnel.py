"""Funnel: where sessions stop on the way from view to purchase."""

from __future__ import annotations

import polars as pl
import streamlit as st

from data_pipeline.serving import charts, formats
from data_pipeline.serving.charts import Measure, Moment
from data_pipeline.serving.components import KeyNumber, key_numbers, panel
from data_pipeline.serving.frames import column_sum, with_share
from data_pipeline.serving.page import PageContext
from data_pipeline.serving.queries import growth

_STEPS = {"sessions": "Session", "viewed": "View", "cart": "Cart", "checkout": "Checkout", "purchase": "Purchase"}
_RATE = Measure("conversion_rate", "Sessions with a purchase", ".2%", ".1%")


def render(context: PageContext) -> None:
    """Draw the page."""
    filters = context.filters
    by_source = context.marts.fetch(growth.funnel(filters))
    counts = {step: column_sum(by_source, step) for step in _STEPS}
    steps = funnel_steps(counts)
    worst = max((step for step in steps.iter_rows(named=True) if step["lost"] is not None), key=lambda step: step["lost"], default=None)
    key_numbers(
        [
            KeyNumber("Sessions", formats.count(counts["sessions"]), "Sessions that began on these days."),
            KeyNumber("Purchases", formats.count(counts["purchase"]), "Sessions that went through all steps to a purchase."),
            KeyNumber(
                "Conversion",
                formats.share(formats.ratio(counts["purchase"], counts["sessions"]), 2),
                "Sessions with all steps, of all sessions.",
            ),
            KeyNumber(
                "Cart to purchase",
                formats.share(formats.ratio(counts["purchase"], counts["cart"])),
                "Sessions with a purchase, of those that put something into the cart.",
            ),
            KeyNumber(
                "Largest loss",
                f"{worst['from_step']} → {worst['step']}" if worst and worst["lost"] else formats.NOTHING,
                "The step at which most sessions stop.",
                f"{formats.count(worst['lost'])} sessions" if worst and worst["lost"] else None,
            ),
        ]
    )
    panel(
        "Sessions by step",
        charts.funnel(
            steps, "step", Measure("sessions", "Sessions"), "Sessions that reached each step, with the conversion from the step before"
        )
        if counts["sessions"]
        else None,
        steps if counts["sessions"] else steps.clear(),
        "funnel-steps",
        filters,
        "A session reaches a step only if it reached all before. The share beside a bar is of the step before.",
    )
    left, right = st.columns(2)
    by_day = with_share(context.marts.fetch(growth.funnel_by_day(filters)), "purchase", "sessions", "conversion_rate")
    with left:
        chart = (
            charts.lines(by_day, Moment("session_date"), _RATE, "source", context.colours, "Conversion by day and source")
            if by_day.height
            else None
        )
        panel("Conversion by day", chart, by_day, "conversion-by-day", filters)
    with right:
        devices = context.marts.fetch(growth.funnel_by_device(filters))
        devices = with_share(devices, "purchase", "sessions", "conversion_rate").sort("conversion_rate", descending=True, nulls_last=True)
        chart_of = charts.ranked_bars(
            devices,
            "device_type",
            "Device",
            _RATE,
            "Conversion by device",
            extra=(Measure("sessions", "Sessions"), Measure("purchase", "Purchases")),
        )
        panel("Conversion by device", chart_of, devices, "conversion-by-device", filters)


def funnel_steps(counts: dict[str, int]) -> pl.DataFrame:
    """One row a step: sessions, share of the step before, share of all, sessions lost on the way."""
    rows = []
    before: tuple[str, int] | None = None
    for key, title in _STEPS.items():
        value = counts[key]
        rows.append(
            {
                "step": title,
                "from_step": before[0] if before else None,
                "sessions": value,
                "of_step_before_share": formats.ratio(value, before[1]) if before else None,
                "of_all_share": formats.ratio(value, counts["sessions"]),
                "lost": before[1] - value if before else None,
            }
        )
        before = (title, value)
    return pl.DataFrame(
        rows,
        schema={
            "step": pl.String,
            "from_step": pl.String,
            "sessions": pl.Int64,
            "of_step_before_share": pl.Float64,
            "of_all_share": pl.Float64,
            "lost": pl.Int64,
        },
    )
