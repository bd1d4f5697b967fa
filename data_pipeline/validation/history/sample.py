"""A sample of a window's rows, taken while they come, of bounded size.

Belongs here: which rows stay. Does not: what is measured of them.
"""

from __future__ import annotations

import polars as pl

_VISITOR = pl.coalesce("anonymous_id", "user_id", "event_id")
_EVENT = pl.col("event_id")
_SEED = 7


class Sample:
    """All rows of a window, or all rows of the visitors whose hash is below a limit that sinks as rows come.

    What holds within a visitor can so be measured. Where visitors cannot be halved, because one has nearly all rows,
    single events are chosen instead.

    Args:
        max_rows: rows kept, plus those of the last chunk while it is taken in.
    """

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows
        self._parts: list[pl.DataFrame] = []
        self._limits = {"visitor": 2**64 - 1, "event": 2**64 - 1}

    @property
    def rows(self) -> pl.DataFrame:
        """The rows that stayed, in the order in which they came."""
        if len(self._parts) > 1:
            self._parts = [pl.concat(self._parts, rechunk=False)]
        return self._parts[0]

    def add(self, chunk: pl.DataFrame) -> None:
        """Take in a chunk."""
        self._parts.append(self._kept(chunk))
        while sum(part.height for part in self._parts) > self._max_rows:
            before = self.rows
            by_visitor = before.filter(_VISITOR.hash(seed=_SEED) <= self._limits["visitor"] // 2)
            by = "visitor" if 0.25 <= by_visitor.height / before.height <= 0.75 else "event"
            self._limits[by] //= 2
            self._parts = [self._kept(before)]

    def _kept(self, rows: pl.DataFrame) -> pl.DataFrame:
        if min(self._limits.values()) == 2**64 - 1:
            return rows
        is_kept = (_VISITOR.hash(seed=_SEED) <= self._limits["visitor"]) & (_EVENT.hash(seed=_SEED) <= self._limits["event"])
        return rows.filter(is_kept)
