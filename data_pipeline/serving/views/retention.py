"""Retention: how many visitors of a week come back in the weeks after."""

from __future__ import annotations

import polars as pl

from data_pipeline.serving import charts, formats
from data_pipeline.serving.charts import Measure
from data_pipeline.serving.components import KeyNumber, key_numbers, panel
from data_pipeline.serving.page import PageContext
from data_pipeline.serving.queries import growth

_RATE = Measure("retention_rate", "Came back", ".0%", ".0%")
_MAX_WEEKS = 12


def render(context: PageContext) -> None:
    """Draw the page."""
    filters = context.filters
    rows = context.marts.fetch(growth.cohorts(filters))
    complete = rows.filter(pl.col("is_complete") == 1)
    sizes = rows.filter(pl.col("weeks_since_first") == 0)

    def mean_of(week: int) -> str:
        of_week = complete.filter(pl.col("weeks_since_first") == week)
        return formats.share(formats.ratio(int(of_week["active_visitors"].sum() or 0), int(of_week["cohort_visitors"].sum() or 0)))

    key_numbers(
        [
            KeyNumber(
                "New visitors",
                formats.count(int(sizes["cohort_visitors"].sum() or 0)),
                "Visitors whose first event is in one of the weeks shown.",
            ),
            KeyNumber("Weekly cohorts", formats.count(sizes.height), "Weeks, Monday to Sunday, that share a day with the range."),
            *(
                KeyNumber(
                    f"Back after {week} week{'' if week == 1 else 's'}",
                    mean_of(week),
                    f"Share of visitors who were active {week} week{'' if week == 1 else 's'} after that of their first event; "
                    "weeks that are not over are left out.",
                )
                for week in (1, 2, 4)
            ),
        ]
    )
    shown = rows.filter(pl.col("weeks_since_first") <= _MAX_WEEKS).with_columns(
        (pl.col("cohort_week").dt.to_string("%-d %b %Y")).alias("cohort"),
        pl.format("{}", pl.col("weeks_since_first")).alias("week"),
        pl.when(pl.col("is_complete") == 1).then(pl.lit("yes")).otherwise(pl.lit("no, still counting")).alias("week_is_over"),
    )
    panel(
        "Share of a week's new visitors who were active again",
        charts.heat_map(
            shown,
            "cohort",
            "First seen in the week of",
            "week",
            "Weeks since that of the first event",
            _RATE,
            "Retention of weekly cohorts by weeks since the first event",
            extra=(Measure("active_visitors", "Active visitors"), Measure("cohort_visitors", "Visitors of the cohort")),
            note=("week_is_over", "Week is over"),
        )
        if shown.height
        else None,
        rows,
        "retention-cohorts",
        filters,
        "Each row is a cohort: the visitors whose first event was in the week that began on that Monday, by the source of that event. "
        "Activity on any source counts. "
        "The newest diagonal is still counting until its week is over.",
    )
