"""Arrow columns straight into librdkafka's queue: no Python object for a record, half the CPU time of `Producer.produce`.

Belongs here: one librdkafka producer by its C interface. Does not: the loop over rows
(`native_queue.py`), what is sent (`sinks.py`), the interface's declaration (`landing/native_library.py`).
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from confluent_kafka import KafkaError, KafkaException

from data_pipeline.devstack.generator.native_queue import queue_rows
from data_pipeline.landing.native_library import ERROR_CALLBACK, Library, make_client

_PRODUCER = 0
_QUEUE_FULL = -184
_REPORT_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)

_KINDS = (2, 3, 4, 5, 7, 8, 9)
"""`rd_kafka_vtype_t` of the seven units of a record: topic, partition, value, key, flags, timestamp, header."""
_WORDS = 9
"""`rd_kafka_vu_t` is 72 bytes."""
_COPY_VALUE = 2


class NativeProducer:
    """A librdkafka producer.

    Args:
        library: the C interface.
        config: librdkafka's settings by their own names.
        header: name and value of the one header of every record.
        on_failure: hears of a record that could not be delivered.
    """

    def __init__(
        self, library: Library, config: Mapping[str, Any], header: tuple[str, bytes], on_failure: Callable[[KafkaError], None]
    ) -> None:
        self._library = library
        self._topics: dict[str, int] = {}
        self._header = (ctypes.create_string_buffer(header[0].encode()), ctypes.create_string_buffer(header[1]), len(header[1]))

        def on_report(client: int, message: int, opaque: int) -> None:
            code = ctypes.c_int32.from_address(message).value
            if code != 0:
                on_failure(library.error(code))

        # librdkafka keeps the addresses only.
        self._callbacks = (_REPORT_CALLBACK(on_report), ERROR_CALLBACK(lambda client, code, reason, opaque: None))
        self._client = make_client(library, _PRODUCER, config, self._callbacks[1], self._callbacks[0])

    def produce(self, topic: str, values: pa.Array, keys: pa.Array, partitions: pa.Array, timestamps: pa.Array, begin: int = 0) -> int:
        """Queue rows from `begin` on; the row at which the queue was full, or the number of rows.

        Args:
            topic: where to.
            values: binary, null for a tombstone.
            keys: binary, null for none.
            partitions: int32.
            timestamps: milliseconds since 1970.
            begin: the first row to queue.
        """
        name, value, size = self._header
        units = np.zeros((len(_KINDS), _WORDS), np.int64)
        units[:, 0] = _KINDS
        units[0, 1] = self._topic(topic)
        units[4, 1] = _COPY_VALUE
        units[6, 1:4] = ctypes.addressof(name), ctypes.addressof(value), size
        stopped, error = queue_rows(
            self._library.address("produceva"),
            self._client,
            units,
            *_columns(values),
            *_columns(keys),
            partitions.to_numpy(),
            timestamps.cast(pa.int64()).to_numpy(),
            begin,
        )
        if error:
            code = self._library.error_code(error)
            self._library.error_destroy(error)
            if code != _QUEUE_FULL:
                raise KafkaException(self._library.error(code))
        return int(stopped)

    def poll(self, timeout_s: float) -> None:
        """Hear of deliveries that failed."""
        self._library.poll(self._client, int(1000 * timeout_s))

    def flush(self, timeout_s: float) -> int:
        """Wait until the brokers have everything; how many records they do not have."""
        self._library.flush(self._client, int(1000 * timeout_s))
        left: int = self._library.outq_len(self._client)
        return left

    def purge(self) -> None:
        """Drop what is queued or on its way."""
        self._library.purge(self._client, 3)

    def close(self) -> None:
        """Let go of connections; what is still queued is lost."""
        if self._client:
            client, self._client = self._client, 0
            for topic in self._topics.values():
                self._library.topic_destroy(topic)
            self._library.destroy(client)

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    def _topic(self, name: str) -> int:
        if name not in self._topics:
            self._topics[name] = self._library.topic_new(self._client, name.encode(), None)
        return self._topics[name]


def _columns(array: pa.Array) -> tuple[int, np.ndarray, np.ndarray]:
    """Address of the bytes, offsets of the rows and their end, and which rows are not null."""
    _, offsets, data = array.buffers()
    positions = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    return (data.address if data else 0), positions, array.is_valid().to_numpy(zero_copy_only=False)
