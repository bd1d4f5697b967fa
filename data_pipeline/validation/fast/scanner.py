"""The scanner: one pass over the bytes of many rows, into slots of values.

It is one function on purpose: a machine with a stack of its own, so that depth is bounded and nothing is allocated
for a row. Each row ends in one of three ways: doubtful (the exact path has to look; no trace in the slots), no JSON or too
large (judged, no trace), or read into the slots together with the rules that it breaks by itself.

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
    CODES,
    CODES_BIT,
    INSTANT,
    INTEGER,
    JSON_BIT,
    NULL,
    NUMBER,
    OBJECT,
    PRIVACY_BIT,
    PRIVATE_TEXT,
    SCHEMA_BIT,
    SIZE_BIT,
    STRING,
    TEXT_BIT,
    TYPES_BIT,
    VALUES,
)
from data_pipeline.validation.fast.strings import (
    BROKEN,
    NO_JSON,
    PERSONAL,
    PLAIN,
    UNSURE,
    judge_address,
    judge_privacy,
    parse_instant,
    scan_string,
    scan_text,
)

MOST_DEPTH = 30
MOST_UNKNOWN_NAMES = 256
MOST_PENDING = 64
ABSENT = -1
WRONG = -2
"""A value is there, but not one that other rules could judge."""
_DOUBT, _SURE, _IS_NO_JSON = 0, 1, 2
_EXACT_DOUBLE = U(2**53)
POWERS_OF_TEN = 10.0 ** np.arange(23)
"""All exact; a double of at most 2^53 divided by one of them is rounded once, so it is the double nearest to the decimal."""


class Slots(NamedTuple):
    """What a scan fills.

    Records of a scope stand one after the other from `base`, `stride` slots each. A slot has a length (ABSENT for null
    and absent, WRONG for a value of another kind; of bytes, items or decimals) and a number (place of the bytes, first item,
    digits, milliseconds, code). `broken` is by row of the input, a bit for each rule.
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
    broken: np.ndarray
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


@njit
def _wrong(declared, has_enum, kind, bits):
    """Rules that a value of a type breaks which the node's type, or its enum, does not have."""
    broken = U(0)
    if declared & kind == 0:
        broken |= bits[TYPES_BIT]
    if has_enum:
        broken |= bits[SCHEMA_BIT]
    return broken


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
        s: Slots; `count` and `broken` zero, `is_doubtful` true.

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
    may_reject = t.limits[1] != 0
    breaks_schema = t.bits[SCHEMA_BIT]
    row_stride = t.stride[0]

    for row in range(begins.size):
        if not pending[row]:
            continue
        at, end = begins[row], ends[row]
        if at < 0 or end - at > max_bytes:
            s.broken[row] = t.bits[JSON_BIT] if at < 0 else t.bits[SIZE_BIT]
            s.is_doubtful[row] = False
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
            s.broken[row] = t.bits[JSON_BIT]
            s.is_doubtful[row] = False
            continue
        node = 0
        depth = -1
        outcome = _DOUBT
        broken = U(0)
        # Each turn reads one value that begins at `at`, for `node` (-1: not in the schema), into `record`.
        while True:
            if at >= end:
                outcome = _IS_NO_JSON
                break
            char = buffer[at]
            types = 127 if node < 0 else t.types[node]
            is_open = False
            if char == 0x22:
                is_wrong = types & STRING == 0
                if is_wrong and not t.is_plain[node]:
                    break
                kind, quote, a, b = scan_string(buffer, at + 1, end)
                if kind == BROKEN:
                    outcome = _IS_NO_JSON
                    break
                place = at + 1
                length = quote - place
                characters = length
                is_clean = True
                if kind != PLAIN:
                    quote, characters, place, length, side, is_clean = scan_text(buffer, place, end, side)
                    if quote < 0:
                        outcome = _IS_NO_JSON if quote == NO_JSON else _DOUBT
                        break
                    a, b = hash_range(buffer, place, place + length)
                    if not is_clean:
                        broken |= t.bits[TEXT_BIT]
                at = quote + 1
                if is_wrong:
                    broken |= _wrong(t.declared[node], t.has_enum[node], np.int64(STRING), t.bits)
                    s.length[record + t.slot[node]] = WRONG
                elif node >= 0:
                    slot = record + t.slot[node]
                    is_as_schema = t.fewest[node] <= characters <= t.most[node]
                    string_kind = t.string_kind[node]
                    if string_kind == INSTANT:
                        is_instant, milliseconds = parse_instant(buffer, place, place + length)
                        is_as_schema &= is_instant
                        s.length[slot] = 0 if is_instant else WRONG
                        s.number[slot] = milliseconds
                    else:
                        is_match = True
                        if t.automaton[node] >= 0:
                            # Automata know clean text only.
                            if not is_clean:
                                break
                            first = t.automaton[node]
                            state = np.int64(1)
                            for index in range(place, place + length):
                                state = np.int64(t.transitions[first + state, buffer[index]])
                            is_match = t.accepting[first + state]
                            is_as_schema &= is_match
                        if t.privacy[node] != 0:
                            found = 0
                            if t.privacy[node] & PRIVATE_TEXT:
                                found |= judge_privacy(buffer, place, place + length)
                            if t.privacy[node] & ADDRESS:
                                found |= judge_address(buffer, place, place + length)
                            if found & UNSURE:
                                break
                            if found == PERSONAL:
                                broken |= t.bits[PRIVACY_BIT]
                        if t.code_slot[node] >= 0:
                            code = _look_up(node, a, b, t.values_a, t.values_b, t.values_node, t.values_code)
                            if code < 0 and string_kind == VALUES:
                                is_as_schema = False
                            elif code < 0 and string_kind == CODES and is_match:
                                broken |= t.bits[CODES_BIT]
                            s.length[record + t.code_slot[node]] = 0
                            s.number[record + t.code_slot[node]] = code
                        s.length[slot] = length
                        s.number[slot] = place
                    if not is_as_schema:
                        broken |= breaks_schema
                    if broken != 0 and not t.is_plain[node]:
                        break
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
                    outcome = _IS_NO_JSON
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
                    outcome = _IS_NO_JSON
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
                        outcome = _IS_NO_JSON if digits < 19 else _DOUBT
                        break
                # Nineteen digits or more, and exponents, are left to the exact path; so is minus zero.
                if digits > 18 or (at < end and (buffer[at] == 0x65 or buffer[at] == 0x45)) or (is_negative and mantissa == 0):
                    break
                while decimals > 0 and mantissa % U(10) == 0:
                    mantissa //= U(10)
                    decimals -= 1
                kind_bits = NUMBER if decimals > 0 else NUMBER | INTEGER
                is_wrong = types & kind_bits == 0
                if is_wrong and not t.is_plain[node]:
                    break
                signed = -np.int64(mantissa) if is_negative else np.int64(mantissa)
                a, b = hash_number(signed, -decimals)
                if node >= 0:
                    if is_wrong:
                        broken |= _wrong(t.declared[node], t.has_enum[node], np.int64(kind_bits), t.bits)
                    if types & (NUMBER | INTEGER):
                        if not is_wrong and t.has_only_number[node] and (decimals > 0 or signed != t.only_number[node]):
                            if not t.is_plain[node]:
                                break
                            broken |= breaks_schema
                        if decimals > 22 or (types & NUMBER and mantissa > _EXACT_DOUBLE):
                            break
                        value = np.float64(signed) / POWERS_OF_TEN[min(decimals, 22)]
                        low, high = t.least[node], t.greatest[node]
                        is_exact = decimals == 0 and mantissa <= _EXACT_DOUBLE
                        is_least, is_greatest = value == low, value == high
                        if (is_least or is_greatest) and not is_exact:
                            break
                        is_outside = value < low or value > high
                        is_outside |= (is_least and t.excludes_least[node]) or (is_greatest and t.excludes_greatest[node])
                        if is_outside:
                            if not t.is_plain[node]:
                                break
                            broken |= breaks_schema
                    s.length[record + t.slot[node]] = WRONG if is_wrong else decimals
                    s.number[record + t.slot[node]] = signed
            elif char == 0x6E:
                if at + 4 > end or buffer[at + 1] != 0x75 or buffer[at + 2] != 0x6C or buffer[at + 3] != 0x6C:
                    outcome = _IS_NO_JSON
                    break
                a, b = NULL_LANES
                at += 4
                if types & NULL == 0:
                    if not t.is_plain[node]:
                        break
                    broken |= _wrong(t.declared[node], t.has_enum[node], np.int64(NULL), t.bits)
            elif char == 0x74:
                if at + 4 > end or buffer[at + 1] != 0x72 or buffer[at + 2] != 0x75 or buffer[at + 3] != 0x65:
                    outcome = _IS_NO_JSON
                    break
                a, b = TRUE_LANES
                at += 4
                if types & BOOLEAN == 0:
                    if not t.is_plain[node]:
                        break
                    broken |= _wrong(t.declared[node], t.has_enum[node], np.int64(BOOLEAN), t.bits)
                if node >= 0:
                    s.length[record + t.slot[node]] = 0 if types & BOOLEAN else WRONG
                    s.number[record + t.slot[node]] = 1
            elif char == 0x66:
                if at + 5 > end or buffer[at + 1] != 0x61 or buffer[at + 2] != 0x6C or buffer[at + 3] != 0x73 or buffer[at + 4] != 0x65:
                    outcome = _IS_NO_JSON
                    break
                a, b = FALSE_LANES
                at += 5
                if types & BOOLEAN == 0:
                    if not t.is_plain[node]:
                        break
                    broken |= _wrong(t.declared[node], t.has_enum[node], np.int64(BOOLEAN), t.bits)
                if node >= 0:
                    s.length[record + t.slot[node]] = 0 if types & BOOLEAN else WRONG
                    s.number[record + t.slot[node]] = 0
            else:
                outcome = _IS_NO_JSON
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
                        outcome = _IS_NO_JSON
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
                    if buffer[at] != 0x7D:
                        outcome = _IS_NO_JSON
                        break
                    if node >= 0 and f_seen[depth] & t.required[node] != t.required[node]:
                        if not t.is_plain[node] or (node == 0 and f_seen[0] & t.version_bit[0] != t.version_bit[0]):
                            break
                        broken |= breaks_schema
                    a, b = hash_object(f_count[depth], f_a[depth], f_b[depth])
                else:
                    if buffer[at] != 0x5D:
                        outcome = _IS_NO_JSON
                        break
                    if node >= 0:
                        if f_count[depth] < t.fewest[node] or f_count[depth] > t.most[node]:
                            if not t.is_plain[node]:
                                break
                            broken |= breaks_schema
                        s.length[f_record[depth] + t.slot[node]] = f_count[depth]
                    a, b = step(f_a[depth], f_b[depth], TAG_ARRAY | U(2 * f_count[depth]))
                    a, b = finish(a, b)
                at += 1
                other_count = f_names[depth]
                depth -= 1
                if depth < 0:
                    outcome = _SURE
                    break
            if not is_next:
                break

            if f_is_object[depth]:
                if at >= end or buffer[at] != 0x22:
                    outcome = _IS_NO_JSON
                    break
                name = at + 1
                kind, quote, a, b = scan_string(buffer, name, end)
                if kind != PLAIN:
                    outcome = _IS_NO_JSON if kind == BROKEN else _DOUBT
                    break
                f_name_a[depth], f_name_b[depth] = a, b
                parent = node
                node = -1
                if parent >= 0:
                    node = _look_up(parent, a, b, t.names_a, t.names_b, t.names_node, t.names_child)
                if node >= 0:
                    if f_seen[depth] & t.child_bit[node] != 0:
                        outcome = _IS_NO_JSON
                        break
                    f_seen[depth] |= t.child_bit[node]
                else:
                    if parent >= 0 and t.is_closed[parent]:
                        break
                    is_twice = False
                    for index in range(f_names[depth], other_count):
                        is_twice |= other_a[index] == a and other_b[index] == b
                    if is_twice or other_count >= MOST_PENDING:
                        outcome = _IS_NO_JSON if is_twice else _DOUBT
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
                    outcome = _IS_NO_JSON
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

        if outcome == _SURE and _skip_space(buffer, at, end) != end:
            outcome = _IS_NO_JSON
        is_room = s.noted_count[0] + noted_count <= s.noted_name.size
        if outcome == _SURE and is_room and (broken == 0 or may_reject):
            accepted = s.count[0]
            s.row[accepted] = row
            s.hash_a[accepted], s.hash_b[accepted] = a, b
            s.is_doubtful[row] = False
            s.broken[row] = broken
            s.count[0] = accepted + 1
            for index in range(noted_count):
                s.noted_record[s.noted_count[0]] = accepted
                s.noted_name[s.noted_count[0]] = noted[index]
                s.noted_count[0] += 1
        else:
            if outcome == _IS_NO_JSON:
                s.broken[row] = t.bits[JSON_BIT]
                s.is_doubtful[row] = False
            for scope in range(s.count.size):
                s.count[scope] = counts_before[scope]
            side = side_before
    return True
