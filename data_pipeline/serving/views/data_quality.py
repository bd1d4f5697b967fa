"""Data quality: is everything that Kafka held here, and what was rejected, why?"""

from __future__ import annotations

import polars as pl
import streamlit as st

from data_pipeline.serving import charts, formats
from data_pipeline.serving.charts import Measure, Moment
from data_pipeline.serving.components import KeyNumber, key_numbers, panel
from data_pipeline.serving.frames import column_sum
from data_pipeline.serving.page import PageContext
from data_pipeline.serving.palette import BAD
from data_pipeline.serving.queries import quality

_BROKEN = Measure("broken", "Broken rules")
_SHARE = Measure("rejected_share", "Rejected rows", ".2%", ".1%")
_ALL_RULES = "All rules"


def render(context: PageContext) -> None:
    """Draw the page."""
    equations = context.marts.fetch(quality.equations(context.filters))
    landed, rejected = column_sum(equations, "landed"), column_sum(equations, "quarantined")
    differences = column_sum(equations, "landing_difference") + column_sum(equations, "validation_difference")
    waiting = column_sum(equations, "hours_not_validated")
    key_numbers(
        [
            KeyNumber(
                "Kafka offsets",
                formats.count(column_sum(equations, "offset")),
                "End minus start of the offsets of the hours that arrived on these days.",
            ),
            KeyNumber(
                "Landed",
                formats.count(landed),
                "Records landed in raw.",
                f"+ {formats.count(column_sum(equations, 'control_or_gap'))} control records",
            ),
            KeyNumber(
                "Passed",
                formats.count(column_sum(equations, "staged")),
                "Rows that broke no rule.",
                f"{formats.count(waiting)} hours not validated" if waiting else None,
            ),
            KeyNumber(
                "Rejected",
                formats.count(rejected),
                "Rows in quarantine, each once.",
                formats.share(formats.ratio(rejected, landed), 2) + " of landed",
            ),
            KeyNumber(
                "Lost or doubled",
                formats.count(differences),
                "Offsets − landed − control records, and landed − passed − rejected, summed without sign over all hours. "
                "Anything but 0 is an incident.",
                "all equations hold" if differences == 0 else "see the hours below",
            ),
        ]
    )
    if equations.is_empty():
        st.info("Nothing arrived on these days from these sources.", icon=":material/filter_alt_off:")
        return
    conservation, quarantine = st.tabs(["Conservation", "Quarantine"])
    with conservation:
        _conservation(context, equations)
    with quarantine:
        _quarantine(context)


def _conservation(context: PageContext, equations: pl.DataFrame) -> None:
    filters = context.filters
    panel(
        "The equations, by source",
        None,
        equations,
        "equations",
        filters,
        "offset = landed + control or gap; landed = staged + quarantined.",
    )
    broken = context.marts.fetch(quality.broken_hours(filters))
    if broken.height:
        st.error(f"{formats.count(broken.height)} hours do not add up.", icon=":material/error:")
        panel("Hours that do not add up", None, broken, "broken-hours", filters)
    if filters.day_count <= 7:
        rows, moment = context.marts.fetch(quality.arrivals_by_hour(filters)), Moment("hour_at", "Hour of arrival (UTC)", "hour")
    else:
        rows, moment = context.marts.fetch(quality.arrivals_by_day(filters)), Moment("arrival_date", "Day of arrival (UTC)")
    left, right = st.columns(2)
    with left:
        chart = charts.stacked_bars(
            rows, moment, Measure("landed", "Records landed"), "source", context.colours, "Records landed over time by source"
        )
        panel("Records landed", chart, rows, "landed", filters)
    with right:
        lines = charts.lines(rows, moment, _SHARE, "source", context.colours, "Share of rejected rows over time by source")
        panel("Share of rejected rows", lines, rows, "rejected-share", filters)


def _quarantine(context: PageContext) -> None:
    filters, marts = context.filters, context.marts
    by_rule = marts.fetch(quality.rejections_by(filters, "rule"))
    if by_rule.is_empty():
        st.success("No row was rejected on these days.", icon=":material/check_circle:")
        return
    st.caption("A row that breaks two rules counts under both, so these numbers can be larger than that of rejected rows.")
    left, right = st.columns(2)
    with left:
        panel(
            "By rule",
            charts.ranked_bars(by_rule, "rule", "Rule", _BROKEN, "Broken rules, most frequent first", colour=BAD),
            by_rule,
            "by-rule",
            filters,
        )
    with right:
        by_source = marts.fetch(quality.rejections_by_rule_and_source(filters))
        panel(
            "By rule and source",
            charts.heat_map(
                by_source, "rule", "Rule", "source", "Source", Measure("broken", "Broken rules"), "Broken rules by rule and source"
            ),
            by_source,
            "by-rule-and-source",
            filters,
        )
    chosen = st.selectbox("Rule", [_ALL_RULES, *by_rule["rule"].to_list()], key="rule", help="Narrows what stands below.")
    rule = None if chosen == _ALL_RULES else chosen
    left, middle, right = st.columns([2, 1, 1])
    with left:
        hours = marts.fetch(quality.rejections_by(filters, "hour_at", 5000, rule)).with_columns(pl.lit(chosen).alias("rule"))
        panel(
            "By hour of arrival",
            charts.stacked_bars(
                hours, Moment("hour_at", "Hour of arrival (UTC)", "hour"), _BROKEN, "rule", {chosen: BAD}, "Broken rules by hour of arrival"
            ),
            hours,
            "by-hour",
            filters,
        )
    for column, dimension, title in ((middle, "app_version", "App version"), (right, "event_type", "Event type")):
        rows = marts.fetch(quality.rejections_by(filters, dimension, 10, rule))
        with column:
            chart = charts.ranked_bars(rows, dimension, title, _BROKEN, f"Broken rules by {title.lower()}", colour=BAD)
            panel(f"By {title.lower()}", chart, rows, f"by-{dimension.replace('_', '-')}", filters)
    examples = marts.fetch(quality.rejected_examples(filters, rule))
    panel(
        f"Examples of {rule}" if rule else "Examples",
        None,
        examples,
        "examples",
        filters,
        "The first row of each kind, with its place in Kafka. Values of rows that break privacy are not shown.",
    )
