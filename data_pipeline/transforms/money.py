"""Amounts: decimals from the doubles of JSON, exactly, rounded once.

Belongs here: that conversion and sums of item lines, as Spark expressions. Does not: which events have amounts.

A double becomes the shortest decimal that reads back as that double: the number as the client wrote it, up to 15 significant
digits. Sums and products are taken before rounding; the result is rounded half up to 4 places. What does not fit into
18 digits (only a cart can be so large: an order's total is bounded by the contract) is null.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

MONEY = "decimal(18,4)"
_PRICE = "decimal(30,15)"
_LINE = "decimal(38,15)"


def amount(number: Column) -> Column:
    """A double as money."""
    return number.try_cast(MONEY)


def line_amount(item: Column) -> Column:
    """`quantity x unit_price` of an item line."""
    return _line(item).try_cast(MONEY)


def items_amount(items: Column) -> Column:
    """The sum over item lines; null where there are no items."""
    zero = F.lit(0).cast(_LINE)
    return F.aggregate(items, zero, lambda total, item: F.try_add(total, _line(item)).try_cast(_LINE)).try_cast(MONEY)


def item_count(items: Column) -> Column:
    """The units over item lines; null where there are no items."""
    return F.aggregate(items, F.lit(0).cast("bigint"), lambda total, item: total + item["quantity"])


def _line(item: Column) -> Column:
    return F.try_multiply(item["quantity"].cast("decimal(8,0)"), item["unit_price"].try_cast(_PRICE)).try_cast(_LINE)
