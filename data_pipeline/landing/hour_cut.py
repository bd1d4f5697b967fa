"""The offsets of one hour: its two boundaries, frozen as soon as they can be.

Belongs here: cutting an hour out of a topic, and how far the hour can be landed now.
Does not: what has landed of it, and landing it (`hour.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from data_pipeline.common.errors import PermanentError, TransientError
from data_pipeline.common.windows import Hour
from data_pipeline.landing.boundaries import FROM_LOG_START, Boundary, Neighbours
from data_pipeline.landing.boundary_search import BoundarySearch, epoch_ms, first_counting
from data_pipeline.landing.chunks import OffsetRange, cut_range, cut_whole_chunks
from data_pipeline.landing.land_chunk import require_same_topic
from data_pipeline.landing.ledger import Ledger
from data_pipeline.landing.topic_log import TopicIdentity, TopicLog

_POLL_S = 0.5
_FOR_EVER_MS = 2**63 - 1


@dataclass(frozen=True)
class HourCut:
    """The boundaries of an hour.

    Attributes:
        hour: the hour.
        start: where it begins.
        end: where it ends; None while the hour is not over.
    """

    hour: Hour
    start: Boundary
    end: Boundary | None

    @property
    def is_start_known(self) -> bool:
        """False for the first hour of a topic: it begins where the log began, what was before is unknown."""
        return self.start.origin != FROM_LOG_START

    def ranges(self) -> dict[int, tuple[int, int]]:
        """Start and end offset per partition of an hour that is over; a partition that is new in it starts at 0."""
        if self.end is None:
            raise PermanentError(f"The hour {self.hour} is not over, so its end is not known yet.")
        return {partition: (self.start.offset(partition), end) for partition, end in sorted(self.end.offsets.items())}

    def chunks(self) -> list[OffsetRange]:
        """All chunks of an hour that is over."""
        return [chunk for p, (start, end) in self.ranges().items() for chunk in cut_range(p, start, end, self.start.chunk_rows)]

    def whole_chunks(self, limits: Mapping[int, int]) -> list[OffsetRange]:
        """The chunks of the open hour that lie wholly below the limits: these keep their names when the hour is closed."""
        grid = self.start.chunk_rows
        return [chunk for p, limit in sorted(limits.items()) for chunk in cut_whole_chunks(p, self.start.offset(p), limit, grid)]


def cut_hour(ledger: Ledger, log: TopicLog, identity: TopicIdentity, hour: Hour, now: Callable[[], datetime], chunk_rows: int) -> HourCut:
    """The boundaries of an hour that has begun, from the ledger, else found and frozen.

    Raises:
        PermanentError: the ledger belongs to another topic of the same name.
    """

    def checked(boundary: Boundary | None) -> None:
        if boundary is not None:
            require_same_topic(identity.topic_id, boundary.topic_id, log.topic, "the ledger")

    def find(instant: datetime) -> Callable[[Neighbours], Boundary]:
        def found(neighbours: Neighbours) -> Boundary:
            checked(neighbours.before)
            checked(neighbours.after)
            search = BoundarySearch(log, identity, now(), chunk_rows)
            return search.log_start(instant) if neighbours.before is None else search.find(instant, neighbours)

        return found

    start = ledger.freeze(hour.start, find(hour.start))
    checked(start)
    end = None
    if now() >= hour.end:
        end = ledger.freeze(hour.end, find(hour.end))
        checked(end)
    return HourCut(hour, start, end)


def wait_until_stable(log: TopicLog, ends: Mapping[int, int], wait_s: float) -> None:
    """Wait until no transaction is open below the ends.

    Raises:
        TransientError: one still is after `wait_s` seconds.
        PermanentError: the log is shorter than it was when the end was found.
    """
    deadline = time.monotonic() + wait_s
    waiting = dict(ends)
    while True:
        stable = log.stable_ends(waiting)
        waiting = {partition: end for partition, end in waiting.items() if stable[partition] < end}
        if not waiting:
            return
        if time.monotonic() >= deadline:
            break
        time.sleep(min(_POLL_S, max(deadline - time.monotonic(), 0.01)))
    partition, end = next(iter(waiting.items()))
    log_end = log.log_ends([partition])[partition]
    if log_end < end:
        raise PermanentError(
            f"The log of {log.topic} partition {partition} ends at offset {log_end}, below the boundary {end} found before: it was "
            "truncated (unclean leader election). Compare the brokers' logs before anything else is landed from it."
        )
    raise TransientError(
        f"A transaction is open in {log.topic} partition {partition}: its last stable offset {stable[partition]} is below the hour's end "
        f"{end} after {wait_s:.0f} s of waiting. The hour stays open; run again when the producer has committed or aborted "
        "(the broker aborts it after the producer's transaction.timeout.ms)."
    )


def open_limits(log: TopicLog, identity: TopicIdentity, cut: HourCut, reached: Mapping[int, int]) -> dict[int, int]:
    """How far the open hour can be landed: below open transactions and any record that may belong to a later hour.

    Args:
        log: the topic.
        identity: its partitions.
        cut: the open hour.
        reached: offsets up to which it has landed; those are known to belong to it.
    """
    end_ms = epoch_ms(cut.hour.end)
    # In this order: whatever is below these ends was there when the look-up by timestamp is made.
    stable = log.stable_ends(identity.partitions)
    first = log.first_at_or_after(identity.partitions, end_ms)
    limits = {}
    for partition in identity.partitions:
        start = max(reached.get(partition, 0), cut.start.offset(partition))
        limit, found = stable[partition], first[partition].offset
        if found is not None and found >= start:
            limit = min(limit, found)
        elif found is not None:
            # The look-up tells of the first such record only, and that one lies before the hour.
            limit = first_counting(log, partition, start, limit, end_ms, _FOR_EVER_MS)
        limits[partition] = limit
    return limits
