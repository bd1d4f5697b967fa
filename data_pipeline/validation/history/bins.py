"""Bins of numbers: how a value becomes a small integer that keeps its order.

Belongs here: the two scales and their inverse for messages. Does not: counting.
"""

from __future__ import annotations

import math

import polars as pl

UNIT = 0.001
"""Magnitudes below it are zero."""
PER_OCTAVE = 4
_EXACT_LENGTHS = 64


def bin_of(value: pl.Expr) -> pl.Expr:
    """Quarter octaves on a signed logarithmic scale, 0 for zero: neighbours differ by a factor of 1.19."""
    magnitude = (value.abs() / UNIT).clip(lower_bound=1.0)
    index = (magnitude.log(2) * PER_OCTAVE + 1e-9).floor().cast(pl.Int64) + 1
    return pl.when(value.abs() < UNIT).then(pl.lit(0, pl.Int64)).when(value > 0).then(index).otherwise(-index)


def bin_start(index: int) -> float:
    """The smallest magnitude of a bin, with its sign."""
    if index == 0:
        return 0.0
    return math.copysign(UNIT * 2 ** ((abs(index) - 1) / PER_OCTAVE), index)


def length_bin(length: pl.Expr) -> pl.Expr:
    """Lengths up to 64 as they are, longer ones in eighths of an octave."""
    long = ((length / _EXACT_LENGTHS).log(2) * 8).floor().cast(pl.Int64) + _EXACT_LENGTHS
    return pl.when(length <= _EXACT_LENGTHS).then(length.cast(pl.Int64)).otherwise(long)


def length_start(index: int) -> int:
    """The shortest length of a length bin."""
    return index if index <= _EXACT_LENGTHS else round(_EXACT_LENGTHS * 2 ** ((index - _EXACT_LENGTHS) / 8))
