"""The scanner: one pass over the bytes of many rows, into slots of values.

It is one function on purpose: a machine with a stack of its own, so that depth is bounded and nothing is allocated
for a row. A row that it cannot be sure of is marked doubtful and leaves no trace in the slots.

Belongs here: JSON's structure, types, ranges, names, the content hash. Does not: rules across fields (`checks.py`).
"""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202 (numba infers the types of compiled functions)
from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from data_pipeline.validation.fast.hashing import (
    FALSE_LANES,
    K3,
    K4,
    NULL_LANES,
    TAG_ARRAY,
    TRUE_LANES,
    U,
    finish,
    hash_member,
    hash_number,
    hash_object,
    hash_range,
    step,
)
from data_pipeline.validation.fast.program import (
    ADDRESS,
    ARRAY,
    BOOLEAN,
    INSTANT,
    INTEGER,
    NULL,
    NUMBER,
    OBJECT,
    PRIVATE_TEXT,
    STRING,
    VALUES,
)
from data_pipeline.validation.fast.strings import (
    BROKEN,
    PLAIN,
    is_plainly_truncated,
    may_be_private,
    parse_instant,
    scan_string,
    scan_text,
)

MOST_DEPTH = 30
MOST_UNKNOWN_NAMES = 256
MOST_PENDING = 64
ABSENT = -1
_EXACT_DOUBLE = U(2**53)
POWERS_OF_TEN = 10.0 ** np.arange(23)
"""All exact; a double of at most 2^53 divided by one of them is rounded once, so it is the double nearest to the decimal."""


class Slots(NamedTuple):
    """What a scan fills.

    Records of a scope stand one after the other from `base`, `stride` slots each. A slot has a length (ABSENT for null
    and absent; of bytes, items or decimals) and a number (place of the bytes, first item, digits, milliseconds, code).
    """

    length: np.ndarray
    number: np.ndarray
    base: np.ndarray
    stride: np.ndarray
    capacity: np.ndarray
    count: np.ndarray
    row: np.ndarray
    hash_a: np.ndarray
    hash_b: np.ndarray
    is_doubtful: np.ndarray
    unknown_node: np.ndarray
    unknown_a: np.ndarray
    unknown_b: np.ndarray
    noted_count: np.ndarray
    noted_record: np.ndarray
    noted_name: np.ndarray
    unknown_place: np.ndarray
    unknown_length: np.ndarray


@njit(inline="always")
def _skip_space(buffer, at, end):
    while at < end and (buffer[at] == 0x20 or buffer[at] == 0x0A or buffer[at] == 0x0D or buffer[at] == 0x09):
        at += 1
    return at


@njit(inline="always")
def _look_up(node, a, b, lanes_a, lanes_b, nodes, results):
    size = U(lanes_a.size)
    place = (a + U(node * 7)) & (size - U(1))
    while nodes[place] != -1:
        if nodes[place] == node and lanes_a[place] == a and lanes_b[place] == b:
            return results[place]
        place = (place + U(1)) & (size - U(1))
    return -1


@njit(nogil=True, cache=True)
def scan(buffer, begins, ends, pending, side, t, s):
    """Scan rows into slots.

    Args:
        buffer: the rows' bytes, then free space for decoded strings, at least as much, and eight bytes more.
        begins: first byte of each row.
        ends: place behind its last byte.
        pending: rows to scan; the others are left alone.
        side: first free place of the buffer.
        t: Tables.
        s: Slots; `count` zero, `is_doubtful` true.

    Returns:
        False where a scope's capacity was too small: give more and scan again from the start.
    """
    f_node = np.zeros(MOST_DEPTH, np.int64)
    f_record = np.zeros(MOST_DEPTH, np.int64)
    f_is_object = np.zeros(MOST_DEPTH, np.bool_)
    f_seen = np.zeros(MOST_DEPTH, np.uint64)
    f_a = np.zeros(MOST_DEPTH, np.uint64)
    f_b = np.zeros(MOST_DEPTH, np.uint64)
    f_count = np.zeros(MOST_DEPTH, np.int64)
    f_name_a = np.zeros(MOST_DEPTH, np.uint64)
    f_name_b = np.zeros(MOST_DEPTH, np.uint64)
    f_names = np.zeros(MOST_DEPTH, np.int64)
    other_a = np.zeros(MOST_PENDING, np.uint64)
    other_b = np.zeros(MOST_PENDING, np.uint64)
    noted = np.zeros(MOST_PENDING, np.int64)
    counts_before = np.zeros(s.count.size, np.int64)
    max_bytes = t.limits[0]
    row_stride = t.stride[0]

    for row in range(begins.size):
        if not pending[row]:
            continue
        at, end = begins[row], ends[row]
        if at < 0 or end - at > max_bytes:
            continue
        if s.count[0] >= s.capacity[0]:
            return False
        for scope in range(s.count.size):
            counts_before[scope] = s.count[scope]
        side_before = side
        noted_count = 0
        other_count = 0
        record = s.base[0] + s.count[0] * row_stride
        for slot in range(record, record + row_stride):
            s.length[slot] = ABSENT
        at = _skip_space(buffer, at, end)
        if at >= end or buffer[at] != 0x7B:
            continue
        node = 0
        depth = -1
        is_sure = False
        # Each turn reads one value that begins at `at`, for `node` (-1: not in the schema), into `record`.
        while True:
            if at >= end:
                break
            char = buffer[at]
            types = 127 if node < 0 else t.types[node]
            is_open = False
            if char == 0x22:
                if types & STRING == 0:
                    break
                kind, quote, a, b = scan_string(buffer, at + 1, end)
                if kind == BROKEN:
                    break
                place = at + 1
                length = quote - place
                characters = length
                if kind != PLAIN:
                    quote, characters, place, length, side = scan_text(buffer, place, end, side)
                    if quote < 0:
                        break
                    a, b = hash_range(buffer, place, place + length)
                at = quote + 1
                if node >= 0:
                    slot = record + t.slot[node]
                    if characters < t.fewest[node] or characters > t.most[node]:
                        break
                    string_kind = t.string_kind[node]
                    if string_kind == INSTANT:
                        is_instant, milliseconds = parse_instant(buffer, place, place + length)
                        if not is_instant:
                            break
                        s.length[slot] = 0
                        s.number[slot] = milliseconds
                    else:
                        if t.automaton[node] >= 0:
                            first = t.automaton[node]
                            state = np.int64(1)
                            for index in range(place, place + length):
                                state = np.int64(t.transitions[first + state, buffer[index]])
                            if not t.accepting[first + state]:
                                break
                        if t.privacy[node] != 0:
                            if t.privacy[node] & PRIVATE_TEXT and may_be_private(buffer, place, place + length):
                                break
                            if t.privacy[node] & ADDRESS and not is_plainly_truncated(buffer, place, place + length):
                                break
                        if t.code_slot[node] >= 0:
                            code = _look_up(node, a, b, t.values_a, t.values_b, t.values_node, t.values_code)
                            if code < 0 and string_kind == VALUES:
                                break
                            s.length[record + t.code_slot[node]] = 0
                            s.number[record + t.code_slot[node]] = code
                        s.length[slot] = length
                        s.number[slot] = place
            elif char == 0x7B or char == 0x5B:
                is_object = char == 0x7B
                if types & (OBJECT if is_object else ARRAY) == 0 or depth + 1 >= MOST_DEPTH:
                    break
                depth += 1
                f_node[depth] = node
                f_record[depth] = record
                f_is_object[depth] = is_object
                f_seen[depth] = U(0)
                f_count[depth] = 0
                f_names[depth] = other_count
                if is_object:
                    f_a[depth], f_b[depth] = U(0), U(0)
                    if node >= 0:
                        s.length[record + t.slot[node]] = 0
                else:
                    f_a[depth], f_b[depth] = K3, K4
                    if node >= 0:
                        s.number[record + t.slot[node]] = s.count[t.scope[t.items[node]]]
                at = _skip_space(buffer, at + 1, end)
                if at >= end:
                    break
                is_open = buffer[at] != (0x7D if is_object else 0x5D)
                a, b = U(0), U(0)
            elif char == 0x2D or 0x30 <= char <= 0x39:
                is_negative = char == 0x2D
                if is_negative:
                    at += 1
                digits = 0
                mantissa = U(0)
                start = at
                while at < end and 0x30 <= buffer[at] <= 0x39 and digits < 19:
                    mantissa = mantissa * U(10) + U(buffer[at] - 0x30)
                    digits += 1
                    at += 1
                if digits == 0 or (digits > 1 and buffer[start] == 0x30):
                    break
                decimals = 0
                if at < end and buffer[at] == 0x2E:
                    at += 1
                    while at < end and 0x30 <= buffer[at] <= 0x39 and digits < 19:
                        mantissa = mantissa * U(10) + U(buffer[at] - 0x30)
                        digits += 1
                        decimals += 1
                        at += 1
                    if decimals == 0:
                        break
                # Nineteen digits or more, and exponents, are left to the exact path; so is minus zero.
                if digits > 18 or (at < end and (buffer[at] == 0x65 or buffer[at] == 0x45)) or (is_negative and mantissa == 0):
                    break
                while decimals > 0 and mantissa % U(10) == 0:
                    mantissa //= U(10)
                    decimals -= 1
                if types & NUMBER == 0 and (types & INTEGER == 0 or decimals > 0):
                    break
                signed = -np.int64(mantissa) if is_negative else np.int64(mantissa)
                a, b = hash_number(signed, -decimals)
                if node >= 0:
                    if t.has_only_number[node] and (decimals > 0 or signed != t.only_number[node]):
                        break
                    if types & NUMBER and (mantissa > _EXACT_DOUBLE or decimals > 22):
                        break
                    value = np.float64(signed) / POWERS_OF_TEN[min(decimals, 22)]
                    low, high = t.least[node], t.greatest[node]
                    if value < low or value > high:
                        break
                    if value == low and (decimals > 0 or mantissa > _EXACT_DOUBLE or t.excludes_least[node]):
                        break
                    if value == high and (decimals > 0 or mantissa > _EXACT_DOUBLE or t.excludes_greatest[node]):
                        break
                    s.length[record + t.slot[node]] = decimals
                    s.number[record + t.slot[node]] = signed
            elif char == 0x6E:
                if types & NULL == 0 or at + 4 > end:
                    break
                if buffer[at + 1] != 0x75 or buffer[at + 2] != 0x6C or buffer[at + 3] != 0x6C:
                    break
                a, b = NULL_LANES
                at += 4
            elif char == 0x74:
                if types & BOOLEAN == 0 or at + 4 > end:
                    break
                if buffer[at + 1] != 0x72 or buffer[at + 2] != 0x75 or buffer[at + 3] != 0x65:
                    break
                a, b = TRUE_LANES
                at += 4
                if node >= 0:
                    s.length[record + t.slot[node]] = 0
                    s.number[record + t.slot[node]] = 1
            elif char == 0x66:
                if types & BOOLEAN == 0 or at + 5 > end:
                    break
                if buffer[at + 1] != 0x61 or buffer[at + 2] != 0x6C or buffer[at + 3] != 0x73 or buffer[at + 4] != 0x65:
                    break
                a, b = FALSE_LANES
                at += 5
                if node >= 0:
                    s.length[record + t.slot[node]] = 0
                    s.number[record + t.slot[node]] = 0
            else:
                break

            # The value is read, or a container has just been opened: close what ends here, then find the next value.
            is_next = False
            is_first = char == 0x7B or char == 0x5B
            while True:
                if not is_first:
                    if f_is_object[depth]:
                        is_left_out = depth == 0 and f_name_a[0] == t.left_out[0] and f_name_b[0] == t.left_out[1]
                        if not is_left_out:
                            a, b = hash_member(f_name_a[depth], f_name_b[depth], a, b)
                            f_a[depth] += a
                            f_b[depth] += b
                            f_count[depth] += 1
                    else:
                        f_a[depth], f_b[depth] = step(f_a[depth], f_b[depth], a)
                        f_a[depth], f_b[depth] = step(f_a[depth], f_b[depth], b)
                        f_count[depth] += 1
                    at = _skip_space(buffer, at, end)
                    if at >= end:
                        break
                    is_open = buffer[at] == 0x2C
                    if is_open:
                        at = _skip_space(buffer, at + 1, end)
                is_first = False
                node = f_node[depth]
                if is_open:
                    is_next = True
                    break
                if f_is_object[depth]:
                    if buffer[at] != 0x7D or (node >= 0 and f_seen[depth] & t.required[node] != t.required[node]):
                        break
                    a, b = hash_object(f_count[depth], f_a[depth], f_b[depth])
                else:
                    if buffer[at] != 0x5D:
                        break
                    if node >= 0:
                        if f_count[depth] < t.fewest[node] or f_count[depth] > t.most[node]:
                            break
                        s.length[f_record[depth] + t.slot[node]] = f_count[depth]
                    a, b = step(f_a[depth], f_b[depth], TAG_ARRAY | U(2 * f_count[depth]))
                    a, b = finish(a, b)
                at += 1
                other_count = f_names[depth]
                depth -= 1
                if depth < 0:
                    is_sure = True
                    break
            if not is_next:
                break

            if f_is_object[depth]:
                if at >= end or buffer[at] != 0x22:
                    break
                name = at + 1
                kind, quote, a, b = scan_string(buffer, name, end)
                if kind != PLAIN:
                    break
                f_name_a[depth], f_name_b[depth] = a, b
                parent = node
                node = -1
                if parent >= 0:
                    node = _look_up(parent, a, b, t.names_a, t.names_b, t.names_node, t.names_child)
                if node >= 0:
                    if f_seen[depth] & t.child_bit[node] != 0:
                        break
                    f_seen[depth] |= t.child_bit[node]
                else:
                    if parent >= 0 and t.is_closed[parent]:
                        break
                    is_twice = False
                    for index in range(f_names[depth], other_count):
                        is_twice |= other_a[index] == a and other_b[index] == b
                    if is_twice or other_count >= MOST_PENDING:
                        break
                    other_a[other_count], other_b[other_count] = a, b
                    other_count += 1
                    if parent >= 0 and t.has_children[parent]:
                        place = np.int64((a + U(parent)) & U(MOST_UNKNOWN_NAMES - 1))
                        steps = 0
                        while s.unknown_node[place] >= 0 and steps < MOST_UNKNOWN_NAMES:
                            if s.unknown_node[place] == parent and s.unknown_a[place] == a and s.unknown_b[place] == b:
                                break
                            place = (place + 1) & (MOST_UNKNOWN_NAMES - 1)
                            steps += 1
                        if steps >= MOST_UNKNOWN_NAMES or noted_count >= MOST_PENDING:
                            break
                        if s.unknown_node[place] < 0:
                            s.unknown_node[place] = parent
                            s.unknown_a[place], s.unknown_b[place] = a, b
                            s.unknown_place[place], s.unknown_length[place] = name, quote - name
                        is_noted = False
                        for index in range(noted_count):
                            is_noted |= noted[index] == place
                        if not is_noted:
                            noted[noted_count] = place
                            noted_count += 1
                record = f_record[depth]
                at = _skip_space(buffer, quote + 1, end)
                if at >= end or buffer[at] != 0x3A:
                    break
                at = _skip_space(buffer, at + 1, end)
            elif node >= 0:
                node = t.items[node]
                scope = t.scope[node]
                if s.count[scope] >= s.capacity[scope]:
                    return False
                record = s.base[scope] + s.count[scope] * t.stride[scope]
                s.count[scope] += 1
                for slot in range(record, record + t.stride[scope]):
                    s.length[slot] = ABSENT

        is_room = s.noted_count[0] + noted_count <= s.noted_name.size
        if is_sure and is_room and _skip_space(buffer, at, end) == end:
            accepted = s.count[0]
            s.row[accepted] = row
            s.hash_a[accepted], s.hash_b[accepted] = a, b
            s.is_doubtful[row] = False
            s.count[0] = accepted + 1
            for index in range(noted_count):
                s.noted_record[s.noted_count[0]] = accepted
                s.noted_name[s.noted_count[0]] = noted[index]
                s.noted_count[0] += 1
        else:
            for scope in range(s.count.size):
                s.count[scope] = counts_before[scope]
            side = side_before
    return True
