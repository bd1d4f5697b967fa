"""Sketches: the values of a column with the smallest hashes, the same choice in every window.

Two windows that share values share them in their sketches too, at the same rate. So a batch that
came again, or identifiers never seen before, show without keeping all values.
Belongs here: hashing, making, adding and comparing sketches. Does not: what overlap is usual.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

KEPT = 600
"""Hashes kept of a column and window."""
_MIX = np.uint64(0x9E3779B97F4A7C15)

_UUID_LENGTH = 36
_NIBBLES = np.full(256, 255, np.uint8)
_NIBBLES[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
_NIBBLES[np.frombuffer(b"ABCDEF", np.uint8)] = np.arange(10, 16)

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Sketch:
    """The smallest hashes of a column's distinct values.

    Attributes:
        hashes: sorted, distinct, at most KEPT.
        is_whole: True where no value was left out.
    """

    hashes: Hashes
    is_whole: bool

    @property
    def limit(self) -> int:
        """Every value of the window whose hash is at most this one is in the sketch."""
        return int(np.iinfo(np.uint64).max) if self.is_whole or not self.hashes.size else int(self.hashes[-1])

    def below(self, limit: int) -> Hashes:
        """Hashes up to a limit."""
        return self.hashes[self.hashes <= np.uint64(limit)]

    @classmethod
    def of_strings(cls, values: pl.Series) -> Sketch:
        """Sketch of a column of strings; nulls take no part. Equal on every machine and version."""
        distinct = values.drop_nulls().unique().to_list()
        crc = np.fromiter((zlib.crc32(value.encode()) for value in distinct), dtype=np.uint64, count=len(distinct))
        return cls._of(crc)

    @classmethod
    def of_uuids(cls, values: pl.Series) -> Sketch:
        """Sketch of a column of UUIDs, by their last twelve digits: no Python loop over a window's rows."""
        texts = values.drop_nulls().to_arrow().cast(pa.large_string())
        digits = _fixed_width(texts, _UUID_LENGTH)
        if digits is not None:
            nibbles = _NIBBLES[digits[:, 24:]]
            if nibbles.size and nibbles.max() < 16:
                packed = nibbles.astype(np.uint64)
                return cls._of(np.bitwise_or.reduce(packed << np.arange(44, -1, -4, dtype=np.uint64), axis=1))
        numbers = values.drop_nulls().str.slice(24, 12).str.to_integer(base=16, strict=False).drop_nulls()
        return cls._of(numbers.to_numpy().astype(np.uint64))

    @classmethod
    def _of(cls, numbers: Hashes) -> Sketch:
        with np.errstate(over="ignore"):
            mixed = numbers * _MIX
            mixed ^= mixed >> np.uint64(29)
            mixed *= np.uint64(0xBF58476D1CE4E5B9)
            mixed ^= mixed >> np.uint64(32)
        return cls.of_hashes(mixed, True)

    @classmethod
    def of_hashes(cls, hashes: Hashes, is_whole: bool) -> Sketch:
        """The smallest of some hashes."""
        if is_whole and hashes.size > 8 * KEPT:
            # The smallest are enough, as long as they are not one value over and over.
            smallest = np.unique(np.partition(hashes, 4 * KEPT)[: 4 * KEPT])
            if smallest.size > KEPT:
                return cls(smallest[:KEPT], False)
        distinct = np.unique(hashes)
        return cls(distinct[:KEPT], is_whole and distinct.size <= KEPT)


def _fixed_width(texts: pa.Array, width: int) -> npt.NDArray[np.uint8] | None:
    """The bytes of strings as rows, without a copy, where all are that long."""
    _, offsets_buffer, data = texts.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    if not len(texts) or not (np.diff(offsets) == width).all():
        return None
    return np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]].reshape(-1, width)


def add(parts: Iterable[Sketch]) -> Sketch:
    """Sketch of a whole from those of its parts."""
    sketches = list(parts)
    limit = min((sketch.limit for sketch in sketches), default=0)
    hashes = [sketch.below(limit) for sketch in sketches]
    return Sketch.of_hashes(np.concatenate(hashes) if hashes else np.array([], np.uint64), all(s.is_whole for s in sketches))
