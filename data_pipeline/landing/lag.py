"""How far landing is behind Kafka: the age of the record at the first offset that has not landed.

Belongs here: the numbers, from ledger, manifests, the record of landed chunks and Kafka. Does not: thresholds and alerts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from data_pipeline.common.layout import hour_prefix
from data_pipeline.common.manifest import manifest_key
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.common.sources import Source
from data_pipeline.common.windows import Hour
from data_pipeline.landing.boundaries import Boundary
from data_pipeline.landing.boundary_search import CLOCK_TOLERANCE, epoch_ms
from data_pipeline.landing.hour import RAW, utc_now
from data_pipeline.landing.land_chunk import require_same_topic
from data_pipeline.landing.landed_chunks import LandedChunks
from data_pipeline.landing.ledger import Ledger
from data_pipeline.landing.range_reader import RangeReader
from data_pipeline.landing.topic_log import TopicLog

RATE_WINDOW = timedelta(minutes=5)


@dataclass(frozen=True)
class PartitionLag:
    """One Kafka partition's backlog.

    Attributes:
        source: the source's name.
        topic: Kafka topic.
        partition: Kafka partition.
        first_not_landed: the first offset that has not landed.
        log_end: the offset after the last record.
        offsets_behind: offsets between the two.
        lost_offsets: offsets that Kafka deleted before they landed.
        lag_s: age of the first record that has not landed, seconds; 0 when all has landed, None where it has no usable timestamp.
        rate_per_s: records arriving a second, over the last five minutes.
        retention_left_s: seconds until retention may delete the first record that has not landed; None for never or nothing.
    """

    source: str
    topic: str
    partition: int
    first_not_landed: int
    log_end: int
    offsets_behind: int
    lost_offsets: int
    lag_s: float | None
    rate_per_s: float
    retention_left_s: float | None

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def measure_lag(
    source: Source, kafka: Mapping[str, str], store: ObjectStore, *, now: Callable[[], datetime] = utc_now
) -> list[PartitionLag]:
    """The lag of each Kafka partition of a source.

    Args:
        source: which source.
        kafka: librdkafka's connection settings.
        store: where ledger and manifests are.
        now: the clock.

    Raises:
        TransientError: Kafka or the store did not answer.
        PermanentError: the topic is missing, or another one than the ledger's.
    """
    log = TopicLog(kafka, source.topic)
    identity = log.describe()
    partitions = identity.partitions
    starts, ends = log.log_starts(partitions), log.log_ends(partitions)
    landed_to = landed_up_to(Ledger(store, source.topic), store, source, starts, identity.topic_id)
    recent = log.first_at_or_after(partitions, epoch_ms(now() - RATE_WINDOW))
    retention_ms = log.retention_ms()
    found = []
    with RangeReader(log.clients, is_committed_only=False, queue_kbytes=1024) as reader:
        for partition in partitions:
            position = landed_to.get(partition, starts[partition])
            end = max(ends[partition], position)
            since = recent[partition].offset
            oldest = _oldest(reader, source.topic, partition, max(position, starts[partition]), end, now())
            lost = max(starts[partition] - position, 0)
            age_s = None if oldest.timestamp is None else max((epoch_ms(now()) - oldest.timestamp) / 1000, 0.0)
            found.append(
                PartitionLag(
                    source=source.name,
                    topic=source.topic,
                    partition=partition,
                    first_not_landed=position,
                    log_end=end,
                    offsets_behind=end - position,
                    lost_offsets=lost,
                    lag_s=age_s if oldest.exists or lost else 0.0,
                    rate_per_s=0.0 if since is None else max(ends[partition] - since, 0) / RATE_WINDOW.total_seconds(),
                    retention_left_s=None if age_s is None or retention_ms is None else retention_ms / 1000 - age_s,
                )
            )
    return found


def landed_up_to(ledger: Ledger, store: ObjectStore, source: Source, log_starts: Mapping[int, int], topic_id: str) -> dict[int, int]:
    """The first offset that has not landed, per partition; nothing for a topic of which no hour was begun.

    Only hours of which Kafka still has offsets are looked at: what is older has landed, or is lost and no lag.
    """
    chain = _held_boundaries(ledger, log_starts)
    if not chain:
        return {}
    require_same_topic(topic_id, chain[-1].topic_id, source.topic, "the ledger")
    position = {partition: chain[0].offset(partition) for partition in log_starts}
    for start, end in zip(chain, [*chain[1:], None], strict=True):
        hour = Hour(start.instant)
        is_next_hour = end is not None and end.instant == hour.end
        if is_next_hour and end is not None and store.head(manifest_key(hour_prefix(RAW, source.name, hour))) is not None:
            reached = {partition: end.offset(partition) for partition in position}
        else:
            reached = _reached_in(LandedChunks(store, source.name, hour, topic_id), start, position)
        for partition, offset in reached.items():
            if position[partition] == start.offset(partition):  # no hole before this hour
                position[partition] = offset
    return position


def _held_boundaries(ledger: Ledger, log_starts: Mapping[int, int]) -> list[Boundary]:
    """The stored boundaries, ascending, from the last one at which all offsets were still before the log's start."""
    boundary = ledger.latest()
    chain: list[Boundary] = []
    instants: list[datetime] | None = None
    while boundary is not None:
        chain.append(boundary)
        if all(boundary.offset(partition) <= start for partition, start in log_starts.items()):
            break
        earlier = ledger.get(boundary.instant - timedelta(hours=1))
        if earlier is None:  # a hole in the ledger, or its beginning: only a listing can tell
            instants = ledger.instants() if instants is None else instants
            before = [instant for instant in instants if instant < boundary.instant]
            earlier = ledger.get(before[-1]) if before else None
        boundary = earlier
    return chain[::-1]


def _reached_in(record: LandedChunks, start: Boundary, partitions: Iterable[int]) -> dict[int, int]:
    """The offset up to which an unpublished hour has landed without a hole."""
    reached = {partition: start.offset(partition) for partition in partitions}
    for offsets in sorted(record.read()):
        if reached.get(offsets.partition) == offsets.first:
            reached[offsets.partition] = offsets.last + 1
    return reached


@dataclass(frozen=True)
class _Oldest:
    """The first record that has not landed: whether there is one, and its timestamp in epoch milliseconds."""

    exists: bool
    timestamp: int | None


def _oldest(reader: RangeReader, topic: str, partition: int, position: int, end: int, now: datetime) -> _Oldest:
    """Look at the first records from a position; one without a usable timestamp is as old as the next that has one."""
    if position >= end:
        return _Oldest(False, None)
    latest_ms = epoch_ms(now + CLOCK_TOLERANCE)
    reader.seek(topic, partition, position)
    for rows in reader.batches(end, until_stable=True):
        usable = rows.timestamps[rows.has_timestamp() & (rows.timestamps <= latest_ms)]
        return _Oldest(True, int(usable[0]) if len(usable) else None)
    return _Oldest(False, None)
