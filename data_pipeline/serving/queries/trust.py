"""What there is to choose from, how old it is, and how much was rejected.

Belongs here: queries that every page makes. Does not: those of one page.
"""

from __future__ import annotations

from data_pipeline.serving.filters import Filters
from data_pipeline.serving.queries.building import of_sources, query, total
from data_pipeline.serving.reader import Query


def extent() -> Query:
    """First and last day with rows of any kind, one row; both null where there is none."""
    return Query(
        """
select min(day) as first_day, max(day) as last_day
from (
    select min(event_date) as day from mart_event_volume
    union all select max(event_date) from mart_event_volume
    union all select min(arrival_date) from mart_data_quality
    union all select max(arrival_date) from mart_data_quality
) as days
""".strip(),
        {},
        ("mart_event_volume", "mart_data_quality"),
    )


def sources() -> Query:
    """Names of the sources that there are rows of."""
    return Query("select source from mart_freshness order by source", {}, ("mart_freshness",))


def freshness(filters: Filters) -> Query:
    """One row a source: its newest event and its newest landed hour."""
    condition, values = of_sources(filters)
    return Query(
        f"""
select source, newest_occurred_at, newest_received_at, newest_hour_at
from mart_freshness
where {condition}
order by source
""".strip(),
        values,
        ("mart_freshness",),
    )


def arrivals(filters: Filters) -> Query:
    """One row: what arrived in the days shown, what passed and what was rejected."""
    return query(
        f"""
select {total("landed_count")} as landed, {total("staged_count")} as staged, {total("quarantined_count")} as rejected
from mart_data_quality
where {{chosen}}
""",
        filters,
        ("mart_data_quality",),
        "arrival_date",
    )


def publication() -> Query:
    """When the file was published and by which run; only in published files."""
    return Query("select published_at, run_id from publication", {}, ("publication",))
