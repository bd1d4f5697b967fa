"""Reads an exact range of offsets of one Kafka partition at a time.

It is done when its position has reached the end, not after a number of messages: control records, aborted
transactions and compaction leave offsets without a message.
Belongs here: consuming, and telling a gap from a loss from a stall. Does not: what becomes of the messages.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from types import TracebackType

import numpy as np
from confluent_kafka import KafkaError, KafkaException

from data_pipeline.common.errors import LostOffsetsError, PermanentError, TransientError
from data_pipeline.landing.kafka_client import BrokerErrors, Clients
from data_pipeline.landing.message_source import Event, MessageSource
from data_pipeline.landing.rows import Rows

BATCH_SIZE = 2_000
"""Messages a call at most; larger batches were slower."""
BATCH_BYTES = 2 * 1024 * 1024
"""Bytes a call, judged by the call before: a call takes what it is allowed to take, whatever librdkafka's queue may hold."""
_FIRST_BATCH = 100

LOSS_ADVICE = (
    "They were deleted by retention, DeleteRecords or truncation before they landed: restore them from another copy of the topic, "
    "or keep the hour open as evidence of the loss."
)
_POLL_S = 0.2
STALL_S = 25.0


class RangeReader:
    """One librdkafka consumer. Use it as a context manager; `seek` first, then `batches`.

    Attributes:
        stall_s: seconds without progress after which reading fails.
    """

    def __init__(
        self, clients: Clients, *, is_committed_only: bool = True, queue_kbytes: int = 32_768, stall_s: float | None = None
    ) -> None:
        self._clients = clients
        self.stall_s = STALL_S if stall_s is None else stall_s
        self._source: MessageSource
        self._errors: BrokerErrors
        self._source, self._errors = clients.source(
            isolation_level="read_committed" if is_committed_only else "read_uncommitted",
            queued_max_messages_kbytes=queue_kbytes,
            # Where there is much to read answers are as large as they may be; at the log's end this saves a wait.
            fetch_min_bytes=1,
            fetch_wait_max_ms=100,
            fetch_message_max_bytes=4_194_304,
            fetch_queue_backoff_ms=5,
        )
        self._topic = ""
        self._partition = -1
        self._position = -1
        self._held: Rows | None = None
        self._limit = _FIRST_BATCH

    def __enter__(self) -> RangeReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._source.close()

    def seek(self, topic: str, partition: int, offset: int) -> None:
        """Read from this offset next; costs nothing where the reader stands there already."""
        if (topic, partition, offset) == (self._topic, self._partition, self._position):
            return
        self._source.assign(topic, partition, offset)
        self._topic, self._partition, self._position, self._held = topic, partition, offset, None

    def batches(self, end: int, *, until_stable: bool = False) -> Iterator[Rows]:
        """Rows from the position up to `end` (excluded), in order, without those that Kafka does not show.

        Args:
            end: where to stop.
            until_stable: stop earlier where an open transaction or the log's end hides the rest.

        Raises:
            LostOffsetsError: Kafka deleted offsets of the range.
            TransientError: nothing came for a while, or the broker failed.
        """
        last_progress = time.monotonic()
        while self._position < end:
            before = self._position
            rows, events = (self._held, []) if self._held is not None else self._read(end)
            self._held = None
            visible_end = self._visible_end(events, end)
            inside = None if rows is None else self._cut(rows, end)
            if visible_end is not None:
                self._position = max(self._position, min(visible_end, end))
            if inside is not None and len(inside):
                yield inside
            if until_stable and visible_end is not None:
                return
            now = time.monotonic()
            if self._position > before:
                last_progress = now
            elif now - last_progress > self.stall_s:
                raise self._stalled(end)
            elif self._errors.refused is not None:
                raise self._clients.failure(self._errors.refused, self._what(end))

    def _read(self, end: int) -> tuple[Rows | None, list[Event]]:
        try:
            rows, events = self._source.read(min(self._limit, end - self._position), _POLL_S)
        except KafkaException as error:
            raise self._clients.failure(error.args[0], self._what(end), self._errors) from error
        if rows is not None:
            self._limit = min(BATCH_SIZE, max(BATCH_BYTES * len(rows) // (rows.size_bytes + 1), 1))
        return rows, events

    def _cut(self, rows: Rows, end: int) -> Rows:
        """Move on, and hold back what is beyond the end for the next range."""
        last = int(rows.offsets[-1])
        if last < end:
            self._position = max(self._position, last + 1)
            return rows
        cut = int(np.searchsorted(rows.offsets, end))
        self._position = end
        self._held = rows.slice(cut, len(rows))
        return rows.slice(0, cut)

    def _visible_end(self, events: Sequence[Event], end: int) -> int | None:
        """The end of what is visible if an event says that it was reached; a failure among the events is raised."""
        visible_end: int | None = None
        for error, offset in events:
            if error.code() == KafkaError._PARTITION_EOF:
                visible_end = offset
            elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                raise self._out_of_range(error, end)
            elif not error.retriable() or error.fatal():
                raise self._clients.failure(error, self._what(end), self._errors)
        return visible_end

    def _out_of_range(self, error: KafkaError, end: int) -> Exception:
        try:
            low, high = self._source.watermarks(self._topic, self._partition, 10.0)
        except KafkaException as failed:
            return self._clients.failure(failed.args[0], self._what(end), self._errors)
        if self._position < low:
            return LostOffsetsError(self._topic, self._partition, self._position, min(low, end) - 1, LOSS_ADVICE)
        if self._position > high:
            return PermanentError(
                f"The log of {self._topic} partition {self._partition} ends at offset {high}, below offset {self._position} that was read "
                "before: it was truncated. Compare the brokers' logs before anything else is landed from it."
            )
        return self._clients.failure(error, self._what(end), self._errors)

    def _stalled(self, end: int) -> Exception:
        worst = self._errors.worst
        if worst is not None:
            return self._clients.failure(worst, self._what(end))
        return TransientError(
            f"Kafka at {self._clients.servers} sent nothing for {self.stall_s:.0f} s while we waited to {self._what(end)}; "
            f"the position is {self._position}. Run again; if it stays so, look for an open transaction or an offline partition."
        )

    def _what(self, end: int) -> str:
        return f"read offsets up to {end - 1} of topic '{self._topic}' partition {self._partition}"
