"""Revenue and refunds: what was ordered and given back, by day and currency."""

from __future__ import annotations

import polars as pl
import streamlit as st

from data_pipeline.serving import charts, formats
from data_pipeline.serving.charts import Measure, Moment
from data_pipeline.serving.components import KeyNumber, key_numbers, panel
from data_pipeline.serving.messages import show_nothing_here
from data_pipeline.serving.page import PageContext
from data_pipeline.serving.palette import ACCENT, BAD
from data_pipeline.serving.queries import commerce
from data_pipeline.serving.views.currency import choose_currency


def render(context: PageContext) -> None:
    """Draw the page."""
    filters = context.filters
    by_currency = context.marts.fetch(commerce.revenue_by_currency(filters))
    if by_currency.is_empty():
        show_nothing_here("orders or refunds")
        return
    currency = choose_currency(by_currency["currency"].to_list())
    total = by_currency.row(by_predicate=pl.col("currency") == currency, named=True)
    key_numbers(
        [
            KeyNumber("Orders", formats.count(total["orders"]), f"Orders placed in {currency}.", f"{formats.count(total['units'])} units"),
            KeyNumber(
                "Ordered", formats.money(total["order_amount"], currency), "Totals of the orders: items − discount + tax + shipping."
            ),
            KeyNumber(
                "Refunded",
                formats.money(total["refund_amount"], currency),
                "Totals of the refunds, on the day on which they were given.",
                f"{formats.count(total['refunds'])} refunds",
            ),
            KeyNumber("Net", formats.money(total["net_amount"], currency), "Ordered minus refunded."),
            KeyNumber(
                "Mean order",
                formats.money(formats.ratio(total["order_amount"], total["orders"]), currency),
                "Ordered divided by orders.",
            ),
        ]
    )
    by_day = context.marts.fetch(commerce.revenue_by_day(filters, currency))
    moved = _movements(by_day)
    panel(
        f"Ordered and refunded by day ({currency})",
        charts.up_and_down(
            moved,
            Moment("revenue_date"),
            Measure("amount", currency, ",.2f"),
            "kind",
            {"Ordered": ACCENT, "Refunded": BAD},
            f"Amounts ordered above and refunded below zero by day, in {currency}",
        ),
        by_day,
        f"revenue-by-day-{currency.lower()}",
        filters,
        "Orders count on the day they were placed, refunds on the day they were given.",
    )
    left, right = st.columns([2, 3])
    days = Moment("revenue_date")
    with left:
        chart = charts.stacked_bars(by_day, days, Measure("orders", "Orders"), "source", context.colours, "Orders by day and source")
        panel("Orders by day", chart, by_day.select("revenue_date", "source", "orders", "units"), "orders-by-day", filters)
    with right:
        panel(
            "All currencies",
            None,
            by_currency.select("currency", "orders", "units", "order_amount", "refunds", "refund_amount", "net_amount"),
            "revenue-by-currency",
            filters,
            "Each row in its own currency; rows are not to be added.",
        )


def _movements(by_day: pl.DataFrame) -> pl.DataFrame:
    """Orders above zero, refunds below."""
    kinds = {"Ordered": pl.col("order_amount"), "Refunded": -pl.col("refund_amount")}
    return pl.concat(
        [
            by_day.select("revenue_date", pl.lit(kind).alias("kind"), amount.cast(pl.Float64).alias("amount"))
            for kind, amount in kinds.items()
        ]
    )
