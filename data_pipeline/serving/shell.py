"""The frame of every page: filters, the age of the data, the share of rejected rows.

Belongs here: what stands above each page. Does not: what stands on it (`views/`).
"""

from __future__ import annotations

from datetime import date, datetime

import streamlit as st

from data_pipeline.serving import formats
from data_pipeline.serving.filters import DEFAULT_PRESET, PRESETS, Extent, Filters, preset_range
from data_pipeline.serving.trust import Trust

_FIRST, _LAST, _SOURCES, _PRESET = "from", "to", "source", "preset"


def filter_bar(extent: Extent) -> Filters | None:
    """The row of filters; None (and a sentence on the page) while the first day is after the last.

    The choice stays when the page changes, and the address of the page carries it.
    """
    first, last = _roll_forward(extent)
    with st.container(key="filters"):
        columns = st.columns([1.35, 0.8, 0.8, 1.6], vertical_alignment="bottom")
        with columns[0]:
            st.pills("Date range", list(PRESETS), key=_PRESET, help="Days end with the newest day of data. All days are UTC.")
        with columns[1]:
            st.date_input("From", first, **_date_options(_FIRST))
        with columns[2]:
            st.date_input("To", last, **_date_options(_LAST))
        with columns[3]:
            sources = st.multiselect("Sources", extent.sources, key=_SOURCES, placeholder="All sources", bind="query-params")
    chosen = (st.session_state[_FIRST] or extent.first, st.session_state[_LAST] or extent.last)
    if chosen[0] > chosen[1]:
        st.warning(
            f"The first day ({formats.day(chosen[0])}) is after the last ({formats.day(chosen[1])}); choose an earlier first day.",
            icon=":material/event_busy:",
        )
        return None
    return Filters(chosen[0], chosen[1], tuple(sources), extent.sources)


def trust_bar(trust: Trust, now: datetime) -> None:
    """How old the data is and how much of it was rejected: what a reader has to know before believing a number."""
    with st.container(key="trust", horizontal=True, gap="medium", vertical_alignment="center"):
        st.badge(trust.state.label, icon=trust.state.icon, color=trust.state.colour)
        st.markdown(
            f"Newest event **{formats.age(trust.newest_event_at, now)}**",
            help=f"The newest event of these sources happened on {formats.instant(trust.newest_event_at)}.",
            width="content",
        )
        st.markdown(
            f"Newest landed hour **{formats.age(trust.newest_hour_end_at, now)}**",
            help=f"The newest hour that was landed from Kafka whole ended on {formats.instant(trust.newest_hour_end_at)}.",
            width="content",
        )
        st.markdown(
            f"Rejected rows **{formats.share(trust.rejected_share, 2)}**",
            help=f"{formats.count(trust.rejected)} of {formats.count(trust.landed)} rows that arrived on these days from these sources "
            "broke a rule of the contract and are in quarantine.",
            width="content",
        )


def _roll_forward(extent: Extent) -> tuple[date, date]:
    """Dates that the widgets start from; while a preset is chosen they move along with the data."""
    state = st.session_state
    if _PRESET not in state:
        linked = _FIRST in st.query_params or _LAST in st.query_params
        state[_PRESET] = None if linked else DEFAULT_PRESET
    default = preset_range(extent, DEFAULT_PRESET)
    preset = state[_PRESET]
    if preset is not None:
        state[_FIRST], state[_LAST] = preset_range(extent, preset)
    return default


def _date_options(key: str) -> dict[str, object]:
    return {
        "key": key,
        "min_value": date(2000, 1, 1),
        "max_value": date(2100, 12, 31),
        "format": "YYYY-MM-DD",
        "bind": "query-params",
        "on_change": _forget_preset,
    }


def _forget_preset() -> None:
    st.session_state[_PRESET] = None
