"""The relations that dashboards read: marts of dbt, and one summary that is derived from the events.

Belongs here: their names and the summary's SQL. Does not: their columns (dbt's YAML), queries (`queries/`).
"""

from __future__ import annotations

MARTS: tuple[str, ...] = (
    "mart_event_volume",
    "mart_sessions",
    "mart_active_users",
    "mart_retention_cohorts",
    "mart_funnel",
    "mart_revenue",
    "mart_product_performance",
    "mart_search_without_result",
    "mart_acquisition",
    "mart_data_quality",
    "mart_quarantine",
    "mart_freshness",
)
"""Marts that dashboards cannot do without."""

DIMENSIONS: tuple[str, ...] = ("dim_products",)
"""Small dimensions that a page joins."""

EVENT_OFFSETS = "event_offsets"
"""One row an event day, source and Kafka partition: the first and last offset that the day's events came from."""

EVENT_OFFSETS_SQL = """
select event_date, source, kafka_partition, min(kafka_offset) as first_offset, max(kafka_offset) as last_offset,
    count(*) as event_count, min(received_at) as first_received_at, max(received_at) as last_received_at
from {events}
group by event_date, source, kafka_partition
""".strip()
"""Portable SQL; `{events}` is the events table that holds every event once."""
