"""Events of other days that belong to sessions touching a day.

A session can begin before a day and end after it, over several midnights. Whoever has an event in the last half hour
before a midnight and another in the first half hour after it may have a session across it; of those visitors the
other day is read. Where such a visitor was active through that whole day without a gap, the next midnight is looked
at too, and so on until nobody is left. So every session that touches the day is known from its first to its last event.

Belongs here: which rows of which days are needed. Does not: cutting sessions (`sessions.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import reduce

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from data_pipeline.common.windows import midnight
from data_pipeline.transforms.sessions import GAP_MINUTES, GAP_MS

_GAP = timedelta(minutes=GAP_MINUTES)
ReadDay = Callable[[date], DataFrame | None]
"""Staged rows of a day; None where there are none."""


class Neighbours:
    """Rows of other days, for the visitors whose sessions may cross into the day.

    Attributes:
        rows: staged rows; None where no session can cross.
        days: the days that were looked at, the day itself included.
    """

    def __init__(self, rows: DataFrame | None, days: list[date]) -> None:
        self.rows = rows
        self.days = days


def find_neighbours(day: date, read_day: ReadDay) -> Neighbours:
    """Look back and ahead from the day as far as sessions can reach.

    Args:
        day: the day whose sessions are wanted.
        read_day: gives the staged rows of a day.
    """
    here = read_day(day)
    found: list[DataFrame] = []
    days = [day]
    for step in (-1, 1):
        visitors = None if here is None else _visitors_near(here, day, step)
        other = day
        while visitors is not None:
            other += timedelta(days=step)
            days.append(other)
            rows = read_day(other)
            if rows is None:
                break
            crossing = visitors.join(_visitors_near(rows, other, -step), "anonymous_id", "left_semi").persist()
            if crossing.isEmpty():
                break
            theirs = rows.join(crossing, "anonymous_id", "left_semi").persist()
            found.append(theirs)
            visitors = _without_gap(theirs, other)
    return Neighbours(reduce(DataFrame.unionByName, found) if found else None, sorted(set(days)))


def _visitors_near(rows: DataFrame, day: date, step: int) -> DataFrame:
    """Visitors with an event so near to the day's start (-1) or end (1) that a session can go on across it."""
    if step < 0:
        near = F.col("occurred_at") < F.lit(midnight(day) + _GAP)
    else:
        near = F.col("occurred_at") > F.lit(midnight(day + timedelta(days=1)) - _GAP)
    return rows.where(near & F.col("anonymous_id").isNotNull()).select("anonymous_id").distinct()


def _without_gap(rows: DataFrame, day: date) -> DataFrame:
    """Visitors who were active from the start to the end of the day with no gap that ends a session."""
    at = F.unix_millis("occurred_at")
    gap = at - F.lag(at).over(Window.partitionBy("anonymous_id").orderBy("occurred_at"))
    start = F.unix_millis(F.lit(midnight(day)))
    end = F.unix_millis(F.lit(midnight(day + timedelta(days=1))))
    return (
        rows.select("anonymous_id", at.alias("at"), gap.alias("gap"))
        .groupBy("anonymous_id")
        .agg(F.min("at").alias("first"), F.max("at").alias("last"), F.coalesce(F.max("gap"), F.lit(0)).alias("gap"))
        .where((F.col("first") - start < GAP_MS) & (end - F.col("last") < GAP_MS) & (F.col("gap") < GAP_MS))
        .select("anonymous_id")
    )
