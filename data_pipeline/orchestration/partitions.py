"""Partitions as Dagster sees them: hour × source, and day.

Belongs here: definitions and keys. Does not: windows themselves (`common/windows.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from dagster import (
    AssetExecutionContext,
    DailyPartitionsDefinition,
    HourlyPartitionsDefinition,
    MultiPartitionKey,
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
)

from data_pipeline.common.windows import Hour, parse_day

HOUR = "hour"
SOURCE = "source"


def hour_by_source(start: str, sources: Sequence[str]) -> MultiPartitionsDefinition:
    """Every hour of every source, since `start` (a day)."""
    hours = HourlyPartitionsDefinition(start_date=f"{start}T00", fmt="%Y-%m-%dT%H")
    return MultiPartitionsDefinition({HOUR: hours, SOURCE: StaticPartitionsDefinition(sorted(sources))})


def daily(start: str) -> DailyPartitionsDefinition:
    """Every day since `start`, the present one too: it is built while it fills, so that dashboards are hours behind, not a day."""
    return DailyPartitionsDefinition(start_date=start, end_offset=1)


def hour_key(hour: Hour, source: str) -> MultiPartitionKey:
    """`2026-03-14T09|web`."""
    return MultiPartitionKey({HOUR: str(hour), SOURCE: source})


def read_hour_key(key: str) -> tuple[str, Hour]:
    """Source and hour of `2026-03-14T09|web`."""
    hour, source = key.split("|", 1)
    return source, Hour.parse(hour)


def read_days(context: AssetExecutionContext) -> list[date]:
    """The days of this run, in order."""
    return sorted(parse_day(key) for key in context.partition_keys)
