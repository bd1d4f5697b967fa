"""The choice of a currency: amounts of two currencies are never added, so a page shows one at a time."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st


def choose_currency(currencies: Sequence[str]) -> str:
    """The currency to show; the first, which has most orders, until the reader chooses another."""
    if len(currencies) == 1:
        return currencies[0]
    chosen = st.segmented_control(
        "Currency",
        currencies,
        default=currencies[0],
        required=True,
        help="Amounts of different currencies are never added; the page shows one at a time.",
    )
    return str(chosen or currencies[0])
