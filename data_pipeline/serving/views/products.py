"""Products: which sell, and which come back."""

from __future__ import annotations

import polars as pl
import streamlit as st

from data_pipeline.serving import charts, formats
from data_pipeline.serving.charts import Measure
from data_pipeline.serving.components import KeyNumber, key_numbers, panel
from data_pipeline.serving.frames import with_share
from data_pipeline.serving.messages import show_nothing_here
from data_pipeline.serving.page import PageContext
from data_pipeline.serving.palette import BAD
from data_pipeline.serving.queries import commerce
from data_pipeline.serving.views.currency import choose_currency

_TOP = 12


def render(context: PageContext) -> None:
    """Draw the page."""
    filters = context.filters
    totals = context.marts.fetch(commerce.product_totals(filters))
    if totals.is_empty():
        show_nothing_here("products that were ordered or refunded")
        return
    currency = choose_currency(totals["currency"].to_list())
    total = totals.row(by_predicate=pl.col("currency") == currency, named=True)
    rows = with_share(context.marts.fetch(commerce.products(filters, currency)), "units_refunded", "units_sold", "refunded_share")
    key_numbers(
        [
            KeyNumber("Products", formats.count(total["products"]), f"Different products ordered or refunded in {currency}."),
            KeyNumber("Units sold", formats.count(total["units_sold"]), "Units in the orders."),
            KeyNumber(
                "Sales",
                formats.money(total["sales_amount"], currency),
                "Quantity × unit price of the order lines, before discount and tax.",
            ),
            KeyNumber(
                "Units refunded",
                formats.count(total["units_refunded"]),
                "Units in the refunds given on these days, whenever they were bought.",
                f"{formats.share(formats.ratio(total['units_refunded'], total['units_sold']))} of sold",
            ),
            KeyNumber("Refunded", formats.money(total["refunded_amount"], currency), "Quantity × unit price of the refund lines."),
        ]
    )
    sales = Measure("sales_amount", f"Sales ({currency})", ",.2f")
    labelled = rows.with_columns(_label(rows))
    left, right = st.columns(2)
    with left:
        panel(
            f"Best sellers ({currency})",
            charts.ranked_bars(
                labelled.filter(pl.col("sales_amount") > 0).head(_TOP),
                "product",
                "Product",
                sales,
                f"Products by sales in {currency}",
                extra=(Measure("units_sold", "Units sold"), Measure("orders", "Orders")),
            ),
            rows.filter(pl.col("sales_amount") > 0),
            f"best-sellers-{currency.lower()}",
            filters,
            f"The {_TOP} with most sales; the numbers have up to 200.",
        )
    with right:
        returned = labelled.filter(pl.col("units_refunded") > 0).sort("refunded_amount", descending=True)
        panel(
            f"Most refunded ({currency})",
            charts.ranked_bars(
                returned.head(_TOP),
                "product",
                "Product",
                Measure("refunded_amount", f"Refunded ({currency})", ",.2f"),
                f"Products by refunded amount in {currency}",
                extra=(Measure("units_refunded", "Units refunded"), Measure("units_sold", "Units sold")),
                colour=BAD,
            ),
            returned.drop("product"),
            f"most-refunded-{currency.lower()}",
            filters,
            f"The {_TOP} with most refunds by amount.",
        )
    panel(f"All products ({currency})", None, rows, f"products-{currency.lower()}", filters, "Up to 200 products, by sales.")


def _label(rows: pl.DataFrame) -> pl.Expr:
    """The name; with the id where two products share one."""
    twice = rows["product_name"].is_duplicated()
    return (
        pl.when(twice)
        .then(pl.format("{} ({})", pl.col("product_name"), pl.col("product_id")))
        .otherwise(pl.col("product_name"))
        .alias("product")
    )
