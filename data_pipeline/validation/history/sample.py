"""A sample of a window's rows, taken while they come, of bounded size.

Belongs here: which rows stay. Does not: what is measured of them.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

Rows: TypeAlias = "pl.DataFrame | pa.Table"
Hashes = npt.NDArray[np.uint64]

_KEYS = ["anonymous_id", "user_id", "event_id"]
_SEED = 7
_ALL = 2**64 - 1
_SLACK = 1.15
"""How much denser than expected a part of the window may be before fewer of its rows are kept."""


class Sample:
    """All rows of a window, or all rows of the visitors whose hash is below a limit that sinks as rows come.

    What holds within a visitor can so be measured. Where a fifth of the rows cannot be left out by visitors, because one
    has nearly all rows, single events are chosen instead. Only rows that stay are ever converted.

    Args:
        max_rows: rows kept.
        expected_rows: rows of the whole window where that is known: the limit is then found with the first chunk.
    """

    def __init__(self, max_rows: int, expected_rows: int = 0) -> None:
        self._max_rows = max_rows
        self._expected_rows = expected_rows
        self._seen = 0
        self._parts: list[pl.DataFrame] = []
        self._hashes: dict[str, Hashes] = {"visitor": np.array([], np.uint64), "event": np.array([], np.uint64)}
        self._limits = {"visitor": _ALL, "event": _ALL}

    @property
    def rows(self) -> pl.DataFrame:
        """The rows that stayed, in the order in which they came."""
        if len(self._parts) > 1:
            self._parts = [pl.concat(self._parts, rechunk=False)]
        return self._parts[0]

    def add(self, chunk: Rows) -> None:
        """Take in a chunk."""
        self._seen += len(chunk)
        hashes = _hashes_of(chunk)
        kept_before = len(self._hashes["event"])
        is_kept = self._is_kept(hashes)
        joined = {by: np.concatenate([self._hashes[by], hashes[by][is_kept]]) for by in hashes}
        is_fewer = np.ones(len(joined["event"]), np.bool_)
        while int(is_fewer.sum()) > self._most_rows():
            by_visitor = is_fewer & (joined["visitor"] <= np.uint64(self._limits["visitor"] // 5 * 4))
            by = "visitor" if 0.6 <= by_visitor.sum() / is_fewer.sum() <= 0.95 else "event"
            self._limits[by] = self._limits[by] // 5 * 4
            is_fewer = self._is_kept(joined)
        if not is_fewer[:kept_before].all():
            self._parts = [self.rows.filter(pl.Series(is_fewer[:kept_before]))]
        is_kept[np.flatnonzero(is_kept)[~is_fewer[kept_before:]]] = False
        self._parts.append(_taken(chunk, is_kept))
        self._hashes = {by: joined[by][is_fewer] for by in joined}

    def _most_rows(self) -> float:
        """How many of the rows seen so far may stay."""
        if self._seen >= self._expected_rows:
            return self._max_rows
        return min(self._max_rows, _SLACK * self._max_rows * self._seen / self._expected_rows)

    def _is_kept(self, hashes: dict[str, Hashes]) -> npt.NDArray[np.bool_]:
        is_kept: npt.NDArray[np.bool_] = hashes["visitor"] <= np.uint64(self._limits["visitor"])
        return is_kept & (hashes["event"] <= np.uint64(self._limits["event"]))


def _hashes_of(chunk: Rows) -> dict[str, Hashes]:
    keys = pl.DataFrame(chunk.select(_KEYS)) if isinstance(chunk, pa.Table) else chunk
    hashed = keys.select(
        visitor=pl.coalesce(*_KEYS).hash(seed=_SEED),
        event=pl.col("event_id").hash(seed=_SEED),
    )
    return {name: hashed[name].to_numpy() for name in ("visitor", "event")}


def _taken(chunk: Rows, is_kept: npt.NDArray[np.bool_]) -> pl.DataFrame:
    if isinstance(chunk, pa.Table):
        return pl.DataFrame(chunk if is_kept.all() else chunk.filter(pa.array(is_kept)))
    return chunk if is_kept.all() else chunk.filter(pl.Series(is_kept))
