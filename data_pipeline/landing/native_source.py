"""Messages straight from librdkafka's memory into columns: no Python object for a message, a third of the CPU time.

Belongs here: one librdkafka consumer by its C interface. Does not: the interface itself (`native_library.py`), the loops over messages
(`native_gather.py`), or what is configured (`kafka_client.py`).
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from confluent_kafka import KafkaError, KafkaException

from data_pipeline.landing.message_source import Event
from data_pipeline.landing.native_gather import codes, destroy, gather_headers, gather_records
from data_pipeline.landing.native_library import ERROR_CALLBACK, Library, make_client
from data_pipeline.landing.rows import Bytes, Headers, Rows

_CONSUMER = 1
_CALLED_FROM_COMPILED_CODE = ("message_timestamp", "message_headers", "header_get_all", "message_destroy")


class NativeSource:
    """A librdkafka consumer as MessageSource.

    Args:
        library: the C interface.
        config: librdkafka's settings by their own names; `error_cb`, a function of a KafkaError, hears what happens in the background.
    """

    def __init__(self, library: Library, config: Mapping[str, Any]) -> None:
        self._library = library
        report: Callable[[KafkaError], None] = config["error_cb"]

        def on_error(client: int, code: int, reason: bytes, opaque: int) -> None:
            report(KafkaError(code, (reason or b"").decode(errors="replace")))

        self._on_error = ERROR_CALLBACK(on_error)  # librdkafka keeps the address only
        settings = {name: value for name, value in config.items() if name != "error_cb"}
        self._client = make_client(library, _CONSUMER, settings, self._on_error)
        library.poll_set_consumer(self._client)
        self._queue = library.queue_get_consumer(self._client)
        self._messages = np.zeros(0, np.int64)
        self._scratch = np.zeros(4, np.int64)
        self._addresses = {name: library.address(name) for name in _CALLED_FROM_COMPILED_CODE}

    def assign(self, topic: str, partition: int, offset: int) -> None:
        places = self._library.topic_partition_list_new(1)
        try:
            self._library.topic_partition_list_add(places, topic.encode(), partition)
            self._library.topic_partition_list_set_offset(places, topic.encode(), partition, offset)
            self._raise(self._library.assign(self._client, places))
        finally:
            self._library.topic_partition_list_destroy(places)

    def read(self, limit: int, timeout_s: float) -> tuple[Rows | None, list[Event]]:
        if len(self._messages) < limit:
            self._messages = np.zeros(limit, np.int64)
        count = self._library.consume_batch_queue(self._queue, int(1000 * timeout_s), self._messages.ctypes.data, limit)
        if count <= 0:
            return None, []
        try:
            messages, events = self._messages[:count], []
            found = codes(self._messages, count)
            if found.any():
                events = [self._event(int(address)) for address in messages[found != 0]]
                messages = messages[found == 0]
            return (self._rows(messages) if len(messages) else None), events
        finally:
            destroy(self._messages, count, self._addresses["message_destroy"])

    def watermarks(self, topic: str, partition: int, timeout_s: float) -> tuple[int, int]:
        code, low, high = self._library.watermarks(self._client, topic.encode(), partition, int(1000 * timeout_s))
        self._raise(code)
        return low, high

    def close(self) -> None:
        if self._client:
            client, self._client = self._client, 0
            self._library.queue_destroy(self._queue)
            self._library.consumer_close(client)
            self._library.destroy(client)

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    def _rows(self, messages: np.ndarray) -> Rows:
        scratch, at = self._scratch.ctypes.data, self._addresses
        offsets, kinds, stamps, keys, key_lengths, has_key, values, value_lengths, has_value = gather_records(
            messages, at["message_timestamp"], scratch
        )
        counts, names, name_lengths, contents, content_lengths, has_content = gather_headers(
            messages, at["message_headers"], at["header_get_all"], scratch
        )
        headers = Headers(counts, Bytes(names, name_lengths, None), _bytes(contents, content_lengths, has_content))
        return Rows(offsets, kinds, stamps, _bytes(keys, key_lengths, has_key), _bytes(values, value_lengths, has_value), headers)

    def _event(self, message: int) -> Event:
        code = ctypes.c_int32.from_address(message).value
        offset = ctypes.c_int64.from_address(message + 56).value
        return Event(self._library.error(code, self._library.message_errstr(message)), offset)

    def _raise(self, code: int) -> None:
        if code != 0:
            raise KafkaException(self._library.error(code))


def _bytes(data: np.ndarray, lengths: np.ndarray, is_valid: np.ndarray) -> Bytes:
    return Bytes(data, lengths, None if is_valid.all() else is_valid)
