"""Judging the volume of an hour while few days are known: beside the day before and the hours just before.

Belongs here: hours that have too few windows of their own hour. Does not: seasonal comparison (`judge_volume.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np

from data_pipeline.validation.history.finding import ROWS, Finding, Severity
from data_pipeline.validation.history.history import ProfileHistory
from data_pipeline.validation.history.profile import Profile
from data_pipeline.validation.history.statistics import Bools, normal_equivalent
from data_pipeline.validation.history.thresholds import (
    HOURLY_DROP,
    HOURLY_MIN,
    HOURLY_PRIOR_SD,
    HOURLY_RISE,
    PRIOR_DEGREES,
    PRIOR_WEIGHT,
    VOLUME_Z,
)

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_HOURS_OF_DRIFT = 6


def judge_hour_by_neighbours(profile: Profile, history: ProfileHistory, usable: Bools) -> list[Finding]:
    """At most one finding; none where the comparison could not be tried on enough hours of the history.

    The band is as wide as the same comparison has been off in the history, drawn to a wide prior.
    """
    levels = {
        other.window.start: math.log(other.rows_in)
        for other, counts in zip(history.profiles, usable, strict=True)
        if counts and other.rows_in
    }
    for name, predict in (("day before", _by_day_before), ("hour before", _by_hour_before)):
        expected = predict(levels, history.window.start)
        tried = [level - found for start, level in levels.items() if (found := predict(levels, start)) is not None]
        if expected is None or len(tried) < HOURLY_MIN:
            continue
        errors = np.array(tried)
        typical = max(1.4826 * float(np.median(np.abs(errors))), HOURLY_PRIOR_SD[name] / 2)
        kept = errors[np.abs(errors) <= 5 * typical]
        variance = (PRIOR_WEIGHT * HOURLY_PRIOR_SD[name] ** 2 + float((kept**2).sum())) / (PRIOR_WEIGHT + kept.size)
        t = (math.log(max(profile.rows_in, 0.5)) - expected) / math.sqrt(variance + 2 / math.exp(expected))
        z = float(normal_equivalent(np.array([t]), np.array([PRIOR_DEGREES + kept.size]))[0])
        change = profile.rows_in / math.exp(expected) - 1
        if abs(z) < VOLUME_Z or -HOURLY_DROP < change < HOURLY_RISE:
            return []
        return [_finding(profile, history, change, math.exp(expected), name)]
    return []


def _by_day_before(levels: Mapping[datetime, float], start: datetime) -> float | None:
    """That hour of the day before, moved by how the last hours lay beside theirs."""
    if start - _DAY not in levels:
        return None
    before = [start - n * _HOUR for n in range(1, _HOURS_OF_DRIFT + 1)]
    drift = [levels[hour] - levels[hour - _DAY] for hour in before if hour in levels and hour - _DAY in levels]
    return levels[start - _DAY] + (float(np.median(drift)) if drift else 0.0)


def _by_hour_before(levels: Mapping[datetime, float], start: datetime) -> float | None:
    """The hour before."""
    return levels.get(start - _HOUR)


def _finding(profile: Profile, history: ProfileHistory, change: float, expected: float, compared: str) -> Finding:
    return Finding(
        check="volume",
        field=ROWS,
        # A day of another kind, such as one on which a shop is closed, cannot be told from a loss yet: it never blocks.
        severity=Severity.WARN,
        observed=f"{profile.rows_in} rows",
        expected=f"about {expected:.0f} rows",
        message=f"{history.source} has {profile.rows_in} rows in {history.window}, {abs(change) * 100:.0f} % "
        f"{'fewer' if change < 0 else 'more'} than the {compared} lets expect (about {expected:.0f}); "
        "the same hour of more days is not known yet.",
        example=str(history.window),
    )
