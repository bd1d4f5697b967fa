"""Lineage: where does this number come from, down to the Kafka offsets?"""

from __future__ import annotations

from datetime import date

import polars as pl
import streamlit as st

from data_pipeline.serving import formats
from data_pipeline.serving.components import KeyNumber, key_numbers, panel
from data_pipeline.serving.frames import column_sum
from data_pipeline.serving.lineage import chain
from data_pipeline.serving.page import Page, PageContext
from data_pipeline.serving.queries import quality

_WORDS = {
    "dashboards": "this page",
    "marts": "the numbers of the page, by day and source",
    "core": "facts and dimensions",
    "intermediate": "steps between",
    "staging": "the warehouse's tables under the names of the models",
    "warehouse": "loaded tables, a day replaced at a time",
    "lake": "Spark's tables: one row an event across hours, sessions, order items",
    "staged": "rows that broke no rule of the contract, by hour and source",
    "raw": "Kafka's records byte for byte, by hour and source",
    "kafka": "the topics",
}


def render_lineage(context: PageContext, pages: list[Page]) -> None:
    """Draw the page.

    Args:
        context: what pages get.
        pages: the pages whose numbers can be asked for.
    """
    offsets = context.marts.fetch(quality.offsets(context.filters)).with_columns(
        pl.col("source").replace_strict(dict(context.topics), default=None).alias("topic")
    )
    left, right = st.columns(2)
    with left:
        titles = {page.title: page for page in pages}
        page = titles[st.selectbox("Which page's numbers?", list(titles), key="lineage-page")]
    with right:
        days = offsets["event_date"].unique().sort(descending=True).to_list()
        day = st.selectbox(
            "Of which day?",
            [None, *days],
            format_func=lambda value: "All days chosen" if value is None else formats.day(value),
            key="lineage-day",
        )
    rows = offsets if day is None else offsets.filter(pl.col("event_date") == day)
    key_numbers(
        [
            KeyNumber(
                "Events", formats.count(column_sum(rows, "event_count")), "Events of these days and sources that the marts are made of."
            ),
            KeyNumber("Topics", formats.count(rows["source"].n_unique()), "Kafka topics that they came from."),
            KeyNumber(
                "Topic partitions", formats.count(rows.select("source", "kafka_partition").n_unique()), "Partitions of those topics."
            ),
            KeyNumber("Days", formats.count(rows["event_date"].n_unique()), "UTC days on which they happened."),
        ]
    )
    _path(context, page, day)
    panel(
        "Kafka offsets",
        None,
        rows.select(
            "event_date",
            "source",
            "topic",
            "kafka_partition",
            "first_offset",
            "last_offset",
            "event_count",
            "first_received_at",
            "last_received_at",
        ),
        "kafka-offsets",
        context.filters,
        "First and last offset (inclusive) of a day's events. Between them lie events of other days, rejected rows and repeats, "
        "so the count is smaller than the distance. `data-pipeline prove` shows the arithmetic by hour of arrival.",
    )


def _path(context: PageContext, page: Page, day: date | None) -> None:
    links = chain(page.name, page.marts, context.catalog, context.filters.shown_sources, context.dagster_url, day)
    with st.container(border=True, key="panel-path"):
        st.subheader(f"From “{page.title}” back to Kafka", anchor=False)
        st.caption("Each name opens the asset in Dagster's UI: its runs, checks, columns and metadata.")
        lines = []
        for layer, words in _WORDS.items():
            of_layer = [link for link in links if link.layer == layer]
            if of_layer:
                names = ", ".join(f"[{link.name}]({link.url})" for link in of_layer)
                lines.append(f"| `{layer}` | {names} | {words} |")
        st.markdown("\n".join(["| Layer | Assets | What they are |", "|---|---|---|", *lines]))
        if not context.catalog.nodes:
            st.caption("dbt's manifest was not found, so no models are listed; start Dagster once to make it.")
