"""The generator's way in: hours of a source as batches of records.

Belongs here: putting sessions, delivery, JSON and faults together. Does not: Kafka, files, the command line.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.windows import Hour
from data_pipeline.devstack.generator.batch import OffsetCounter, RawBatch, raw_table, rule_lists
from data_pipeline.devstack.generator.delivery import arrivals
from data_pipeline.devstack.generator.events import NOT_A_COPY, Events
from data_pipeline.devstack.generator.hashing import I64, below, hash64
from data_pipeline.devstack.generator.injection import check_faults, inject_faults
from data_pipeline.devstack.generator.render import render
from data_pipeline.devstack.generator.rhythm import Traffic, hour_share, quotas
from data_pipeline.devstack.generator.sessions import DAY_MS, HOUR_MS, hour_number
from data_pipeline.devstack.generator.visitors import NO_ONE

MAX_BATCH_ROWS = 100_000


def generate_hours(
    source: str,
    hours: Sequence[Hour],
    events_per_day: float,
    seed: int,
    fault_rate: float = 0.0,
    *,
    traffic: Traffic | None = None,
    faults: Sequence[str] | None = None,
    exact_count: int | None = None,
    partition_count: int = 4,
    max_batch_rows: int = MAX_BATCH_ROWS,
) -> Iterator[RawBatch]:
    """Records of one source that arrive in some consecutive hours.

    The same arguments always give the same records, and any two ranges of hours of the same traffic fit together:
    sessions go on across their border, and refunds refer to orders of earlier hours.

    Args:
        source: web, ios, android or server.
        hours: consecutive hours, oldest first.
        events_per_day: events of this source on an average day; ignored where `traffic` is given.
        seed: any integer; ignored where `traffic` is given.
        fault_rate: share of broken records, 0 to 1.
        traffic: several sources whose refunds refer to each other's orders; this source alone where None.
        faults: names of the faults to choose from (`faults.BY_NAME`, `event_id_conflict`); all where None.
        exact_count: exactly so many records over all hours; a natural number of them where None.
        partition_count: Kafka partitions; records of a visitor stay in one.
        max_batch_rows: an hour with more records comes as several batches.

    Yields:
        One batch an hour, or more; also for an hour without records.

    Raises:
        PermanentError: an argument makes no sense; the sentence names it.
    """
    check_faults(fault_rate, faults)
    if partition_count < 1 or max_batch_rows < 1:
        raise PermanentError(f"partition_count {partition_count} and max_batch_rows {max_batch_rows} must be 1 or more.")
    if any(later.start != earlier.end for earlier, later in itertools.pairwise(hours)):
        raise PermanentError("The hours to generate must follow one another without a gap.")
    traffic = traffic or Traffic(seed, {source: events_per_day}, f"{source}:{events_per_day}")
    if source not in traffic.events_per_day:
        raise PermanentError(f"The traffic has no source '{source}'; it has {', '.join(traffic.events_per_day)}.")
    counts = None if exact_count is None else quotas(exact_count, [hour_share(hour) for hour in hours])
    offsets = OffsetCounter()
    for hour, events in arrivals(traffic, source, hours, counts):
        for first in range(0, max(len(events), 1), max_batch_rows):
            part = events if len(events) <= max_batch_rows else events.take(slice(first, first + max_batch_rows))
            yield _batch(traffic, source, hour, hours[0], part, fault_rate, faults, partition_count, offsets)


def _batch(
    traffic: Traffic,
    source: str,
    hour: Hour,
    first_hour: Hour,
    events: Events,
    fault_rate: float,
    faults: Sequence[str] | None,
    partition_count: int,
    offsets: OffsetCounter,
) -> RawBatch:
    rendered = render(traffic, source, events)
    values, broken = inject_faults(traffic, source, events, rendered.values, fault_rate, faults)
    partitions = _partitions(events, partition_count)
    table = raw_table(partitions, offsets.take(partitions), events.received_at, rendered.keys, values)
    started_at = hour_number(first_hour) * HOUR_MS
    is_duplicate = (events.original_received_at != NOT_A_COPY) & (events.original_received_at >= started_at)
    return RawBatch(
        source, hour, table, rule_lists(len(events), broken), events.types, np.asarray(events.occurred_at // DAY_MS), is_duplicate
    )


def _partitions(events: Events, partition_count: int) -> I64:
    owner = np.where(events.visitors != NO_ONE, events.visitors, events.accounts)
    return below(hash64(17, owner), partition_count)
