"""The history of a window: the profiles it is compared with, and which of them count.

Belongs here: choosing windows (season, bad days, acceptances). Does not: storing (`store.py`), testing (`statistics.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import polars as pl

from data_pipeline.validation.history.bins import bin_start
from data_pipeline.validation.history.finding import Finding, Severity, worst_first
from data_pipeline.validation.history.profile import Profile, Window
from data_pipeline.validation.history.statistics import Bools, Ints
from data_pipeline.validation.history.thresholds import MIN_WINDOWS, OTHER_HOURS_WIDER, SAME_KIND_WINDOWS

_SATURDAY = 5


@dataclass(frozen=True)
class Acceptance:
    """A person's word on findings of a window.

    Attributes:
        check: the finding's check, or `*` for all.
        field: its field, or `*` for all.
        reason: why it is accepted.
        is_norm: True where the level of that window is the norm from then on.
        accepted_at: ISO instant.
    """

    check: str
    field: str
    reason: str
    is_norm: bool
    accepted_at: str

    def covers(self, finding: Finding) -> bool:
        """Whether it speaks of a finding."""
        return self.check in ("*", finding.check) and self.field in ("*", finding.field)


@dataclass(frozen=True)
class Comparison:
    """One way to tell the kinds of windows apart.

    Attributes:
        labels: the kind of each window of the history.
        label: the kind of the window under test; -1 to compare with all kinds.
        wider: factor on the dispersion.
    """

    labels: Ints
    label: int
    wider: float = 1.0


def settle(findings: Sequence[Finding], accepted: Sequence[Acceptance]) -> list[Finding]:
    """Findings of a window as they count: what a person accepted is information, with the reason."""
    settled = []
    for finding in findings:
        covering = [acceptance for acceptance in accepted if acceptance.covers(finding)]
        if covering and finding.severity is not Severity.INFO:
            message = f"{finding.message} Accepted: {covering[-1].reason}"
            settled.append(replace(finding, severity=Severity.INFO, message=message))
        else:
            settled.append(finding)
    return worst_first(settled)


def by_check(profile: Profile) -> dict[str, pl.DataFrame]:
    """A profile's cells by check."""
    return {str(check): part for (check,), part in profile.cells.partition_by("check", as_dict=True, maintain_order=True).items()}


@dataclass(frozen=True)
class ProfileHistory:
    """Profiles that a window is compared with, oldest first, never that of the window itself.

    Attributes:
        source: such as `web`.
        window: the window under test.
        profiles: of comparable windows.
        acceptances: by window, what a person accepted; of the window under test too.
    """

    source: str
    window: Window
    profiles: Sequence[Profile]
    acceptances: Mapping[Window, Sequence[Acceptance]] = field(default_factory=dict)

    @cached_property
    def usable(self) -> Bools:
        """For each profile, whether it counts at all.

        One does not that has no rows, or an error that nobody accepted; nor another hour of the day, once there are
        enough of the same hour.
        """
        sound = [profile.rows_staged > 0 and not self._open(profile, Severity.ERROR) for profile in self.profiles]
        usable = np.array(sound, dtype=bool)
        same_hour = np.array([profile.window.start.hour == self.window.start.hour for profile in self.profiles], dtype=bool)
        enough: Bools = usable & same_hour if (usable & same_hour).sum() >= MIN_WINDOWS else usable
        return enough

    @property
    def is_seasonal(self) -> bool:
        """Whether the windows that count are of the same hour of the day as the one under test."""
        starts = [profile.window.start for profile, counts in zip(self.profiles, self.usable, strict=True) if counts]
        return self.window.is_day or all(start.hour == self.window.start.hour for start in starts)

    @cached_property
    def cells_by_check(self) -> list[dict[str, pl.DataFrame]]:
        """Cells of each profile by check."""
        return [by_check(profile) for profile in self.profiles]

    @cached_property
    def rows_of_a_visitor(self) -> float:
        """Rows that a row's visitor has, on average over rows: how much rows of one visit weigh together."""
        found = []
        for each in self.cells_by_check:
            if "rows_per_visitor" in each:
                binned = each["rows_per_visitor"].select("key", "count").iter_rows()
                sizes = [(bin_start(int(key)), count) for key, count in binned]
                found.append(sum(size * size * count for size, count in sizes) / sum(size * count for size, count in sizes))
        return float(np.median(found)) if found else 1.0

    @property
    def window_count(self) -> int:
        """Windows that count."""
        return int(self.usable.sum())

    @property
    def is_too_short(self) -> bool:
        """Whether too few windows count for any verdict."""
        return self.window_count < MIN_WINDOWS

    def usable_for(self, check: str, path: str) -> Bools:
        """Windows that count for one check of a field: not before a new norm, nor with a warning of it that nobody accepted."""
        usable = self.usable.copy()
        for window, given in self.acceptances.items():
            if any(a.is_norm and a.check in ("*", check) and a.field in ("*", path) for a in given) and window < self.window:
                usable &= np.array([profile.window >= window for profile in self.profiles], dtype=bool)
        warned = np.array(
            [any(f.check == check and f.field == path for f in self._open(profile, Severity.WARN)) for profile in self.profiles], dtype=bool
        )
        # A level that most windows have is the level, whether or not somebody accepted it.
        if (usable & ~warned).sum() >= max(MIN_WINDOWS, usable.sum() / 2):
            usable = usable & ~warned
        return usable

    def comparisons(self) -> list[Comparison]:
        """Ways to compare, of which the one that finds least is believed; wider where only other hours of the day are known."""
        found = self._comparisons()
        return found if self.is_seasonal else [replace(each, wider=each.wider * OTHER_HOURS_WIDER) for each in found]

    def _comparisons(self) -> list[Comparison]:
        count = len(self.profiles)
        everything = Comparison(np.zeros(count, dtype=np.int64), -1)
        weekdays = np.array([profile.window.start.weekday() for profile in self.profiles], dtype=np.int64)
        kinds = (weekdays >= _SATURDAY).astype(np.int64)
        mine = self.window.start.weekday()
        my_kind = int(mine >= _SATURDAY)
        usable = self.usable
        if (usable & (weekdays == mine)).sum() >= SAME_KIND_WINDOWS:
            return [Comparison(weekdays, mine)]
        if (usable & (kinds == my_kind)).sum() >= SAME_KIND_WINDOWS:
            return [Comparison(kinds, my_kind)]
        if (usable & (kinds == my_kind)).any():
            return [everything, Comparison(kinds, my_kind)]
        return [Comparison(everything.labels, -1, wider=2.0)]

    def _open(self, profile: Profile, severity: Severity) -> list[Finding]:
        accepted = self.acceptances.get(profile.window, ())
        found = [finding for finding in profile.findings if finding.severity is severity]
        return [finding for finding in found if not any(a.covers(finding) for a in accepted)]
