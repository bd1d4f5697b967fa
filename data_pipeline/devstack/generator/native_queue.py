"""The compiled loop that queues rows in librdkafka.

`units` are seven `rd_kafka_vu_t` of librdkafka's public header (an int that says what it is, then a union of 64 bytes): topic, partition,
value, key, flags, timestamp, header; those of the row are filled in here.
Belongs here: the loop. Does not: what is queued (`native_producer.py`).
"""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202 (numba infers the types of compiled functions)
from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from data_pipeline.landing.native_gather import c_call


@intrinsic
def _call_produce(typingctx, function, client, units, count):
    codegen, signature = c_call(ir.IntType(64), types.int64, 3)
    return signature, codegen


@njit(nogil=True, cache=True)
def queue_rows(function, client, units, values, value_at, has_value, keys, key_at, has_key, partitions, timestamps, begin):
    """Rows until one is not taken: its number and librdkafka's error, or the number of rows and 0."""
    address = np.int64(units.ctypes.data)
    for row in range(begin, partitions.size):
        units[1, 1] = partitions[row]
        units[2, 1] = values + value_at[row] if has_value[row] else 0
        units[2, 2] = value_at[row + 1] - value_at[row] if has_value[row] else 0
        units[3, 1] = keys + key_at[row] if has_key[row] else 0
        units[3, 2] = key_at[row + 1] - key_at[row] if has_key[row] else 0
        units[5, 1] = timestamps[row]
        error = _call_produce(function, client, address, np.int64(7))
        if error != 0:
            return row, error
    return partitions.size, np.int64(0)
