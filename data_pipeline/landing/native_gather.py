"""Messages of librdkafka into columns, compiled: no Python object for a message.

The layout read here is that of `rd_kafka_message_t` in librdkafka's public header, on 64-bit machines:
err (0, int32), payload (24), len (32), key (40), key_len (48), offset (56).
Belongs here: compiled loops. Does not: calling Kafka (`native_source.py`), or Arrow (`rows.py`).
"""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202 (numba infers the types of compiled functions)
from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

_PAYLOAD, _LENGTH, _KEY, _KEY_LENGTH, _OFFSET = 24, 32, 40, 48, 56
_I8, _I32, _I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)


def _loader(kind, numba_type):
    @intrinsic
    def load(typingctx, address):
        def codegen(context, builder, signature, args):
            return builder.load(builder.inttoptr(args[0], kind.as_pointer()))

        return numba_type(types.int64), codegen

    return load


_load_byte = _loader(_I8, types.uint8)
_load_int32 = _loader(_I32, types.int32)
_load_int64 = _loader(_I64, types.int64)


@intrinsic
def _copy(typingctx, target, source, size):
    """Memcpy."""

    def codegen(context, builder, signature, args):
        target, source = (builder.inttoptr(argument, _I8.as_pointer()) for argument in args[:2])
        cgutils.raw_memcpy(builder, target, source, args[2], 1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


def c_call(result, numba_result, count):
    """Calls the C function at an address with `count` 64-bit arguments."""

    def codegen(context, builder, signature, args):
        kind = ir.FunctionType(result, [_I64] * count)
        answer = builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
        return context.get_dummy_value() if numba_result is types.void else answer

    return codegen, numba_result(*[types.int64] * (count + 1))


@intrinsic
def _call_timestamp(typingctx, function, message, kind):
    codegen, signature = c_call(_I64, types.int64, 2)
    return signature, codegen


@intrinsic
def _call_headers(typingctx, function, message, headers):
    codegen, signature = c_call(_I32, types.int32, 2)
    return signature, codegen


@intrinsic
def _call_header(typingctx, function, headers, index, name, value, size):
    codegen, signature = c_call(_I32, types.int32, 5)
    return signature, codegen


@intrinsic
def _call_destroy(typingctx, function, message):
    codegen, signature = c_call(ir.VoidType(), types.void, 1)
    return signature, codegen


@njit(nogil=True, cache=True)
def codes(messages, count):
    """The error code of each, 0 for a record."""
    found = np.empty(count, np.int32)
    for row in range(count):
        found[row] = _load_int32(messages[row])
    return found


@njit(nogil=True, cache=True)
def destroy(messages, count, function):
    """Give the messages back to librdkafka."""
    for row in range(count):
        _call_destroy(function, messages[row])


@njit(nogil=True, cache=True)
def gather_records(messages, timestamp, scratch):
    """Offsets, kinds of timestamp, timestamps, and of keys and values: bytes, lengths and which are not null.

    Args:
        messages: addresses, int64.
        timestamp: address of rd_kafka_message_timestamp.
        scratch: address of eight bytes to write to.
    """
    count = messages.size
    offsets, kinds, timestamps = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    key_lengths, value_lengths = np.zeros(count, np.int32), np.zeros(count, np.int32)
    has_key, has_value = np.empty(count, np.bool_), np.empty(count, np.bool_)
    key_total = value_total = 0
    for row in range(count):
        message = messages[row]
        offsets[row] = _load_int64(message + _OFFSET)
        timestamps[row] = _call_timestamp(timestamp, message, scratch)
        kinds[row] = _load_int32(scratch)
        has_key[row] = _load_int64(message + _KEY) != 0
        has_value[row] = _load_int64(message + _PAYLOAD) != 0
        if has_key[row]:
            key_lengths[row] = _load_int64(message + _KEY_LENGTH)
            key_total += key_lengths[row]
        if has_value[row]:
            value_lengths[row] = _load_int64(message + _LENGTH)
            value_total += value_lengths[row]
    keys, values = np.empty(key_total, np.uint8), np.empty(value_total, np.uint8)
    to_key, to_value = np.int64(keys.ctypes.data), np.int64(values.ctypes.data)
    for row in range(count):
        message = messages[row]
        if key_lengths[row]:
            _copy(to_key, _load_int64(message + _KEY), np.int64(key_lengths[row]))
            to_key += key_lengths[row]
        if value_lengths[row]:
            _copy(to_value, _load_int64(message + _PAYLOAD), np.int64(value_lengths[row]))
            to_value += value_lengths[row]
    return offsets, kinds, timestamps, keys, key_lengths, has_key, values, value_lengths, has_value


@njit(nogil=True, cache=True)
def gather_headers(messages, headers_of, header, scratch):
    """Headers of each message, and of keys and values: bytes, lengths and, of values, which are not null.

    Args:
        messages: addresses, int64.
        headers_of: address of rd_kafka_message_headers.
        header: address of rd_kafka_header_get_all.
        scratch: address of 32 bytes to write to: the list, a name, a value, a size.
    """
    count = messages.size
    counts = np.zeros(count, np.int32)
    lists = np.zeros(count, np.int64)
    name, value, size = scratch + 8, scratch + 16, scratch + 24
    total = key_total = value_total = 0
    for row in range(count):
        if _call_headers(headers_of, messages[row], scratch) != 0:
            continue  # it has none
        lists[row] = _load_int64(scratch)
        while _call_header(header, lists[row], counts[row], name, value, size) == 0:
            counts[row] += 1
            key_total += _text_length(_load_int64(name))
            value_total += _load_int64(size)
        total += counts[row]
    keys, values = np.empty(key_total, np.uint8), np.empty(value_total, np.uint8)
    key_lengths, value_lengths, has_value = np.zeros(total, np.int32), np.zeros(total, np.int32), np.zeros(total, np.bool_)
    to_key, to_value = np.int64(keys.ctypes.data), np.int64(values.ctypes.data)
    item = 0
    for row in range(count):
        for index in range(counts[row]):
            _call_header(header, lists[row], index, name, value, size)
            key_lengths[item] = _text_length(_load_int64(name))
            _copy(to_key, _load_int64(name), np.int64(key_lengths[item]))
            to_key += key_lengths[item]
            has_value[item] = _load_int64(value) != 0
            if has_value[item]:
                value_lengths[item] = _load_int64(size)
                _copy(to_value, _load_int64(value), np.int64(value_lengths[item]))
                to_value += value_lengths[item]
            item += 1
    return counts, keys, key_lengths, values, value_lengths, has_value


@njit(inline="always")
def _text_length(address):
    """Strlen."""
    length = 0
    while _load_byte(address + length) != 0:
        length += 1
    return length


def warm_up() -> None:
    """Compile, or load what was compiled before: some seconds the first time on a machine, a tenth of one afterwards."""
    nothing = np.zeros(0, np.int64)
    codes(nothing, 0)
    destroy(nothing, 0, 0)
    gather_records(nothing, 0, 0)
    gather_headers(nothing, 0, 0, 0)
