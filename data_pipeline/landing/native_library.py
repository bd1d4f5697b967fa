"""librdkafka's C interface, as far as reading needs it, out of the library that confluent-kafka brings along.

Only functions of its public, documented interface are used, and only in the versions named here, with which they were tested.
Belongs here: finding the library and declaring its functions. Does not: what is done with them (`native_source.py`).
"""

from __future__ import annotations

import ctypes
import functools
import platform
import sys
from collections.abc import Mapping
from ctypes import CFUNCTYPE, POINTER, byref, c_char_p, c_int, c_int32, c_int64, c_size_t, c_ssize_t, c_void_p
from pathlib import Path
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException

_FIRST, _BEFORE = 0x02030000, 0x03000000
"""Versions of librdkafka whose interface is the one declared here: 2.3 and up, below 3."""

_TEXT_BYTES = 512

ERROR_CALLBACK = CFUNCTYPE(None, c_void_p, c_int, c_char_p, c_void_p)

_SIGNATURES: dict[str, tuple[object, list[object]]] = {
    "conf_new": (c_void_p, []),
    "conf_destroy": (None, [c_void_p]),
    "conf_set": (c_int, [c_void_p, c_char_p, c_char_p, c_char_p, c_size_t]),
    "conf_set_error_cb": (None, [c_void_p, ERROR_CALLBACK]),
    "new": (c_void_p, [c_int, c_void_p, c_char_p, c_size_t]),
    "destroy": (None, [c_void_p]),
    "poll_set_consumer": (c_int, [c_void_p]),
    "consumer_close": (c_int, [c_void_p]),
    "queue_get_consumer": (c_void_p, [c_void_p]),
    "queue_destroy": (None, [c_void_p]),
    "consume_batch_queue": (c_ssize_t, [c_void_p, c_int, c_void_p, c_size_t]),
    "topic_partition_list_new": (c_void_p, [c_int]),
    "topic_partition_list_add": (c_void_p, [c_void_p, c_char_p, c_int32]),
    "topic_partition_list_set_offset": (c_int, [c_void_p, c_char_p, c_int32, c_int64]),
    "topic_partition_list_destroy": (None, [c_void_p]),
    "assign": (c_int, [c_void_p, c_void_p]),
    "query_watermark_offsets": (c_int, [c_void_p, c_char_p, c_int32, POINTER(c_int64), POINTER(c_int64), c_int]),
    "err2str": (c_char_p, [c_int]),
    "message_errstr": (c_char_p, [c_void_p]),
    "message_timestamp": (c_int64, [c_void_p, POINTER(c_int)]),
    "message_headers": (c_int, [c_void_p, POINTER(c_void_p)]),
    "header_get_all": (c_int, [c_void_p, c_size_t, POINTER(c_char_p), POINTER(c_void_p), POINTER(c_size_t)]),
    "message_destroy": (None, [c_void_p]),
    "conf_set_dr_msg_cb": (None, [c_void_p, c_void_p]),
    "topic_new": (c_void_p, [c_void_p, c_char_p, c_void_p]),
    "topic_destroy": (None, [c_void_p]),
    "produceva": (c_void_p, [c_void_p, c_void_p, c_size_t]),
    "error_code": (c_int, [c_void_p]),
    "error_destroy": (None, [c_void_p]),
    "poll": (c_int, [c_void_p, c_int]),
    "flush": (c_int, [c_void_p, c_int]),
    "purge": (c_int, [c_void_p, c_int]),
    "outq_len": (c_int, [c_void_p]),
    "version": (c_int, []),
}


class Library:
    """librdkafka; its functions as attributes without the prefix `rd_kafka_`."""

    def __init__(self, path: Path) -> None:
        self._loaded = ctypes.CDLL(str(path))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(self._loaded, f"rd_kafka_{name}")
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)

    def __getattr__(self, name: str) -> ctypes._NamedFuncPointer:
        raise AttributeError(f"rd_kafka_{name} is not declared")

    def address(self, name: str) -> int:
        """Where a function is, for compiled code."""
        return ctypes.cast(getattr(self, name), c_void_p).value or 0

    def error(self, code: int, reason: bytes | None = None) -> KafkaError:
        """The error of a code, in the words given, or else librdkafka's own."""
        return KafkaError(code, (reason or self.err2str(code) or b"").decode(errors="replace"))

    def watermarks(self, client: int, topic: bytes, partition: int, timeout_ms: int) -> tuple[int, int, int]:
        """Error code, log start and log end."""
        low, high = c_int64(), c_int64()
        code: int = self.query_watermark_offsets(client, topic, partition, byref(low), byref(high), timeout_ms)
        return code, low.value, high.value


def make_client(library: Library, kind: int, settings: Mapping[str, Any], on_error: Any, on_delivery: Any = None) -> int:
    """A producer (0) or consumer (1); KafkaException for a setting that librdkafka refuses."""
    text = ctypes.create_string_buffer(_TEXT_BYTES)
    conf = library.conf_new()

    def refused() -> KafkaException:
        library.conf_destroy(conf)
        return KafkaException(library.error(KafkaError._INVALID_ARG, text.value))

    for name, value in settings.items():
        written = str(value).lower() if isinstance(value, bool) else str(value)
        if library.conf_set(conf, name.encode(), written.encode(), text, _TEXT_BYTES) != 0:
            raise refused()
    library.conf_set_error_cb(conf, on_error)
    if on_delivery is not None:
        library.conf_set_dr_msg_cb(conf, on_delivery)
    client: int | None = library.new(kind, conf, text, _TEXT_BYTES)
    if not client:
        raise refused()
    return client


@functools.cache
def load() -> Library | None:
    """The library, or None where it is not there in a form that is known."""
    if platform.python_implementation() != "CPython" or sys.maxsize < 2**32 or sys.byteorder != "little":
        return None
    if not _FIRST <= confluent_kafka.libversion()[1] < _BEFORE:
        return None
    packages = Path(confluent_kafka.__file__).parent.parent
    found = [*packages.glob("confluent_kafka.libs/librdkafka-*.so*"), *packages.glob("confluent_kafka/.dylibs/librdkafka*.dylib")]
    if len(found) != 1:
        return None
    try:
        library = Library(found[0])
    except (OSError, AttributeError):
        return None
    # The same copy that confluent-kafka uses, not another that lies about.
    return library if library.version() == confluent_kafka.libversion()[1] else None


def is_possible(config: Mapping[str, Any]) -> bool:
    """Whether librdkafka can be configured so without help from Python (callbacks, loggers)."""
    return all(isinstance(value, str | int | float) for name, value in config.items() if name != "error_cb")
