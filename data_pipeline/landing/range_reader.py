"""Reads an exact range of offsets of one Kafka partition at a time.

It is done when its position has reached the end, not after a number of messages: control records, aborted
transactions and compaction leave offsets without a message.
Belongs here: consuming, and telling a gap from a loss from a stall. Does not: what becomes of the messages.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from types import TracebackType

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from data_pipeline.common.errors import LostOffsetsError, PermanentError, TransientError
from data_pipeline.landing.kafka_client import BrokerErrors, Clients

BATCH_SIZE = 2_000
"""Messages a call; larger batches were slower."""

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
        self._consumer: Consumer
        self._errors: BrokerErrors
        self._consumer, self._errors = clients.consumer(
            isolation_level="read_committed" if is_committed_only else "read_uncommitted",
            queued_max_messages_kbytes=queue_kbytes,
            # Below, a fetch is answered at once; above, latency is spent on fewer, larger ones.
            fetch_min_bytes=1,
            fetch_wait_max_ms=100,
            fetch_message_max_bytes=4_194_304,
            fetch_queue_backoff_ms=5,
        )
        self._topic = ""
        self._partition = -1
        self._position = -1
        self._held: Sequence[Message] = ()

    def __enter__(self) -> RangeReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._consumer.close()

    def seek(self, topic: str, partition: int, offset: int) -> None:
        """Read from this offset next; costs nothing where the reader stands there already."""
        if (topic, partition, offset) == (self._topic, self._partition, self._position):
            return
        self._consumer.assign([TopicPartition(topic, partition, offset)])
        self._topic, self._partition, self._position, self._held = topic, partition, offset, ()

    def batches(self, end: int, *, until_stable: bool = False) -> Iterator[Sequence[Message]]:
        """Messages from the position up to `end` (excluded), in order, without those that Kafka does not show.

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
            batch = self._held or self._consume(end)
            self._held = ()
            visible_end: int | None = None
            if any(map(Message.error, batch)):
                batch, visible_end = self._without_events(batch, end)
            inside = self._cut(batch, end)
            if visible_end is not None:
                self._position = max(self._position, min(visible_end, end))
            if inside:
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

    def _consume(self, end: int) -> list[Message]:
        try:
            batch: list[Message] = self._consumer.consume(min(BATCH_SIZE, end - self._position), timeout=_POLL_S)
            return batch
        except KafkaException as error:
            raise self._clients.failure(error.args[0], self._what(end), self._errors) from error

    def _cut(self, messages: Sequence[Message], end: int) -> Sequence[Message]:
        """Move on, and hold back what is beyond the end for the next range."""
        if not messages:
            return messages
        last = messages[-1].offset()
        if last < end:
            self._position = max(self._position, last + 1)
            return messages
        cut = bisect_left(messages, end, key=Message.offset)
        self._position = end
        self._held = messages[cut:]
        return messages[:cut]

    def _without_events(self, batch: Sequence[Message], end: int) -> tuple[list[Message], int | None]:
        """The messages of a batch that has events among them, and the end of what is visible if it was reached."""
        messages = []
        visible_end: int | None = None
        for message in batch:
            error = message.error()
            if error is None:
                messages.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                visible_end = message.offset()
            elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                raise self._out_of_range(error, end)
            elif not error.retriable() or error.fatal():
                raise self._clients.failure(error, self._what(end), self._errors)
        return messages, visible_end

    def _out_of_range(self, error: KafkaError, end: int) -> Exception:
        tp = TopicPartition(self._topic, self._partition)
        try:
            low, high = self._consumer.get_watermark_offsets(tp, timeout=10.0)
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
