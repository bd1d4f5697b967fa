"""Which stale days are built again now: neighbours together, each at most so often, and never more than so many runs an hour.

Late rows come in small numbers with every hour and touch a month of days; asking for each of them at once would be a storm.

Belongs here: that policy, pure. Does not: finding stale days (`stale.py`), asking for runs (orchestration).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from data_pipeline.transforms.stale import StaleDay

MOST_RUNS_AN_HOUR = 4
"""So many runs are asked for within any hour; days for which there is no room wait, the oldest first."""

REST = timedelta(hours=3)
"""A day that was asked for is not asked for again before this has passed, however often its hours change meanwhile."""

MOST_DAYS_A_RUN = 8
"""A run builds so many neighbouring days at most: a failure then costs little."""

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Rebuild:
    """One run: neighbouring days, from first to last.

    Attributes:
        first: first day.
        last: last day, included.
        digest: names what the days would be built from; the same run is never asked for twice.
    """

    first: date
    last: date
    digest: str

    @property
    def days(self) -> list[date]:
        """All its days."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]


def plan_rebuilds(stale: Sequence[StaleDay], asked: Mapping[date, datetime], run_times: Sequence[datetime], now: datetime) -> list[Rebuild]:
    """The runs to ask for now.

    Neighbouring days share a run. A day waits until it has rested, and for a free place among the runs of the last hour.

    Args:
        stale: days that are out of date.
        asked: when a day was asked for last.
        run_times: when runs were asked for.
        now: the time.
    """
    rested = sorted((found for found in stale if found.day not in asked or now - asked[found.day] >= REST), key=lambda found: found.day)
    groups: list[list[StaleDay]] = []
    for found in rested:
        if groups and found.day - groups[-1][-1].day == timedelta(days=1) and len(groups[-1]) < MOST_DAYS_A_RUN:
            groups[-1].append(found)
        else:
            groups.append([found])
    free = max(0, MOST_RUNS_AN_HOUR - sum(now - at < _HOUR for at in run_times))
    return [Rebuild(group[0].day, group[-1].day, _digest(group)) for group in groups[:free]]


def _digest(group: Sequence[StaleDay]) -> str:
    return hashlib.sha256(" ".join(found.inputs_digest for found in group).encode()).hexdigest()
