"""Finds where an instant cuts a topic, by asking Kafka.

Kafka's own look-up by timestamp counts two kinds of record that must not cut an hour: control records, which carry the
broker's clock (a transaction replayed into the past would end the hour at its commit marker), and records of the far
future. Where its answer is one of these, the records after it are read until the first that counts.
Belongs here: the search. Does not: clipping and storing of what was found (`boundaries.py`, `ledger.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from data_pipeline.landing.boundaries import FROM_LOG_START, FROM_TIMESTAMPS, Boundary, Neighbours
from data_pipeline.landing.range_reader import RangeReader
from data_pipeline.landing.topic_log import TopicIdentity, TopicLog

CLOCK_TOLERANCE = timedelta(minutes=5)
"""A timestamp further ahead of now than this never moves a boundary."""


@dataclass(frozen=True)
class BoundarySearch:
    """Finds boundaries of one topic.

    Attributes:
        log: the topic.
        identity: the topic's id and partitions.
        now: the present instant.
        chunk_rows: the offset grid to record with a new boundary.
    """

    log: TopicLog
    identity: TopicIdentity
    now: datetime
    chunk_rows: int

    def find(self, instant: datetime, neighbours: Neighbours) -> Boundary:
        """The boundary by timestamps. Where no record counts, the log's end as it was before the look-up."""
        partitions = self.identity.partitions
        ends = self.log.log_ends(partitions)
        instant_ms = epoch_ms(instant)
        latest_ms = epoch_ms(self.now + CLOCK_TOLERANCE)
        first = self.log.first_at_or_after(partitions, instant_ms)
        offsets: dict[int, int] = {}
        for partition in partitions:
            offset = first[partition].offset
            end = ends[partition]
            highest = neighbours.highest(partition)
            if highest is not None:
                end = min(end, highest)
            if offset is None or offset >= end:
                offsets[partition] = end if offset is None else min(offset, highest) if highest is not None else offset
                continue
            start = max(offset, neighbours.lowest(partition))
            offsets[partition] = first_counting(self.log, partition, start, end, instant_ms, latest_ms)
        return self._boundary(instant, offsets, FROM_TIMESTAMPS)

    def log_start(self, instant: datetime) -> Boundary:
        """The first boundary of a topic: nothing says what was before, so everything that is there comes after it."""
        return self._boundary(instant, self.log.log_starts(self.identity.partitions), FROM_LOG_START)

    def _boundary(self, instant: datetime, offsets: Mapping[int, int], origin: str) -> Boundary:
        return Boundary(self.log.topic, self.identity.topic_id, instant, offsets, origin, self.chunk_rows, self.now)


def first_counting(log: TopicLog, partition: int, start: int, end: int, earliest_ms: int, latest_ms: int) -> int:
    """The offset of the first data record in `[start, end)` whose timestamp lies in `[earliest_ms, latest_ms]`, else `end`.

    Records of open and aborted transactions count: whether they were committed must not decide where an hour ends.
    """
    if start >= end:
        return end
    with RangeReader(log.clients, is_committed_only=False, queue_kbytes=4096) as reader:
        reader.seek(log.topic, partition, start)
        for rows in reader.batches(end):
            stamps = np.where(rows.has_timestamp(), rows.timestamps, 0)
            found = np.flatnonzero((earliest_ms <= stamps) & (stamps <= latest_ms))
            if len(found):
                return int(rows.offsets[found[0]])
    return end


def epoch_ms(instant: datetime) -> int:
    """Milliseconds since 1970 of an aware instant, as Kafka counts them."""
    return (instant - datetime.fromtimestamp(0, instant.tzinfo)) // timedelta(milliseconds=1)
