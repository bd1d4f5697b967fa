"""Judging how many rows a window has.

Belongs here: rows beside comparable windows, growth, empty windows. Does not: hours of a history of few days (`judge_hour.py`).
"""

from __future__ import annotations

import math

import numpy as np

from data_pipeline.validation.history.finding import ROWS, Finding, Severity
from data_pipeline.validation.history.history import Comparison, ProfileHistory
from data_pipeline.validation.history.judge_hour import judge_hour_by_neighbours
from data_pipeline.validation.history.profile import Profile
from data_pipeline.validation.history.statistics import Bools, Floats, normal_equivalent
from data_pipeline.validation.history.thresholds import (
    PRIOR_DEGREES,
    PRIOR_WEIGHT,
    VOLUME_DROP,
    VOLUME_ERROR_DROP,
    VOLUME_FLOOR_SD,
    VOLUME_PRIOR_SD,
    VOLUME_RISE,
    VOLUME_Z,
)


def judge_volume(profile: Profile, history: ProfileHistory) -> list[Finding]:
    """At most one finding: too few rows, or too many."""
    if not profile.rows_in and _was_empty_last_time(history):
        return []
    usable = history.usable_for("volume", ROWS)
    rows = np.array([other.rows_in for other in history.profiles], dtype=np.float64)
    usable = usable & (rows > 0)
    if not usable.any():
        return []
    if not history.is_seasonal:
        return judge_hour_by_neighbours(profile, history, usable)
    days = np.array([(history.window.start - other.window.start).total_seconds() / 86400 for other in history.profiles])
    best_z, best_expected = math.inf, 0.0
    for comparison in history.comparisons():
        z, expected = _score(profile.rows_in, rows, days, usable, comparison)
        if abs(z) < abs(best_z):
            best_z, best_expected = z, expected
    change = profile.rows_in / best_expected - 1
    if abs(best_z) < VOLUME_Z or -VOLUME_DROP < change < VOLUME_RISE:
        return []
    is_error = change <= -VOLUME_ERROR_DROP
    return [
        Finding(
            check="volume",
            field=ROWS,
            severity=Severity.ERROR if is_error else Severity.WARN,
            observed=f"{profile.rows_in} rows",
            expected=f"about {best_expected:.0f} rows",
            message=f"{history.source} has {profile.rows_in} rows in {history.window}, {abs(change) * 100:.0f} % "
            f"{'fewer' if change < 0 else 'more'} than comparable windows let expect (about {best_expected:.0f}).",
        )
    ]


def _was_empty_last_time(history: ProfileHistory) -> bool:
    """Whether the last window of the same weekday (and hour) had no rows either: a shop that is closed on Saturdays."""
    mine = history.window.start
    same = [p for p in history.profiles if (p.window.start.weekday(), p.window.start.hour) == (mine.weekday(), mine.hour)]
    return bool(same) and same[-1].rows_in == 0


def _score(mine: int, rows: Floats, days: Floats, usable: Bools, comparison: Comparison) -> tuple[float, float]:
    labels = comparison.labels if comparison.label != -1 else np.zeros_like(comparison.labels)
    label = max(comparison.label, 0)
    level = np.log(np.maximum(rows, 1)) + _growth_per_day(np.log(np.maximum(rows, 1)), days, usable) * days
    residuals: list[float] = []
    degrees = 0
    for kind in np.unique(labels):
        member = usable & (labels == kind)
        if member.any():
            residuals += list(level[member] - np.median(level[member]))
            degrees += int(member.sum()) - 1
    spread = np.array(residuals)
    typical = 1.4826 * float(np.median(np.abs(spread)))
    kept = spread[np.abs(spread) <= 5 * max(typical, VOLUME_FLOOR_SD)]
    degrees = max(degrees - (spread.size - kept.size), 0)
    variance = (PRIOR_WEIGHT * VOLUME_PRIOR_SD**2 + float((kept**2).sum())) / (PRIOR_WEIGHT + degrees)
    member = usable & (labels == label)
    expected = math.exp(float(np.median(level[member])))
    variance = max(variance, VOLUME_FLOOR_SD**2) * comparison.wider * (1 + 1 / member.sum()) + 2.0 / expected
    t = (math.log(max(mine, 0.5)) - math.log(expected)) / math.sqrt(variance)
    z = normal_equivalent(np.array([t]), np.array([PRIOR_DEGREES + degrees]))
    return float(z[0]), expected


def _growth_per_day(level: Floats, days: Floats, usable: Bools) -> float:
    """Growth of the last two weeks beside the two before, at most 3 % a day; 0 while there is less than two weeks."""
    recent, before = usable & (days <= 7.5), usable & (days > 7.5) & (days <= 14.5)
    if recent.sum() < 5 or before.sum() < 5:
        return 0.0
    growth = float(np.median(level[recent]) - np.median(level[before])) / 7
    return float(np.clip(growth, -0.03, 0.03))
