"""Active users: distinct visitors and accounts by day, week and month."""

from __future__ import annotations

import polars as pl
import streamlit as st

from data_pipeline.serving import charts, formats
from data_pipeline.serving.charts import Measure, Moment
from data_pipeline.serving.components import KeyNumber, key_numbers, panel
from data_pipeline.serving.page import PageContext
from data_pipeline.serving.palette import category_colours
from data_pipeline.serving.queries import traffic

_KINDS = {"Visitors": "visitors", "Accounts": "users"}
_PERIODS = {"Day": "day", "7 days": "rolling_7d", "28 days": "rolling_28d"}


def render(context: PageContext) -> None:
    """Draw the page."""
    filters = context.filters
    rows = context.marts.fetch(traffic.active_by_day(filters))
    by_source = context.marts.fetch(traffic.active_by_day_and_source(filters))
    last = rows.row(-1, named=True) if rows.height else {}
    as_of = f"as of {formats.day(last.get('activity_date'))}"
    kind_title = st.segmented_control(
        "Whom to count", list(_KINDS), default="Visitors", required=True, help="Visitors are browsers and devices; accounts are signed in."
    )
    kind = _KINDS[kind_title or "Visitors"]

    def number(period: str) -> int | None:
        value = last.get(f"{kind}_{period}")
        return None if value is None else int(value)

    who = kind_title or "Visitors"
    key_numbers(
        [
            KeyNumber("Daily active", formats.count(number("day")), f"Distinct {who.lower()} on the newest day of the range.", as_of),
            KeyNumber(
                "7 days", formats.count(number("rolling_7d")), f"Distinct {who.lower()} in the 7 days that end with that day.", as_of
            ),
            KeyNumber(
                "28 days", formats.count(number("rolling_28d")), f"Distinct {who.lower()} in the 28 days that end with that day.", as_of
            ),
            KeyNumber("Week to date", formats.count(number("week_to_date")), f"Distinct {who.lower()} since Monday.", as_of),
            KeyNumber(
                "Stickiness",
                formats.share(formats.ratio(number("day"), number("rolling_28d"))),
                "Daily active divided by active in 28 days: how often somebody comes back.",
                as_of,
            ),
        ]
    )
    long = pl.concat(
        [
            rows.select("activity_date", pl.lit(title).alias("period"), pl.col(f"{kind}_{period}").alias("active"))
            for title, period in _PERIODS.items()
        ]
    ).sort("activity_date", "period")
    panel(
        f"Active {who.lower()} by day",
        charts.lines(
            long,
            Moment("activity_date"),
            Measure("active", who),
            "period",
            category_colours(_PERIODS),
            f"Distinct {who.lower()} by day and period",
        ),
        rows.select(
            "activity_date", *(f"{kind}_{period}" for period in ("day", "rolling_7d", "rolling_28d", "week_to_date", "month_to_date"))
        ),
        "active-by-day",
        filters,
        "Distinct over all sources shown, each counted once. Never add days: the same people come back.",
    )
    left, right = st.columns(2)
    with left:
        weeks = _calendar_weeks(rows, kind)
        panel(
            "By calendar week",
            charts.histogram(
                weeks.with_columns(pl.col("week").dt.to_string("%-d %b")),
                "week",
                "Week of (Monday)",
                Measure("active", who),
                f"Distinct {who.lower()} by week",
            )
            if weeks.height
            else None,
            weeks,
            "active-by-week",
            filters,
            "The newest week may not be over.",
        )
    with right:
        panel(
            "Daily visitors by source",
            charts.lines(
                by_source,
                Moment("activity_date"),
                Measure("visitors", "Visitors"),
                "source",
                context.colours,
                "Distinct visitors by day and source",
            )
            if by_source.height
            else None,
            by_source,
            "active-by-source",
            filters,
            "Who used two sources is in both lines, so lines do not add up to the total.",
        )


def _calendar_weeks(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    """The last day of each week holds the week's number."""
    return (
        rows.with_columns(pl.col("activity_date").dt.truncate("1w").alias("week"))
        .group_by("week")
        .agg(pl.col(f"{kind}_week_to_date").sort_by("activity_date").last().alias("active"), pl.col("activity_date").max().alias("as_of"))
        .sort("week")
    )
