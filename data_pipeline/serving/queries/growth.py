"""Retention, funnel, acquisition.

Belongs here: queries of those pages. Does not: their charts (`views/`).
"""

from __future__ import annotations

from data_pipeline.serving.filters import Filters
from data_pipeline.serving.queries.building import of_sources, query, total
from data_pipeline.serving.reader import Query

_COHORTS, _FUNNEL, _ACQUISITION = ("mart_retention_cohorts",), ("mart_funnel",), ("mart_acquisition",)


def cohorts(filters: Filters) -> Query:
    """Weekly cohorts that share a day with the range, and how many were active in each week since; the current week too."""
    of_source, values = of_sources(filters)
    return Query(
        f"""
select cohort_week, weeks_since_first, max(active_week) as active_week, {total("cohort_visitor_count")} as cohort_visitors,
    {total("active_visitor_count")} as active_visitors,
    cast(sum(active_visitor_count) as double precision) / nullif(sum(cohort_visitor_count), 0) as retention_rate,
    min(case when is_complete_week then 1 else 0 end) as is_complete
from mart_retention_cohorts
where cohort_week + 6 >= :first_day and cohort_week <= :last_day and {of_source}
group by cohort_week, weeks_since_first
order by cohort_week, weeks_since_first
""".strip(),
        {"first_day": filters.first, "last_day": filters.last, **values},
        _COHORTS,
    )


def funnel(filters: Filters) -> Query:
    """Sessions that reached each step, by source."""
    return query(
        f"""
select source, {_steps()}
from mart_funnel
where {{chosen}}
group by source
order by source
""",
        filters,
        _FUNNEL,
        "session_date",
    )


def funnel_by_device(filters: Filters) -> Query:
    """Sessions that reached each step, by kind of device."""
    return query(
        f"""
select device_type, {_steps()}
from mart_funnel
where {{chosen}}
group by device_type
order by sessions desc, device_type
""",
        filters,
        _FUNNEL,
        "session_date",
    )


def funnel_by_day(filters: Filters) -> Query:
    """Sessions that reached each step, by day and source."""
    return query(
        f"""
select session_date, source, {_steps()}
from mart_funnel
where {{chosen}}
group by session_date, source
order by session_date, source
""",
        filters,
        _FUNNEL,
        "session_date",
    )


def acquisition_by_day(filters: Filters) -> Query:
    """Sessions by day and channel."""
    return query(
        f"""
select session_date, channel, {_visits()}
from mart_acquisition
where {{chosen}}
group by session_date, channel
order by session_date, channel
""",
        filters,
        _ACQUISITION,
        "session_date",
    )


def campaigns(filters: Filters, limit: int = 50) -> Query:
    """Campaigns by sessions."""
    return query(
        f"""
select campaign_source, campaign_medium, campaign_name, {_visits()}
from mart_acquisition
where {{chosen}} and channel = 'campaign'
group by campaign_source, campaign_medium, campaign_name
order by sessions desc, campaign_source, campaign_medium, campaign_name
limit {limit}
""",
        filters,
        _ACQUISITION,
        "session_date",
    )


def referrers(filters: Filters, limit: int = 15) -> Query:
    """Hosts that led to sessions, without those of campaigns."""
    return query(
        f"""
select referrer_host, {_visits()}
from mart_acquisition
where {{chosen}} and channel = 'referral'
group by referrer_host
order by sessions desc, referrer_host
limit {limit}
""",
        filters,
        _ACQUISITION,
        "session_date",
    )


def acquisition_value(filters: Filters) -> Query:
    """What the orders of each channel's sessions were worth, a row a currency; sessions that ordered in two are apart."""
    return query(
        f"""
select channel, currency, {total("order_count")} as orders, sum(order_amount) as order_amount
from mart_acquisition
where {{chosen}} and currency not in ('none', 'mixed')
group by channel, currency
order by channel, currency
""",
        filters,
        _ACQUISITION,
        "session_date",
    )


def _steps() -> str:
    return (
        f"{total('session_count')} as sessions, {total('viewed_session_count')} as viewed, {total('cart_session_count')} as cart, "
        f"{total('checkout_session_count')} as checkout, {total('purchase_session_count')} as purchase"
    )


def _visits() -> str:
    return (
        f"{total('session_count')} as sessions, {total('bounce_count')} as bounces, {total('purchasing_session_count')} as with_order, "
        f"{total('order_count')} as orders"
    )
