"""Which staged hours there are, and which of them hold rows of a day: by their manifests, never by a listing.

Belongs here: reading staged manifests, many at once, each once. Does not: reading rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.layout import hour_prefix
from data_pipeline.common.manifest import Manifest, manifest_key
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.common.windows import Hour, hours_between, hours_of_day

LOOKBACK_DAYS = 31
"""The contract lets an event arrive up to 30 days after it happened; the clocks of a day before and after are allowed for."""

_THREADS = 16


@dataclass(frozen=True)
class StagedHour:
    """One staged hour of a source.

    Attributes:
        source: the source.
        hour: hour of arrival.
        key: key of its manifest.
        sha256: digest of the manifest's bytes: names this version of the hour.
        manifest: the manifest.
    """

    source: str
    hour: Hour
    key: str
    sha256: str
    manifest: Manifest

    def rows_of(self, day: date) -> int:
        """Rows whose `occurred_at` lies on that UTC day."""
        return self.event_days.get(day.isoformat(), 0)

    @property
    def event_days(self) -> dict[str, int]:
        """Rows by UTC day of `occurred_at`."""
        try:
            return dict(self.manifest.details["event_days"])
        except (KeyError, TypeError, ValueError) as error:
            raise PermanentError(f"{self.key} does not say how many rows it holds for each event day; validate that hour again.") from error


class StagedHours:
    """The staged manifests of some sources, each read at most once: a snapshot as of the first look."""

    def __init__(self, store: ObjectStore, sources: Sequence[str], now: datetime | None = None) -> None:
        self._store = store
        self._sources = sorted(sources)
        self._now = Hour.containing(now or datetime.now(UTC))
        self._known: dict[tuple[str, Hour], StagedHour | None] = {}
        self._days: dict[date, bool] = {}

    def between(self, first: Hour, last: Hour) -> list[StagedHour]:
        """Those that are published, from first to last hour of arrival, in order."""
        hours = list(hours_between(first, min(last, self._now)))
        wanted = [(source, hour) for hour in hours for source in self._sources]
        self._read([key for key in wanted if key not in self._known])
        return [found for key in wanted if (found := self._known[key]) is not None]

    def holding(self, days: Iterable[date]) -> list[StagedHour]:
        """Those that hold rows of any of the days, in order."""
        found: dict[tuple[Hour, str], StagedHour] = {}
        for day in days:
            for staged in self.between(*arrival_hours(day)):
                if staged.rows_of(day):
                    found[(staged.hour, staged.source)] = staged
        return [found[key] for key in sorted(found)]

    def arrived_on(self, day: date) -> list[StagedHour]:
        """Those that arrived on the day itself."""
        hours = hours_of_day(day)
        return self.between(hours[0], hours[-1])

    def is_whole(self, day: date) -> bool:
        """Whether every hour of the day is staged for every source."""
        return len(self.arrived_on(day)) == 24 * len(self._sources)

    def inputs_of(self, day: date) -> dict[str, str]:
        """What a day is made of: manifest key to digest, of the hours that hold rows of it."""
        return {staged.key: staged.sha256 for staged in self.holding([day])}

    def row_count(self, day: date) -> int:
        """Staged rows of a day of events, by the manifests."""
        return sum(staged.rows_of(day) for staged in self.holding([day]))

    def _read(self, wanted: list[tuple[str, Hour]]) -> None:
        if not wanted:
            return
        days = sorted({hour.date for _, hour in wanted} - self._days.keys())
        # The store makes its client at the first call, which is not safe to do in two threads at once.
        self._days.update((day, self._has_any(day)) for day in days[:1])
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="manifests") as pool:
            self._days.update(zip(days[1:], pool.map(self._has_any, days[1:]), strict=True))
            there = [key for key in wanted if self._days[key[1].date]]
            self._known.update(dict.fromkeys(wanted))
            self._known.update(zip(there, pool.map(self._read_one, there), strict=True))

    def _has_any(self, day: date) -> bool:
        """Whether anything at all arrived on a day: saves asking for the manifests of months in which nothing did."""
        return next(self._store.list(f"staged/date={day.isoformat()}/"), None) is not None

    def _read_one(self, key: tuple[str, Hour]) -> StagedHour | None:
        source, hour = key
        name = manifest_key(hour_prefix("staged", source, hour))
        found = self._store.find(name)
        if found is None:
            return None
        manifest = Manifest.from_json(found.data, self._store, self._store.url(name))
        return StagedHour(source, hour, name, hashlib.sha256(found.data).hexdigest(), manifest)


def arrival_hours(day: date) -> tuple[Hour, Hour]:
    """First and last hour in which rows of a day can arrive."""
    first, last = day - timedelta(days=1), day + timedelta(days=LOOKBACK_DAYS)
    return hours_of_day(first)[0], hours_of_day(last)[-1]


def digest(inputs: dict[str, str]) -> str:
    """One digest of a map of inputs."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
