"""Measures of time: lags between the clocks, late rows, the hours and minutes in which rows arrive.

Belongs here: all that compares occurred_at, sent_at and received_at. Does not: other fields.
"""

from __future__ import annotations

import polars as pl

from data_pipeline.validation.history import cells
from data_pipeline.validation.history.bins import bin_of

LAGS = {
    "sent_at-occurred_at": ("sent_at", "occurred_at"),
    "received_at-sent_at": ("received_at", "sent_at"),
    "received_at-occurred_at": ("received_at", "occurred_at"),
}
LATE_AFTER_MIN = {"1 h": 60, "6 h": 360, "24 h": 1440, "7 d": 10080}


def measure_clocks(flat: pl.DataFrame) -> list[pl.DataFrame]:
    """Cells of the clocks of rows that are not empty."""
    if not flat.height:
        return []
    total = flat.height
    clocks = flat.select((pl.col(to) - pl.col(since)).dt.total_milliseconds().alias(name) for name, (to, since) in LAGS.items())
    found = []
    for name in LAGS:
        # Lines of a file have no Kafka timestamp: those lags are not there.
        lag = clocks.select(bin_of(pl.col(name).cast(pl.Float64) / 1000).alias("value")).drop_nulls()["value"]
        if lag.len():
            binned = lag.value_counts(name="count")
            found.append(cells.from_columns("clock_lag", name, "", binned["value"], binned["count"], lag.len()))
    age_min = clocks["received_at-occurred_at"].drop_nulls() / 60_000
    if age_min.len():
        late = {name: int((age_min > minutes).sum()) for name, minutes in LATE_AFTER_MIN.items()}
        found.append(cells.from_counts("late_rows", "occurred_at", "", late, age_min.len()))
    for name in ("occurred_at", "sent_at"):
        instant = pl.col(name)
        form = flat.select(
            (instant.dt.millisecond() == 0).sum().alias("whole_second"),
            (instant.dt.millisecond() % 10 == 0).sum().alias("whole_centisecond"),
            ((instant.dt.second() == 0) & (instant.dt.millisecond() == 0)).sum().alias("whole_minute"),
            ((instant.dt.minute() == 0) & (instant.dt.second() == 0)).sum().alias("whole_hour"),
        )
        found.append(cells.from_counts("clock_form", name, "", {key: int(form[key][0]) for key in form.columns}, total))
    same = int((clocks["sent_at-occurred_at"] == 0).sum())
    same_received = int((clocks["received_at-occurred_at"] == 0).sum() or 0)
    found.append(
        cells.from_counts("clock_form", "sent_at", "relation", {"equals occurred_at": same, "equals received_at": same_received}, total)
    )
    found += _measure_arrivals(flat)
    return found


def _measure_arrivals(flat: pl.DataFrame) -> list[pl.DataFrame]:
    total = flat.height
    flat = flat.with_columns(pl.coalesce("received_at", "sent_at").alias("received_at"))
    hours = flat["received_at"].dt.hour().alias("value").value_counts(name="count")
    slots = (flat["received_at"].dt.minute() // 5).alias("value").value_counts(name="count")
    minutes = flat["received_at"].dt.truncate("1m").alias("value").value_counts(name="count")
    occurred = flat["occurred_at"].dt.hour().alias("value").value_counts(name="count")
    return [
        cells.from_columns("arrival_hour", "rows", "", hours["value"], hours["count"], total),
        cells.from_columns("arrival_slot", "rows", "", slots["value"], slots["count"], total),
        cells.from_counts("peak_minute", "rows", "", {"peak": int(minutes["count"].max() or 0)}, total),  # type: ignore[arg-type]
        cells.from_columns("occurred_hour", "occurred_at", "", occurred["value"], occurred["count"], total),
    ]
