"""What is asked before a page is drawn: what there is to choose from, and how far it can be trusted.

Belongs here: queries to values. Does not: SQL (`queries/trust.py`), widgets (`shell.py`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from data_pipeline.serving import formats
from data_pipeline.serving.filters import Extent, Filters
from data_pipeline.serving.queries import trust as queries
from data_pipeline.serving.reader import MartSnapshot
from data_pipeline.serving.trust import Trust


def read_extent(marts: MartSnapshot) -> Extent | None:
    """First and last day and the sources; None where the marts hold no row."""
    row = marts.fetch(queries.extent()).row(0, named=True)
    if row["first_day"] is None:
        return None
    return Extent(row["first_day"], row["last_day"], tuple(marts.fetch(queries.sources())["source"].to_list()))


def read_trust(marts: MartSnapshot, filters: Filters, now: datetime) -> Trust:
    """Age and rejected share of the sources and days chosen."""
    freshness = marts.fetch(queries.freshness(filters))
    arrivals = marts.fetch(queries.arrivals(filters)).row(0, named=True)
    newest_event, newest_hour = freshness["newest_occurred_at"].max(), freshness["newest_hour_at"].max()
    event_at = formats.as_utc(newest_event) if isinstance(newest_event, datetime) else None
    hour_at = formats.as_utc(newest_hour) + timedelta(hours=1) if isinstance(newest_hour, datetime) else None
    return Trust(event_at, hour_at, int(arrivals["landed"]), int(arrivals["rejected"]), now - event_at if event_at else None)
