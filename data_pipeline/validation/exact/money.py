"""Totals that agree with their lines: the rule `money`.

Belongs here: decimal arithmetic without rounding. Does not: ranges of amounts (the schema).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal

from data_pipeline.contracts.catalogue import MoneyRule

_MOST_DIGITS = 150_000
"""More than the digits that a value of 64 KiB can write; only numbers of absurd exponents are rounded."""


def breaks_money(
    rule: MoneyRule, lines: Sequence[tuple[Decimal, Decimal]], subtract: Sequence[Decimal], add: Sequence[Decimal], total: Decimal
) -> bool:
    """Whether total = sum(lines) - subtract + add is off by more than the tolerance, or more is subtracted than there is."""
    numbers = [*(number for line in lines for number in line), *subtract, *add, total]
    context = _context(numbers)
    lines_sum = Decimal(0)
    for quantity, price in lines:
        lines_sum = context.add(lines_sum, context.multiply(quantity, price))
    subtracted = _sum(context, subtract)
    if lines_sum.is_nan() or subtracted.is_nan() or lines_sum < subtracted:
        return True
    expected = context.add(context.subtract(lines_sum, subtracted), _sum(context, add))
    difference = context.subtract(total, expected)
    return difference.is_nan() or difference.copy_abs() > rule.tolerance


def _sum(context: Context, numbers: Sequence[Decimal]) -> Decimal:
    total = Decimal(0)
    for number in numbers:
        total = context.add(total, number)
    return total


def _context(numbers: Sequence[Decimal]) -> Context:
    """Digits enough to add and multiply these numbers without rounding."""
    highest, lowest = 0, 0
    for number in numbers:
        exponent = number.as_tuple().exponent
        if number and isinstance(exponent, int):
            highest = max(highest, number.adjusted())
            lowest = min(lowest, exponent)
    digits = min(2 * (highest - lowest) + 40, _MOST_DIGITS)
    return Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
