"""Shares that come from sketches: a batch that came again, identifiers that no earlier window holds.

Belongs here: turning sketches into shares. Does not: the test of a share.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data_pipeline.validation.history.history import ProfileHistory
from data_pipeline.validation.history.matrix import Shares
from data_pipeline.validation.history.profile import Profile
from data_pipeline.validation.history.sketches import Sketch
from data_pipeline.validation.history.statistics import Bools


def sketched_shares(profile: Profile, history: ProfileHistory) -> list[Shares]:
    """Shares of the checks `repeated_batch` and `new_identities`."""
    found = []
    for name, mine in profile.sketches.items():
        past = [other.sketches.get(name) for other in history.profiles]
        known = [sketch for sketch in past if sketch is not None]
        if not known or not mine.hashes.size:
            continue
        if name == "event_id":
            found.append(_shares("repeated_batch", "rows", mine, past, history.usable, count_known=True))
        else:
            found.append(_shares("new_identities", name, mine, past, history.usable, count_known=False))
    return found


def _shares(check: str, field: str, mine: Sketch, past: Sequence[Sketch | None], usable: Bools, count_known: bool) -> Shares:
    """Known (or new) values of each window beside the windows before it, among hashes that all windows kept."""
    limit = min([mine.limit, *(sketch.limit for sketch in past if sketch is not None)])
    counts, totals = np.zeros((1, len(past))), np.zeros((1, len(past)))
    seen = np.array([], dtype=np.uint64)
    windows_before = 0
    # A repeat is judged by all windows, but a window of the history only where at least half of it lies before.
    needed = 1 if count_known else max(2, int(usable.sum()) // 2)
    for n, sketch in enumerate(past):
        if sketch is None:
            continue
        hashes = sketch.below(limit)
        if usable[n] and windows_before >= needed:
            known = int(np.isin(hashes, seen, assume_unique=True).sum())
            counts[0, n] = known if count_known else hashes.size - known
            totals[0, n] = hashes.size
        if usable[n] or count_known:
            seen = np.union1d(seen, hashes)
            windows_before += 1
    hashes = mine.below(limit)
    known = int(np.isin(hashes, seen, assume_unique=True).sum())
    count = known if count_known else hashes.size - known
    return Shares(
        check, [field], [""], ["known" if count_known else "new"], np.array([float(count)]), np.array([float(hashes.size)]), counts, totals
    )
