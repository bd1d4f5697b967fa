"""The content hash, compiled: the definition of `validation/content_hash.py` word by word.

Belongs here: lanes, words, unaligned loads. Does not: the definition.
"""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202, D103 (numba infers the types of compiled functions)
from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from data_pipeline.validation import content_hash as definition

U = np.uint64
K1, K2, K3, K4 = U(definition.K1), U(definition.K2), U(definition.K3), U(definition.K4)
TAG_STRING = U(definition.TAG_STRING << 56)
TAG_NUMBER2 = U(definition.TAG_NUMBER << 56 | 2)
TAG_OBJECT3 = U(definition.TAG_OBJECT << 56 | 3)
TAG_OBJECT4 = U(definition.TAG_OBJECT << 56 | 4)
TAG_ARRAY = U(definition.TAG_ARRAY << 56)
NULL_LANES, FALSE_LANES, TRUE_LANES = (
    tuple(U(lane) for lane in definition.hash_words(tag, ())) for tag in (definition.TAG_NULL, definition.TAG_FALSE, definition.TAG_TRUE)
)


@intrinsic
def load_word(typingctx, buffer, position):
    """Eight bytes from anywhere in a byte array, little-endian; the caller has checked that they are there."""
    signature = types.uint64(buffer, position)

    def codegen(context, builder, signature, args):
        array = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.bitcast(builder.gep(array.data, [args[1]]), ir.IntType(64).as_pointer())
        word = builder.load(place)
        word.align = 1
        return word

    return signature, codegen


@njit(inline="always")
def step(a, b, word):
    a = (a ^ word) * K1
    b = (b + word) * K2
    return a ^ (a >> U(29)), b ^ (b >> U(32))


@njit(inline="always")
def finish(a, b):
    a = a + b
    a = (a ^ (a >> U(33))) * K3
    b = (b ^ (b >> U(31)) ^ a) * K4
    return a ^ (a >> U(32)), b ^ (b >> U(33))


@njit(inline="always")
def hash_number(mantissa, exponent):
    a, b = step(K3, K4, U(mantissa))
    a, b = step(a, b, U(exponent))
    a, b = step(a, b, TAG_NUMBER2)
    return finish(a, b)


@njit(inline="always")
def hash_member(name_a, name_b, value_a, value_b):
    a, b = step(K3, K4, name_a)
    a, b = step(a, b, name_b)
    a, b = step(a, b, value_a)
    a, b = step(a, b, value_b)
    a, b = step(a, b, TAG_OBJECT4)
    return finish(a, b)


@njit(inline="always")
def hash_object(count, sum_a, sum_b):
    a, b = step(K3, K4, U(count))
    a, b = step(a, b, sum_a)
    a, b = step(a, b, sum_b)
    a, b = step(a, b, TAG_OBJECT3)
    return finish(a, b)


@njit
def hash_range(buffer, start, end):
    """Lanes of the string whose bytes stand there."""
    a, b = K3, K4
    at = start
    while at + 8 <= end:
        a, b = step(a, b, load_word(buffer, at))
        at += 8
    if at < end:
        word = U(0)
        shift = U(0)
        for index in range(at, end):
            word |= U(buffer[index]) << shift
            shift += U(8)
        a, b = step(a, b, word)
    a, b = step(a, b, TAG_STRING | U(end - start))
    return finish(a, b)
