"""Bytes that lie anywhere, brought together, compiled.

Belongs here: copying of strings, writing of digits. Does not: Arrow (`columns.py`).
"""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202 (numba infers the types of compiled functions)
from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from data_pipeline.validation.fast.hashing import load_word


@intrinsic
def store_word(typingctx, buffer, position, word):
    """Eight bytes to anywhere in a byte array; the caller has checked that there is room."""
    signature = types.void(buffer, position, types.uint64)

    def codegen(context, builder, signature, args):
        array = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.bitcast(builder.gep(array.data, [args[1]]), ir.IntType(64).as_pointer())
        builder.store(args[2], place).align = 1
        return context.get_dummy_value()

    return signature, codegen


@njit(nogil=True, cache=True)
def gather(buffer, places, lengths):
    """Strings that lie anywhere, one behind the other: offsets and bytes."""
    count = places.size
    offsets = np.empty(count + 1, np.int32)
    total = 0
    for index in range(count):
        offsets[index] = total
        total += max(lengths[index], 0)
    offsets[count] = total
    data = np.empty(total + 8, np.uint8)
    for index in range(count):
        source, target = places[index], np.int64(offsets[index])
        rest = np.int64(lengths[index])
        while rest > 0:
            store_word(data, target, load_word(buffer, source))
            source += 8
            target += 8
            rest -= 8
    return offsets, data


@njit(nogil=True, cache=True)
def lane_digits(hash_a, hash_b):
    """Both lanes of each row as 32 hexadecimal digits."""
    data = np.empty(hash_a.size * 32, np.uint8)
    for index in range(hash_a.size):
        for lane in range(2):
            word = hash_a[index] if lane == 0 else hash_b[index]
            for digit in range(15, -1, -1):
                value = np.uint8(word & np.uint64(15))
                data[index * 32 + lane * 16 + digit] = value + (48 if value < 10 else 87)
                word >>= np.uint64(4)
    return data
