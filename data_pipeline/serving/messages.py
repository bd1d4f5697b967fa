"""Pages that stand where there are no numbers: nothing yet, not readable now, wrongly set up.

Belongs here: their words. Does not: deciding which of them it is (`app.py`).
"""

from __future__ import annotations

import streamlit as st


def show_no_data(reason: str) -> None:
    """There is nothing to show yet: what to run."""
    with st.container(key="message-no-data", border=True):
        st.subheader("No data yet", anchor=False)
        st.markdown(
            "Numbers appear here once events have gone through the pipeline and the dashboards were published. Run this, then reload:"
        )
        st.code("make demo        # a day of sample events, from Kafka to this page", language="bash")
        st.markdown("or, in Dagster's UI, materialize a day down to the assets `dashboards/…`.")
        st.caption(reason)


def show_unavailable(reason: str) -> None:
    """The marts are there but cannot be read now."""
    with st.container(key="message-unavailable"):
        st.error(reason, icon=":material/cloud_off:", title="The marts cannot be read now")
        st.button("Try again", icon=":material/refresh:")


def show_misconfigured(reason: str) -> None:
    """A setting is wrong."""
    with st.container(key="message-misconfigured"):
        st.error(f"{reason}\n\n`docs/configuration.md` lists all settings.", icon=":material/settings_alert:", title="A setting is wrong")


def show_empty_range(first: str, last: str) -> None:
    """The days chosen have no events."""
    with st.container(key="message-empty-range"):
        st.info(
            f"There are no events on these days from these sources. Data reaches from {first} to {last}; "
            "choose days in that range, or other sources.",
            icon=":material/filter_alt_off:",
        )


def show_nothing_here(what: str) -> None:
    """The days have events, but none of the kind that this page is about."""
    with st.container(key="message-nothing-here"):
        st.info(f"There are no {what} on these days from these sources; choose other days or sources.", icon=":material/filter_alt_off:")
