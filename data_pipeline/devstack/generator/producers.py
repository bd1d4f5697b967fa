"""Producers that take columns: straight into librdkafka where its library is known, else record by record.

Belongs here: the interface, the plain way, and the choice. Does not: the native way (`native_producer.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import pyarrow as pa
from confluent_kafka import KafkaError, Producer


class ColumnProducer(Protocol):
    """Queues rows of Arrow columns as records."""

    def produce(self, topic: str, values: pa.Array, keys: pa.Array, partitions: pa.Array, timestamps: pa.Array, begin: int = 0) -> int:
        """Queue rows from `begin` on; the row at which the queue was full, or the number of rows."""
        ...

    def poll(self, timeout_s: float) -> None:
        """Hear of deliveries that failed."""
        ...

    def flush(self, timeout_s: float) -> int:
        """Wait until the brokers have everything; how many records they do not have."""
        ...

    def purge(self) -> None:
        """Drop what is queued or on its way."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class PlainProducer:
    """confluent-kafka's Producer, record by record."""

    def __init__(self, config: Mapping[str, Any], header: tuple[str, bytes], on_failure: Callable[[KafkaError], None]) -> None:
        def on_delivery(error: KafkaError | None, message: Any) -> None:
            if error is not None:
                on_failure(error)

        self._headers = [header]
        self._producer = Producer({**config, "on_delivery": on_delivery, "error_cb": lambda error: None})

    def produce(self, topic: str, values: pa.Array, keys: pa.Array, partitions: pa.Array, timestamps: pa.Array, begin: int = 0) -> int:
        columns = [column.slice(begin).to_pylist() for column in (values, keys, partitions, timestamps.cast(pa.int64()))]
        for row, (value, key, partition, timestamp) in enumerate(zip(*columns, strict=True), begin):
            try:
                # By position, because names cost a third of the call: … partition, callback, on_delivery, timestamp, headers.
                self._producer.produce(topic, value, key, partition, None, None, timestamp, self._headers)
            except BufferError:
                return row
        return len(values)

    def poll(self, timeout_s: float) -> None:
        self._producer.poll(timeout_s)

    def flush(self, timeout_s: float) -> int:
        return int(self._producer.flush(timeout_s))

    def purge(self) -> None:
        self._producer.purge()

    def close(self) -> None:
        return


def open_producer(config: Mapping[str, Any], header: tuple[str, bytes], on_failure: Callable[[KafkaError], None]) -> ColumnProducer:
    """The fastest way that there is here."""
    from data_pipeline.landing import native_library

    library = native_library.load()
    if library is None or not native_library.is_possible(config):
        return PlainProducer(config, header, on_failure)
    from data_pipeline.devstack.generator.native_producer import NativeProducer

    return NativeProducer(library, config, header, on_failure)
