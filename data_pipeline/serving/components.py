"""Parts that every page is made of: key numbers, panels with chart, numbers and download.

Belongs here: Streamlit calls that more than one page makes. Does not: queries, what a page shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import polars as pl
import streamlit as st

from data_pipeline.serving.filters import Filters
from data_pipeline.serving.page import Page, PageContext


@dataclass(frozen=True)
class KeyNumber:
    """One number at the head of a page.

    Attributes:
        label: what it counts.
        value: as formatted.
        help: how it is defined, in one sentence.
        note: what stands below it, such as the share of a whole.
    """

    label: str
    value: str
    help: str
    note: str | None = None


def key_numbers(numbers: Sequence[KeyNumber]) -> None:
    """A row of key numbers."""
    # Where one has a note all get the line, so that the row stays level.
    blank = "\N{NO-BREAK SPACE}" if any(number.note for number in numbers) else None
    with st.container(key="key-numbers"):
        for column, number in zip(st.columns(len(numbers)), numbers, strict=True):
            with column:
                note = number.note or blank
                st.metric(number.label, number.value, note, help=number.help, border=True, delta_color="off", delta_arrow="off")


def panel(title: str, chart: alt.Chart | alt.LayerChart | None, rows: pl.DataFrame, name: str, filters: Filters, note: str = "") -> None:
    """A chart with its title, its rows behind a button, and the download of exactly those rows.

    Args:
        title: what is shown, of which unit.
        chart: the chart; None shows the rows themselves.
        rows: what the chart is drawn from.
        name: names the file, `event-volume`; unique on the page.
        filters: the choice, which names the file too.
        note: a sentence on how to read it.
    """
    with st.container(border=True, height="stretch", key=f"panel-{name}"):
        st.subheader(title, anchor=False)
        if note:
            st.caption(note)
        if rows.is_empty():
            st.info("No rows for these days and sources.", icon=":material/filter_alt_off:")
            return
        if chart is not None:
            st.altair_chart(chart, width="stretch", key=f"chart-{name}")
        else:
            table(rows, f"table-{name}")
        with st.container(horizontal=True, vertical_alignment="center", key=f"actions-{name}"):
            if chart is not None:
                with st.popover("Show numbers", icon=":material/table:", width="content"):
                    table(rows, f"table-{name}")
            st.download_button(
                "Download CSV",
                rows.write_csv(),
                file_name=f"{name}_{filters.file_suffix}.csv",
                mime="text/csv",
                on_click="ignore",
                icon=":material/download:",
                key=f"csv-{name}",
            )


def definitions(page: Page, context: PageContext, asset: str) -> None:
    """What each column of the page's marts means, in dbt's words, and where the page stands in Dagster."""
    with st.expander("Definitions", icon=":material/menu_book:", key="definitions"):
        for name in page.marts:
            node = context.catalog.find(name)
            if node is None:
                continue
            st.markdown(f"**{name}** · {node.description}")
            rows = [f"| `{column}` | {_cell(words)} |" for column, words in node.columns.items()]
            st.markdown("\n".join(["| Column | Meaning |", "|---|---|", *rows]))
        if not any(context.catalog.find(name) for name in page.marts):
            st.markdown("dbt's manifest was not found, so there are no definitions to show; start Dagster once to make it.")
        st.markdown(f"Runs, checks and lineage of this page: [`dashboards/{page.name}` in Dagster]({asset}).")


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("\n", " ")


def table(rows: pl.DataFrame, key: str) -> None:
    """Rows as a table, with column titles in words and numbers with separators."""
    st.dataframe(rows, hide_index=True, width="stretch", key=key, column_config={name: _column(rows, name) for name in rows.columns})


def _column(rows: pl.DataFrame, name: str) -> object:
    title = name.replace("_", " ").capitalize()
    kind = rows.schema[name]
    if name.endswith(("_share", "_rate")):
        return st.column_config.NumberColumn(title, format="percent")
    if kind.is_integer() and not name.startswith("kafka_"):
        return st.column_config.NumberColumn(title, format="localized")
    if kind.is_numeric() and not kind.is_integer():
        return st.column_config.NumberColumn(title, format="accounting")
    if kind == pl.Date:
        return st.column_config.DateColumn(title, format="YYYY-MM-DD")
    if isinstance(kind, pl.Datetime):
        return st.column_config.DatetimeColumn(f"{title} (UTC)", format="YYYY-MM-DD HH:mm")
    return st.column_config.Column(title)
