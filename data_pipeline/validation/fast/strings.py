"""Strings of JSON, compiled: scanning, decoding, and the checks that look at characters.

Belongs here: functions over a range of bytes. Does not: structure (`scanner.py`).
"""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202, SIM110 (numba infers the types of compiled functions)
from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from data_pipeline.validation.exact.text import windows_1252_characters
from data_pipeline.validation.fast.hashing import K3, K4, TAG_STRING, U, finish, load_word, step

ONES, HIGHS = U(0x0101010101010101), U(0x8080808080808080)
QUOTES, BACKSLASHES, DELETES, SPACES = U(0x22) * ONES, U(0x5C) * ONES, U(0x7F) * ONES, U(0x20) * ONES

PLAIN, OTHER, BROKEN = 0, 1, -1
"""Printable ASCII without escapes; a string that needs the slow scan; no end within the row."""

_HIGH_1252 = np.array(sorted(ord(char) for char in windows_1252_characters()), np.int64)
_LEAD, _FOLLOWER = 1, 2
DOUBTFUL, NO_JSON = -1, -2
"""In place of a closing quote: the exact path has to look; no JSON has such bytes."""
CLEAN, PERSONAL, UNSURE = 0, 1, 2
"""What is known of a text that the rule `privacy` looks at."""

_CODES_1252 = np.full(0x2200, 0, np.int64)
for _char in windows_1252_characters():
    _CODES_1252[ord(_char)] = _char.encode("cp1252")[0]


@intrinsic
def trailing_zeros(typingctx, word):
    """Number of zero bits below the lowest one; the word is not zero."""
    signature = types.uint64(types.uint64)

    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return signature, codegen


@njit(inline="always")
def special_bytes(word):
    """High bits at bytes that end a plain run; only the lowest is exact."""
    quote, backslash, delete = word ^ QUOTES, word ^ BACKSLASHES, word ^ DELETES
    return (
        ((quote - ONES) & ~quote) | ((backslash - ONES) & ~backslash) | ((delete - ONES) & ~delete) | ((word - SPACES) & ~word) | word
    ) & HIGHS


@njit(inline="always")
def scan_string(buffer, start, end):
    """Scan from behind the opening quote. Returns what it is, the place of the closing quote, and the lanes."""
    a, b = K3, K4
    at = start
    while at < end:
        word = load_word(buffer, at)
        found = special_bytes(word)
        if found == 0:
            a, b = step(a, b, word)
            at += 8
            continue
        rest = trailing_zeros(found) >> U(3)
        quote = at + np.int64(rest)
        if quote >= end:
            return BROKEN, quote, a, b
        if buffer[quote] != 0x22:
            return OTHER, quote, a, b
        if rest != 0:
            a, b = step(a, b, word & ((U(1) << (rest << U(3))) - U(1)))
        a, b = step(a, b, TAG_STRING | U(quote - start))
        a, b = finish(a, b)
        return PLAIN, quote, a, b
    return BROKEN, at, a, b


@njit
def is_no_text(code):
    """Characters that the rule `text` forbids."""
    if code < 0x20 or 0x7F <= code <= 0x9F:
        return True
    if code < 0x61C:
        return False
    return (
        code == 0x61C
        or code == 0x200B
        or code == 0x200E
        or code == 0x200F
        or 0x202A <= code <= 0x202E
        or code == 0x2060
        or 0x2066 <= code <= 0x2069
        or code == 0xFEFF
        or code == 0xFFFD
    )


@njit
def is_follower(code):
    """Whether Latin-1 or Windows-1252 writes the character as a continuation byte of UTF-8."""
    if 0x80 <= code <= 0xBF:
        return True
    if code < 0x152 or code > 0x2122:
        return False
    for known in _HIGH_1252:
        if known == code:
            return True
    return False


@njit
def _hexadecimal(buffer, at, end):
    """Four hexadecimal digits, -1 for anything else."""
    if at + 4 > end:
        return -1
    number = 0
    for index in range(at, at + 4):
        char = buffer[index]
        if 0x30 <= char <= 0x39:
            digit = char - 0x30
        elif 0x41 <= char <= 0x46:
            digit = char - 0x37
        elif 0x61 <= char <= 0x66:
            digit = char - 0x57
        else:
            return -1
        number = number * 16 + np.int64(digit)
    return number


@njit
def _put(buffer, at, code):
    """Write a character as UTF-8; returns the place behind it."""
    if code < 0x80:
        buffer[at] = code
        return at + 1
    if code < 0x800:
        buffer[at] = 0xC0 | (code >> 6)
        buffer[at + 1] = 0x80 | (code & 0x3F)
        return at + 2
    if code < 0x10000:
        buffer[at] = 0xE0 | (code >> 12)
        buffer[at + 1] = 0x80 | ((code >> 6) & 0x3F)
        buffer[at + 2] = 0x80 | (code & 0x3F)
        return at + 3
    buffer[at] = 0xF0 | (code >> 18)
    buffer[at + 1] = 0x80 | ((code >> 12) & 0x3F)
    buffer[at + 2] = 0x80 | ((code >> 6) & 0x3F)
    buffer[at + 3] = 0x80 | (code & 0x3F)
    return at + 4


@njit
def _decode(buffer, at, end):
    """The character that begins there and its length in bytes; -1 for what is no UTF-8."""
    first = np.int64(buffer[at])
    if first < 0x80:
        return first, 1
    if first < 0xC2 or first > 0xF4:
        return -1, 1
    length = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if at + length > end:
        return -1, 1
    code = first & (0x7F >> length)
    for index in range(at + 1, at + length):
        byte = np.int64(buffer[index])
        if byte & 0xC0 != 0x80:
            return -1, 1
        code = (code << 6) | (byte & 0x3F)
    if length == 3 and (code < 0x800 or 0xD800 <= code <= 0xDFFF):
        return -1, 1
    if length == 4 and (code < 0x10000 or code > 0x10FFFF):
        return -1, 1
    return code, length


@njit
def scan_text(buffer, start, end, side):
    """Scan any string from behind its opening quote, strictly, and judge its characters.

    Returns place of the closing quote (or DOUBTFUL, NO_JSON), number of characters, where its bytes stand (in place, or at
    `side` where it has escapes), their number, the next free place of the side area, and whether it is clean text.
    """
    at = start
    count = 0
    out = side
    has_escape = False
    is_clean = True
    may_be_mojibake = False
    previous = 0
    while at < end:
        char = buffer[at]
        if char == 0x22:
            place = side if has_escape else start
            length = out - side if has_escape else at - start
            if may_be_mojibake and is_clean:
                is_clean = not _is_mojibake(buffer, place, place + length)
            return at, count, place, length, out, is_clean
        if char < 0x20:
            return NO_JSON, 0, 0, 0, side, False
        if char == 0x5C:
            if at + 1 >= end:
                return NO_JSON, 0, 0, 0, side, False
            if not has_escape:
                has_escape = True
                for index in range(start, at):
                    buffer[out] = buffer[index]
                    out += 1
            kind = buffer[at + 1]
            length = 2
            if kind == 0x22 or kind == 0x5C or kind == 0x2F:
                code = np.int64(kind)
            elif kind == 0x6E:
                code = 0x0A
            elif kind == 0x74:
                code = 0x09
            elif kind == 0x72:
                code = 0x0D
            elif kind == 0x62:
                code = 0x08
            elif kind == 0x66:
                code = 0x0C
            elif kind == 0x75:
                code = _hexadecimal(buffer, at + 2, end)
                length = 6
                if code < 0:
                    return NO_JSON, 0, 0, 0, side, False
                if 0xD800 <= code <= 0xDBFF:
                    if at + 12 > end or buffer[at + 6] != 0x5C or buffer[at + 7] != 0x75:
                        return DOUBTFUL, 0, 0, 0, side, False
                    low = _hexadecimal(buffer, at + 8, end)
                    if low < 0xDC00 or low > 0xDFFF:
                        return DOUBTFUL, 0, 0, 0, side, False
                    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
                    length = 12
                elif 0xDC00 <= code <= 0xDFFF:
                    return DOUBTFUL, 0, 0, 0, side, False
            else:
                return NO_JSON, 0, 0, 0, side, False
        else:
            code, length = _decode(buffer, at, end)
            if code < 0:
                return NO_JSON, 0, 0, 0, side, False
        if is_no_text(code):
            is_clean = False
        kind_now = _LEAD if 0xC2 <= code <= 0xF4 else _FOLLOWER if is_follower(code) else 0
        may_be_mojibake |= kind_now == _FOLLOWER and previous == _LEAD
        previous = kind_now
        if has_escape:
            out = _put(buffer, out, code)
        count += 1
        at += length
    return NO_JSON, 0, 0, 0, side, False


@njit
def _is_mojibake(buffer, start, end):
    """The contract's definition, as `exact/text.py` words it: each character as one byte, all of them as UTF-8."""
    at = start
    sequences = 0
    is_telling = False
    needed = 0
    code = 0
    lowest = 0
    while at < end:
        char, length = _decode(buffer, at, end)
        at += length
        if char > 0xFF:
            char = _CODES_1252[char] if char < _CODES_1252.size else 0
            if char == 0:
                return False
        if needed > 0:
            if char & 0xC0 != 0x80:
                return False
            code = (code << 6) | (char & 0x3F)
            needed -= 1
            if needed == 0:
                if code < lowest or 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
                    return False
                sequences += 1
                is_telling |= code <= 0xFF or code > 0x7FF
        elif char >= 0x80:
            if char < 0xC2 or char > 0xF4:
                return False
            if char < 0xE0:
                needed, lowest, code = 1, 0x80, char & 0x1F
            elif char < 0xF0:
                needed, lowest, code = 2, 0x800, char & 0x0F
            else:
                needed, lowest, code = 3, 0x10000, char & 0x07
    return needed == 0 and (is_telling or sequences >= 2)


@njit
def judge_privacy(buffer, start, end):
    """CLEAN or PERSONAL where that is certain; an `@` is for the exact path."""
    found = CLEAN
    at = start
    while at < end:
        char = buffer[at]
        if 0x30 <= char <= 0x39:
            run_end, digits = _digit_run(buffer, at, end)
            if digits >= 13 and _holds_card_number(buffer, at, run_end):
                found = PERSONAL
            at = run_end
            continue
        if char == 0x40 or (char == 0x25 and at + 2 < end and buffer[at + 1] == 0x34 and buffer[at + 2] == 0x30):
            return UNSURE
        if char == 0x2B:
            run = 0
            while at + 1 + run < end and 0x30 <= buffer[at + 1 + run] <= 0x39:
                run += 1
            if 8 <= run <= 15:
                found = PERSONAL
        at += 1
    return found


@njit
def _digit_run(buffer, start, end):
    """Place behind the last digit of digits with single spaces or hyphens between, and how many there are."""
    at = start
    digits = 0
    while at < end:
        if 0x30 <= buffer[at] <= 0x39:
            digits += 1
            at += 1
        elif (buffer[at] == 0x20 or buffer[at] == 0x2D) and at + 1 < end and 0x30 <= buffer[at + 1] <= 0x39:
            at += 1
        else:
            break
    return at, digits


@njit
def _holds_card_number(buffer, start, end):
    """Whether some whole groups of a run have 13 to 19 digits together that are Luhn-valid."""
    for first in range(start, end):
        is_group_start = first == start or not 0x30 <= buffer[first - 1] <= 0x39
        if not is_group_start or not 0x30 <= buffer[first] <= 0x39:
            continue
        digits = 0
        for at in range(first, end):
            if not 0x30 <= buffer[at] <= 0x39:
                continue
            digits += 1
            if digits > 19:
                break
            is_group_end = at + 1 == end or not 0x30 <= buffer[at + 1] <= 0x39
            if digits >= 13 and is_group_end and _is_luhn_valid(buffer, first, at + 1):
                return True
    return False


@njit
def _is_luhn_valid(buffer, start, end):
    total = 0
    place = 0
    for at in range(end - 1, start - 1, -1):
        if 0x30 <= buffer[at] <= 0x39:
            number = np.int64(buffer[at] - 0x30) * (1 + place % 2)
            total += number - 9 if number > 9 else number
            place += 1
    return total % 10 == 0


@njit
def judge_address(buffer, start, end):
    """CLEAN: dotted IPv4 that ends in 0, or one to three groups of IPv6 and `::`; PERSONAL: other dotted IPv4; else UNSURE."""
    groups = 0
    digits = 0
    number = 0
    first = 0
    at = start
    if end - start < 3:
        return UNSURE
    if buffer[end - 1] == 0x3A:
        if buffer[end - 2] != 0x3A:
            return UNSURE
        while at < end - 1:
            char = buffer[at]
            if char == 0x3A:
                if digits == 0:
                    return UNSURE
                groups += 1
                digits = 0
            elif 0x30 <= char <= 0x39 or 0x41 <= char <= 0x46 or 0x61 <= char <= 0x66:
                digits += 1
                if digits > 4:
                    return UNSURE
            else:
                return UNSURE
            at += 1
        return CLEAN if digits == 0 and 1 <= groups <= 3 else UNSURE
    while at <= end:
        char = 0x2E if at == end else buffer[at]
        if char == 0x2E:
            if digits == 0 or number > 255 or (digits > 1 and first == 0x30):
                return UNSURE
            groups += 1
            if groups == 4:
                if at != end:
                    return UNSURE
                return CLEAN if number == 0 else PERSONAL
            digits = 0
            number = 0
        elif 0x30 <= char <= 0x39:
            if digits == 0:
                first = char
            digits += 1
            if digits > 3:
                return UNSURE
            number = number * 10 + np.int64(char - 0x30)
        else:
            return UNSURE
        at += 1
    return UNSURE


@njit
def parse_instant(buffer, start, end):
    """Milliseconds since 1970 of `2026-03-14T09:26:53.589Z`; the flag is false for anything else."""
    if end - start != 24:
        return False, 0
    for place in (4, 7):
        if buffer[start + place] != 0x2D:
            return False, 0
    for place in (13, 16):
        if buffer[start + place] != 0x3A:
            return False, 0
    if buffer[start + 10] != 0x54 or buffer[start + 19] != 0x2E or buffer[start + 23] != 0x5A:
        return False, 0
    digits_ok = True
    for place in (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 21, 22):
        char = buffer[start + place]
        digits_ok &= (char >= 0x30) & (char <= 0x39)
    if not digits_ok:
        return False, 0
    year = _two(buffer, start) * 100 + _two(buffer, start + 2)
    month, day = _two(buffer, start + 5), _two(buffer, start + 8)
    hour, minute, second = _two(buffer, start + 11), _two(buffer, start + 14), _two(buffer, start + 17)
    milli = _two(buffer, start + 20) * 10 + np.int64(buffer[start + 22]) - 0x30
    if year < 1 or month < 1 or month > 12 or day < 1 or hour > 23 or minute > 59 or second > 59:
        return False, 0
    is_leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    if month == 2:
        last = 29 if is_leap else 28
    elif month == 4 or month == 6 or month == 9 or month == 11:
        last = 30
    else:
        last = 31
    if day > last:
        return False, 0
    # Days of the proleptic Gregorian calendar, counted in years that begin in March.
    shifted = year - 1 if month <= 2 else year
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    days = era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468
    return True, (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + milli


@njit(inline="always")
def _two(buffer, at):
    return (np.int64(buffer[at]) - 0x30) * 10 + np.int64(buffer[at + 1]) - 0x30
