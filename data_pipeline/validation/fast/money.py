"""The rule `money` in whole numbers of a ten-thousandth, compiled.

Belongs here: arithmetic that cannot overflow; the rest is doubtful. Does not: exact decimals (`exact/money.py`).
"""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202 (numba infers the types of compiled functions)
from __future__ import annotations

import numpy as np
from numba import njit

SCALE_DECIMALS = 4
BROKEN, DOUBTFUL = 1, 2
_MOST_LINES = 500
_LARGEST_LINE = 10**16


@njit(nogil=True, cache=True)
def judge_money(s, items, scope, quantity, price, scalars, signs, tolerance, count, found):
    """Mark totals that are off with BROKEN, and all that small integers of a ten-thousandth cannot count with DOUBTFUL."""
    stride, item_stride = s.stride[0], s.stride[scope]
    values = np.zeros(scalars.size, np.int64)
    for index in range(count):
        record = s.base[0] + index * stride
        lines = s.length[record + items]
        if lines < 0:
            continue
        is_known = True
        is_small = lines <= _MOST_LINES
        for place in range(scalars.size):
            decimals = s.length[record + scalars[place]]
            is_known &= decimals >= 0
            if decimals >= 0:
                values[place], is_exact = _scaled(s.number[record + scalars[place]], decimals)
                is_small &= is_exact
        total = 0
        for line in range(lines):
            item = s.base[scope] + (s.number[record + items] + line) * item_stride
            units, unit_decimals = s.number[item + quantity], s.length[item + quantity]
            if unit_decimals < 0 or s.length[item + price] < 0:
                is_known = False
                break
            amount, is_exact = _scaled(s.number[item + price], s.length[item + price])
            is_small &= is_exact and unit_decimals == 0 and abs(np.float64(units) * np.float64(amount)) < _LARGEST_LINE
            if not is_small:
                break
            total += units * amount
        if not is_small:
            found[index] = DOUBTFUL
            continue
        if not is_known:
            continue
        subtracted = 0
        expected = total
        for place in range(scalars.size):
            expected -= signs[place] * values[place]
            if signs[place] == 1:
                subtracted += values[place]
        if abs(values[-1] - expected) > tolerance or subtracted > total:
            found[index] = BROKEN


@njit(inline="always")
def _scaled(number, decimals):
    """A decimal in ten-thousandths, and whether that is exact and far from overflow."""
    if decimals > SCALE_DECIMALS or abs(number) > 10**14:
        return 0, False
    for _ in range(SCALE_DECIMALS - max(decimals, 0)):
        number *= 10
    return number, True
