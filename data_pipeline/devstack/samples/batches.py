"""Real records as batches, hour by hour, like the generator's.

Belongs here: order of arrival, partitions, what the records break. Does not: mapping of lines.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from data_pipeline.common.windows import Hour, hours_of_day
from data_pipeline.devstack.generator.batch import UNREADABLE, OffsetCounter, RawBatch, raw_table, rule_lists
from data_pipeline.devstack.generator.catalogue import EVENT_TYPES
from data_pipeline.devstack.generator.oracle import broken_rules
from data_pipeline.devstack.samples.access_log import read_access_log
from data_pipeline.devstack.samples.calendar import ACCESS_LOG_DAYS, ONLINE_RETAIL_DAYS, Season
from data_pipeline.devstack.samples.online_retail import read_online_retail
from data_pipeline.devstack.samples.records import SampleRecord

_DAY_MS = 86_400_000


@dataclass(frozen=True)
class _DataSet:
    season: Season
    read: Callable[[date, date], Iterator[SampleRecord]]


_DATA_SETS: Mapping[str, _DataSet] = {
    "web": _DataSet(ACCESS_LOG_DAYS, read_access_log),
    "server": _DataSet(ONLINE_RETAIL_DAYS, read_online_retail),
}


def real_input(
    days: Sequence[date], sources: Sequence[str] | None = None, partition_counts: Mapping[str, int] | None = None
) -> dict[str, Iterator[RawBatch]]:
    """Real records of some days of the demo: the access log for `web`, the order lines for `server`.

    Args:
        days: days of the demo, oldest first.
        sources: only these; sources without real data are passed over.
        partition_counts: Kafka partitions of each source, 4 where not given.

    Returns:
        For each source its batches, one an hour of each day, empty ones too. `received_at` is the latest time of the day's
        lines so far: lines arrive in the order of the file, though some of them say an earlier time.
    """
    counts = partition_counts or {}
    return {
        source: _batches(source, data, days, counts.get(source, 4))
        for source, data in _DATA_SETS.items()
        if sources is None or source in sources
    }


def sample_events(day: date, sources: Sequence[str] | None = None) -> Iterator[RawBatch]:
    """Real records of one day of the demo, source by source, hour by hour."""
    for batches in real_input([day], sources).values():
        yield from batches


def real_counts(days: Sequence[date]) -> dict[str, dict[str, Any]]:
    """What the real data hold on some days of the demo.

    Returns:
        For each source `lines`, `events` (by type; `unreadable` for lines that are no event), `broken` (rows that break a
        rule) and `rules` (rows that break each rule).
    """
    found: dict[str, dict[str, Any]] = {}
    for source, data in _DATA_SETS.items():
        types: Counter[str] = Counter()
        rules: Counter[str] = Counter()
        lines = broken = 0
        for day in days:
            for received_at, record in _in_order_of_arrival(data, day):
                lines += record.line_count
                types[record.event_type or "unreadable"] += 1
                reasons = broken_rules(source, received_at, record.value)
                rules.update(reasons)
                broken += bool(reasons)
        found[source] = {"lines": lines, "events": dict(sorted(types.items())), "broken": broken, "rules": dict(sorted(rules.items()))}
    return found


def _in_order_of_arrival(data: _DataSet, day: date) -> Iterator[tuple[datetime, SampleRecord]]:
    source_day = data.season.source_day(day)
    if source_day is None:
        return
    latest: datetime | None = None
    for record in data.read(source_day, day):
        latest = max(latest, record.occurred_at) if latest else record.occurred_at
        yield latest, record


def _batches(source: str, data: _DataSet, days: Sequence[date], partition_count: int) -> Iterator[RawBatch]:
    offsets = OffsetCounter()
    for day in days:
        by_hour: dict[Hour, list[tuple[datetime, SampleRecord]]] = {hour: [] for hour in hours_of_day(day)}
        for received_at, record in _in_order_of_arrival(data, day):
            by_hour[Hour.containing(received_at)].append((received_at, record))
        for hour, rows in by_hour.items():
            yield _batch(source, hour, rows, partition_count, offsets)


def _batch(
    source: str, hour: Hour, rows: Sequence[tuple[datetime, SampleRecord]], partition_count: int, offsets: OffsetCounter
) -> RawBatch:
    partitions = np.array([zlib.crc32(record.key or b"") % partition_count for _, record in rows], dtype=np.int64)
    received_ms = np.array([_milliseconds(received_at) for received_at, _ in rows], dtype=np.int64)
    occurred_ms = np.array([_milliseconds(record.occurred_at) for _, record in rows], dtype=np.int64)
    keys = pa.array([record.key for _, record in rows], pa.binary())
    values = pa.array([record.value for _, record in rows], pa.binary())
    reasons = [(row, tuple(broken_rules(source, received_at, record.value))) for row, (received_at, record) in enumerate(rows)]
    types = [EVENT_TYPES.index(record.event_type) if record.event_type else UNREADABLE for _, record in rows]
    return RawBatch(
        source,
        hour,
        raw_table(partitions, offsets.take(partitions), received_ms, keys, values),
        rule_lists(len(rows), reasons),
        np.array(types, dtype=np.int64),
        occurred_ms // _DAY_MS,
        np.zeros(len(rows), dtype=bool),
    )


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
