"""The hash of a row's content: equal where the JSON values are equal apart from when they were sent.

The order of members and the spelling of numbers (12, 12.0, 1.2e1) do not matter; absent and null differ; unknown fields
count. 128 bits in two lanes of 64, from multiplications and shifts only, so that the compiled scanner and plain Python
give the same digits on every machine and in every version. The definition is part of the stored data: never change it.

Belongs here: the definition, in plain Python. Does not: the compiled form (`validation/fast/hashing.py`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

MASK = 0xFFFFFFFFFFFFFFFF
K1, K2, K3, K4 = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53
TAG_NULL, TAG_FALSE, TAG_TRUE, TAG_STRING, TAG_NUMBER, TAG_LONG_NUMBER, TAG_ARRAY, TAG_OBJECT = range(1, 9)
SENT_AT = "sent_at"
"""The top-level member that differs between an event and its re-send."""

_MOST_DIGITS = 18

Lanes = tuple[int, int]


def step(lanes: Lanes, word: int) -> Lanes:
    """Take one word of 64 bits into both lanes."""
    a, b = lanes
    a = ((a ^ word) * K1) & MASK
    b = ((b + word) * K2) & MASK
    return a ^ (a >> 29), b ^ (b >> 32)


def finish(lanes: Lanes) -> Lanes:
    """Spread every bit over its lane, each lane over the other."""
    a, b = lanes
    a = (a + b) & MASK
    a = ((a ^ (a >> 33)) * K3) & MASK
    b = ((b ^ (b >> 31) ^ a) * K4) & MASK
    return a ^ (a >> 32), b ^ (b >> 33)


def hash_bytes(tag: int, data: bytes) -> Lanes:
    """The bytes in little-endian words of eight, the last filled with zeros, then tag and length."""
    lanes = (K3, K4)
    for (word,) in struct.iter_unpack("<Q", data + bytes(-len(data) % 8)):
        lanes = step(lanes, word)
    return finish(step(lanes, (tag << 56) | len(data)))


def hash_string(text: str) -> Lanes:
    """A string value or a member's name."""
    return hash_bytes(TAG_STRING, text.encode("utf-8"))


def hash_words(tag: int, words: Iterable[int]) -> Lanes:
    """Words of 64 bits, then the tag and their number."""
    lanes, count = (K3, K4), 0
    for word in words:
        lanes, count = step(lanes, word & MASK), count + 1
    return finish(step(lanes, (tag << 56) | count))


def hash_number(value: int | Decimal) -> Lanes:
    """The same for every spelling of a number.

    A whole number below 10^18 is itself; a fraction of at most 18 digits is its digits without trailing zeros, and the power
    of ten; any other number is its digits and power of ten as text.
    """
    sign, digits, exponent = Decimal(value).as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"{value} is not a number of JSON")
    text = "".join(map(str, digits)).lstrip("0")
    stripped = text.rstrip("0")
    exponent += len(text) - len(stripped)
    if not stripped:
        return hash_words(TAG_NUMBER, (0, 0))
    factor = -1 if sign else 1
    if exponent >= 0 and len(stripped) + exponent <= _MOST_DIGITS:
        return hash_words(TAG_NUMBER, (factor * int(stripped) * 10**exponent, 0))
    if exponent < 0 and len(stripped) <= _MOST_DIGITS:
        return hash_words(TAG_NUMBER, (factor * int(stripped), exponent))
    return hash_bytes(TAG_LONG_NUMBER, f"{'-' if sign else ''}{stripped}e{exponent}".encode())


def hash_member(name: Lanes, value: Lanes) -> Lanes:
    """One member of an object; an object's members are added up, so their order does not matter."""
    return hash_words(TAG_OBJECT, (*name, *value))


_FIXED = {True: hash_words(TAG_TRUE, ()), False: hash_words(TAG_FALSE, ()), None: hash_words(TAG_NULL, ())}


def _scalar(value: Any) -> Lanes:
    if value is None or isinstance(value, bool):
        return _FIXED[value]
    return hash_string(value) if isinstance(value, str) else hash_number(value)


def hash_value(value: Any) -> Lanes:
    """The lanes of any JSON value, without recursion: depth is no limit."""
    done: list[Lanes] = []
    todo: list[tuple[Any, bool]] = [(value, False)]
    while todo:
        item, is_ready = todo.pop()
        if isinstance(item, dict):
            if not is_ready:
                todo.append((item, True))
                todo.extend((member, False) for member in item.values())
                continue
            # Members were pushed in order and popped from the last, so the results lie in reverse.
            results = [done.pop() for _ in item]
            done.append(combine_members(zip(item, results, strict=True)))
        elif isinstance(item, list):
            if not is_ready:
                todo.append((item, True))
                todo.extend((member, False) for member in item)
                continue
            results = [done.pop() for _ in item]
            done.append(hash_words(TAG_ARRAY, (word for lanes in results for word in lanes)))
        else:
            done.append(_scalar(item))
    return done.pop()


def combine_members(members: Iterable[tuple[str, Lanes]]) -> Lanes:
    """An object from its members' names and lanes."""
    count = a = b = 0
    for name, lanes in members:
        member = hash_member(hash_string(name), lanes)
        count, a, b = count + 1, (a + member[0]) & MASK, (b + member[1]) & MASK
    return hash_words(TAG_OBJECT, (count, a, b))


def content_hash(value: Mapping[str, Any]) -> str:
    """32 hexadecimal digits for a row's value."""
    a, b = hash_value({name: member for name, member in value.items() if name != SENT_AT})
    return f"{a:016x}{b:016x}"
