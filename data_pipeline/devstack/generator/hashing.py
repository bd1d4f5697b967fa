"""Counter-based randomness: any number of the generator can be computed from its coordinates alone.

Belongs here: 64-bit hashes of arrays of integers. Does not: distributions of events (`sessions.py`, `orders.py`).

A refund needs the order that it refers to, which another hour made. Because an order is a pure function of
(key, source, hour, number), the refund's hour computes it again instead of remembering it.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_MASK = (1 << 64) - 1


def key_of(*parts: object) -> int:
    """A 64-bit key of any values, the same on every machine."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def hash64(key: int, values: npt.ArrayLike) -> U64:
    """One 64-bit hash for each integer of `values`, for this key (splitmix64's finaliser)."""
    with np.errstate(over="ignore"):
        x = np.asarray(values).astype(np.uint64) * _GOLDEN + np.uint64(key & _MASK)
        x ^= x >> np.uint64(30)
        x *= _M1
        x ^= x >> np.uint64(27)
        x *= _M2
        x ^= x >> np.uint64(31)
    return x


def unit(hashes: U64) -> F64:
    """Hashes as numbers in [0, 1)."""
    return (hashes >> np.uint64(11)).astype(np.float64) * (1.0 / (1 << 53))


def unit_of(*parts: object) -> float:
    """One number in [0, 1) of any values."""
    return (key_of(*parts) >> 11) / float(1 << 53)


def below(hashes: U64, bound: int) -> I64:
    """Hashes as integers in [0, bound)."""
    return (hashes % np.uint64(bound)).astype(np.int64)
