"""Conservation, quarantine, and the Kafka offsets behind a day.

Belongs here: queries of those pages. Does not: their charts (`views/`).
"""

from __future__ import annotations

from data_pipeline.serving.filters import Filters
from data_pipeline.serving.queries.building import query, total
from data_pipeline.serving.reader import Query
from data_pipeline.serving.tables import EVENT_OFFSETS

_QUALITY, _QUARANTINE = ("mart_data_quality",), ("mart_quarantine",)


def equations(filters: Filters) -> Query:
    """The conservation equations by source, over the days shown."""
    return query(
        f"""
select source, {_equation()}
from mart_data_quality
where {{chosen}}
group by source
order by source
""",
        filters,
        _QUALITY,
        "arrival_date",
    )


def broken_hours(filters: Filters) -> Query:
    """Hours whose equation does not hold: an empty result is the promise kept."""
    return query(
        """
select hour_at, source, offset_count, landed_count, control_or_gap_count, staged_count, quarantined_count, landing_difference,
    validation_difference
from mart_data_quality
where {chosen} and (landing_difference <> 0 or validation_difference <> 0)
order by hour_at, source
""",
        filters,
        _QUALITY,
        "arrival_date",
    )


def arrivals_by_hour(filters: Filters) -> Query:
    """Landed and rejected rows by hour of arrival and source."""
    return query(
        f"""
select hour_at, source, {total("landed_count")} as landed, {total("quarantined_count")} as rejected,
    cast(sum(quarantined_count) as double precision) / nullif(sum(landed_count), 0) as rejected_share
from mart_data_quality
where {{chosen}}
group by hour_at, source
order by hour_at, source
""",
        filters,
        _QUALITY,
        "arrival_date",
    )


def arrivals_by_day(filters: Filters) -> Query:
    """Landed and rejected rows by day of arrival and source."""
    return query(
        f"""
select arrival_date, source, {total("landed_count")} as landed, {total("quarantined_count")} as rejected,
    cast(sum(quarantined_count) as double precision) / nullif(sum(landed_count), 0) as rejected_share
from mart_data_quality
where {{chosen}}
group by arrival_date, source
order by arrival_date, source
""",
        filters,
        _QUALITY,
        "arrival_date",
    )


def rejections_by(filters: Filters, dimension: str, limit: int = 20, rule: str | None = None) -> Query:
    """Broken rules counted by `rule`, `source`, `event_type`, `app_version` or `hour_at`; a row that breaks two counts in both."""
    if dimension not in ("rule", "source", "event_type", "app_version", "hour_at"):
        raise ValueError(f"Rejections are not counted by '{dimension}'.")
    order = "hour_at" if dimension == "hour_at" else f"broken desc, {dimension}"
    return query(
        f"""
select {dimension}, {total("rejected_count")} as broken
from mart_quarantine
where {{chosen}}{_of_rule(rule)}
group by {dimension}
order by {order}
limit {limit}
""",
        filters,
        _QUARANTINE,
        "arrival_date",
        **({"rule": rule} if rule else {}),
    )


def rejections_by_hour_and_rule(filters: Filters) -> Query:
    """Broken rules by hour of arrival and rule."""
    return query(
        f"""
select hour_at, rule, {total("rejected_count")} as broken
from mart_quarantine
where {{chosen}}
group by hour_at, rule
order by hour_at, rule
""",
        filters,
        _QUARANTINE,
        "arrival_date",
    )


def rejections_by_rule_and_source(filters: Filters) -> Query:
    """Broken rules by rule and source."""
    return query(
        f"""
select rule, source, {total("rejected_count")} as broken
from mart_quarantine
where {{chosen}}
group by rule, source
order by rule, source
""",
        filters,
        _QUARANTINE,
        "arrival_date",
    )


def rejected_examples(filters: Filters, rule: str | None = None, limit: int = 100) -> Query:
    """One row for each kind of rejection with the beginning of its first value and where it stands in Kafka."""
    return query(
        f"""
select rule, source, hour_at, event_type, app_version, rejected_count as broken, example_value, example_kafka_partition as kafka_partition,
    example_kafka_offset as kafka_offset
from mart_quarantine
where {{chosen}}{_of_rule(rule)}
order by rejected_count desc, rule, source, hour_at, event_type, app_version
limit {limit}
""",
        filters,
        _QUARANTINE,
        "arrival_date",
        **({"rule": rule} if rule else {}),
    )


def offsets(filters: Filters) -> Query:
    """Kafka offsets that the events of the days shown came from, a row a day, source and Kafka partition."""
    return query(
        f"""
select event_date, source, kafka_partition, first_offset, last_offset, event_count, first_received_at, last_received_at
from {EVENT_OFFSETS}
where {{chosen}}
order by event_date, source, kafka_partition
limit 5000
""",
        filters,
        (EVENT_OFFSETS,),
        "event_date",
    )


def _of_rule(rule: str | None) -> str:
    return " and rule = :rule" if rule else ""


def _equation() -> str:
    names = ("offset", "landed", "control_or_gap", "staged", "quarantined")
    sums = ", ".join(f"{total(f'{name}_count')} as {name}" for name in names)
    return (
        f"{sums}, {total('raw_bytes')} as raw_bytes, count(*) as hours, "
        f"{total('case when is_validated then 0 else 1 end')} as hours_not_validated, "
        f"{total('abs(landing_difference)')} as landing_difference, {total('abs(validation_difference)')} as validation_difference"
    )
