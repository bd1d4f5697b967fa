"""Shares of a window beside those of its history, as arrays.

Belongs here: lining up cells of many windows; cumulating binned numbers at the history's quantiles. Does not: testing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from data_pipeline.validation.history.cells import CUTOFF, GROUP
from data_pipeline.validation.history.statistics import Bools, Floats, Ints

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BEYOND_BINS = 4
"""Bins beyond all that the history holds; four are a factor of two."""
ALL_NEW = "\x00new"
RANK, SPREAD = "mean rank", "mean distance from the middle rank"
RANK_WEIGHT = 3.0
"""A rank is uniform, so its variance is a third of that of a share of one half: as a share, each value counts for three."""


@dataclass(frozen=True)
class Shares:
    """Shares of one check.

    Attributes:
        path, segment, key: what each share is of.
        count, total: of the window under test.
        counts, totals: of the history, shares x windows.
        is_complete: for each share, whether no window had to leave out rare keys of its group.
    """

    check: str
    path: list[str]
    segment: list[str]
    key: list[str]
    count: Floats
    total: Floats
    counts: Floats
    totals: Floats
    is_complete: Bools = field(default_factory=lambda: np.ones(0, dtype=bool))

    def __len__(self) -> int:
        return len(self.path)


def line_up(check: str, mine: pl.DataFrame, history: Sequence[pl.DataFrame]) -> Shares:
    """Cells of one check, lined up; a key that a window lacks counts zero there, or as many as may have been left out."""
    stacked = pl.concat([frame.with_columns(pl.lit(n, pl.Int32).alias("w")) for n, frame in enumerate([mine, *history])])
    keys = stacked.filter(pl.col("key") != CUTOFF).select(*GROUP, "key").unique(maintain_order=True).with_row_index("row")
    if not keys.height:
        return Shares(check, [], [], [], *(np.zeros(0),) * 2, *(np.zeros((0, len(history))),) * 2)
    groups = stacked.group_by([*GROUP, "w"]).agg(
        pl.col("total").max(), pl.col("count").filter(pl.col("key") == CUTOFF).max().fill_null(0).alias("cutoff")
    )
    shape = (keys.height, len(history) + 1)
    totals, counts = np.zeros(shape), np.zeros(shape)
    spread = keys.join(groups, on=GROUP)
    totals[spread["row"].to_numpy(), spread["w"].to_numpy()] = spread["total"].to_numpy()
    counts[spread["row"].to_numpy(), spread["w"].to_numpy()] = spread["cutoff"].to_numpy()
    is_complete = counts.max(1) == 0
    present = stacked.filter(pl.col("key") != CUTOFF).join(keys, on=[*GROUP, "key"])
    counts[present["row"].to_numpy(), present["w"].to_numpy()] = present["count"].to_numpy()
    return Shares(
        check,
        keys["field"].to_list(),
        keys["segment"].to_list(),
        keys["key"].to_list(),
        counts[:, 0],
        totals[:, 0],
        counts[:, 1:],
        totals[:, 1:],
        is_complete,
    )


def new_values(check: str, mine: pl.DataFrame, history: Sequence[pl.DataFrame], usable: Bools) -> Shares:
    """Rows whose key no other window has, a group at a time; for windows of the history, beside the windows before them."""
    lined = line_up(check, mine, history)
    rows: list[tuple[str, str, float, float, Floats, Floats]] = []
    for path, segment, members in groups_of(lined):
        counts = lined.counts[members] * usable
        seen_before: Ints = np.cumsum(counts > 0, axis=1) - (counts > 0)
        windows_before: Ints = np.cumsum(usable) - usable
        enough = (windows_before >= max(2, usable.sum() // 2)) & usable
        novel = np.where(seen_before == 0, counts, 0.0).sum(0)
        mine_novel = np.where((counts > 0).any(1), 0.0, lined.count[members]).sum()
        total = lined.totals[members[0]]
        rows.append((path, segment, float(mine_novel), float(lined.total[members[0]]), novel * enough, total * enough))
    return _shares("new_values", rows, len(history))


def _shares(check: str, rows: list[tuple[str, str, float, float, Floats, Floats]], windows: int) -> Shares:
    return Shares(
        check,
        [row[0] for row in rows],
        [row[1] for row in rows],
        [ALL_NEW] * len(rows),
        np.array([row[2] for row in rows]),
        np.array([row[3] for row in rows]),
        np.array([row[4] for row in rows]).reshape(len(rows), windows),
        np.array([row[5] for row in rows]).reshape(len(rows), windows),
    )


def at_quantiles(lined: Shares, usable: Bools) -> Shares:
    """Binned numbers as shares below or above the history's quantiles, and beyond all that it holds.

    Two more say what a cut at one quantile sees but dimly: the mean rank of the values among the history's (0.5 as long as
    nothing moved: location), and their mean distance from the middle rank (spread).
    """
    paths, segment, key = [], [], []
    count, total, counts, totals = [], [], [], []
    for path, part, members in groups_of(lined):
        bins = np.array([int(lined.key[n]) for n in members])
        order = members[np.argsort(bins)]
        bins = np.sort(bins)
        all_counts, mine = lined.counts[order], lined.count[order]
        pooled = (all_counts * usable).sum(1)
        if pooled.sum() == 0:
            continue
        below = np.cumsum(pooled) / pooled.sum()
        cuts: dict[int, str] = {}
        for quantile in QUANTILES:
            place = int(np.searchsorted(below, quantile))
            # The cut lies where the share below is nearest to the quantile; values in one bin cannot be cut.
            if place > 0 and quantile - below[place - 1] < below[place] - quantile:
                place -= 1
            if below[place] < 1:
                cuts.setdefault(place, f"{quantile:g}")
        seen = bins[pooled > 0]
        selections = [(f"above {bins[place]}", bins > bins[place]) for place in cuts]
        selections += [(f"beyond {seen[-1]}", bins >= seen[-1] + BEYOND_BINS), (f"under {seen[0]}", bins <= seen[0] - BEYOND_BINS)]
        weights = [(name, selection.astype(np.float64), 1.0) for name, selection in selections]
        rank = below - pooled / pooled.sum() / 2
        weights += [(RANK, RANK_WEIGHT * rank, RANK_WEIGHT), (SPREAD, RANK_WEIGHT * np.abs(2 * rank - 1), RANK_WEIGHT)]
        for name, weight, factor in weights:
            paths.append(path)
            segment.append(part)
            key.append(name)
            count.append(mine @ weight)
            total.append(lined.total[members[0]] * factor)
            counts.append(weight @ all_counts)
            totals.append(lined.totals[members[0]] * factor)
    windows = lined.counts.shape[1]
    return Shares(
        lined.check,
        paths,
        segment,
        key,
        np.array(count, dtype=np.float64),
        np.array(total, dtype=np.float64),
        np.array(counts, dtype=np.float64).reshape(len(paths), windows),
        np.array(totals, dtype=np.float64).reshape(len(paths), windows),
    )


def groups_of(lined: Shares) -> list[tuple[str, str, Ints]]:
    """Field, segment and places of the shares that belong together."""
    places: dict[tuple[str, str], list[int]] = {}
    for n, group in enumerate(zip(lined.path, lined.segment, strict=True)):
        places.setdefault(group, []).append(n)
    return [(path, segment, np.array(members)) for (path, segment), members in places.items()]
