"""Event volume, sessions, active users.

Belongs here: queries of those pages. Does not: their charts (`views/`).
"""

from __future__ import annotations

from data_pipeline.serving.filters import Filters
from data_pipeline.serving.queries.building import chosen, query, total
from data_pipeline.serving.reader import Parameter, Query

_VOLUME, _SESSIONS, _ACTIVE = ("mart_event_volume",), ("mart_sessions",), ("mart_active_users",)


def events_by_day(filters: Filters) -> Query:
    """Events a day and source."""
    return query(
        f"""
select event_date, source, {total("event_count")} as events, {total("late_event_count")} as late_events,
    {total("conflict_count")} as conflicts, {total("delivery_s_sum")} as delivery_s
from mart_event_volume
where {{chosen}}
group by event_date, source
order by event_date, source
""",
        filters,
        _VOLUME,
        "event_date",
    )


def events_by_hour(filters: Filters) -> Query:
    """Events an hour and source."""
    return query(
        f"""
select hour_at, source, {total("event_count")} as events
from mart_event_volume
where {{chosen}}
group by hour_at, source
order by hour_at, source
""",
        filters,
        _VOLUME,
        "event_date",
    )


def events_by_type(filters: Filters) -> Query:
    """Events a type, most frequent first."""
    return query(
        f"""
select event_type, {total("event_count")} as events
from mart_event_volume
where {{chosen}}
group by event_type
having sum(event_count) > 0
order by events desc, event_type
""",
        filters,
        _VOLUME,
        "event_date",
    )


def sessions_by_day(filters: Filters) -> Query:
    """Sessions a day and source with the sums that means are made of."""
    return query(
        f"""
select session_date, source, {_session_sums()}
from mart_sessions
where {{chosen}}
group by session_date, source
order by session_date, source
""",
        filters,
        _SESSIONS,
        "session_date",
    )


def sessions_by(filters: Filters, dimension: str, limit: int = 12) -> Query:
    """Sessions by `device_type`, `country` or `os`, most first."""
    if dimension not in ("device_type", "country", "os"):
        raise ValueError(f"Sessions are not counted by '{dimension}'; there are device_type, country and os.")
    return query(
        f"""
select {dimension}, {_session_sums()}
from mart_sessions
where {{chosen}}
group by {dimension}
order by sessions desc, {dimension}
limit {limit}
""",
        filters,
        _SESSIONS,
        "session_date",
    )


def active_by_day(filters: Filters) -> Query:
    """Distinct visitors and accounts of each day, over the sources shown together.

    An actor who used two sources is in one row of the mart, that of the combination: so rows of a day may be
    added and nobody is counted twice. Days are never added.
    """
    condition, values = chosen(Filters(filters.first, filters.last, (), filters.all_sources), "activity_date")
    bound: dict[str, Parameter] = dict(values)
    if filters.sources:
        for index, source in enumerate(filters.sources):
            bound[f"source_{index}"] = f"|{source}|"
        any_of = " or ".join(f"position(:source_{index} in source_combination) > 0" for index in range(len(filters.sources)))
        condition = f"{condition} and ({any_of})"
    periods = ("day", "rolling_7d", "rolling_28d", "week_to_date", "month_to_date")
    columns = [f"{total(f'active_{kind}_{period}')} as {kind}_{period}" for kind in ("visitors", "users") for period in periods]
    sql = f"""
select activity_date, {", ".join(columns)}
from mart_active_users
where {condition}
group by activity_date
order by activity_date
""".strip()
    return Query(sql, bound, _ACTIVE)


def active_by_day_and_source(filters: Filters) -> Query:
    """Distinct visitors of each day on each source; one who used two is in both, so sources are not to be added."""
    parts = []
    bound: dict[str, Parameter] = {"first_day": filters.first, "last_day": filters.last}
    for index, source in enumerate(filters.shown_sources):
        bound[f"source_{index}"], bound[f"part_{index}"] = source, f"|{source}|"
        parts.append(
            f"""
select activity_date, cast(:source_{index} as varchar(32)) as source, {total("active_visitors_day")} as visitors
from mart_active_users
where activity_date between :first_day and :last_day and position(:part_{index} in source_combination) > 0
group by activity_date
""".strip()
        )
    return Query("\nunion all\n".join(parts) + "\norder by activity_date, source", bound, _ACTIVE)


def _session_sums() -> str:
    return (
        f"{total('session_count')} as sessions, {total('bounce_count')} as bounces, {total('purchasing_session_count')} as with_order, "
        f"{total('signed_in_session_count')} as signed_in, {total('open_session_count')} as still_open, "
        f"{total('duration_ms_sum')} as duration_ms, {total('engaged_ms_sum')} as engaged_ms, {total('event_count')} as events"
    )
