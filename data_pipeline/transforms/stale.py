"""Which days are out of date: design decision 9.

A day is built again when its own staged hours changed; when its sessions can be final now; or when a neighbour that was
built since shows other sessions across the midnight, or other uses of an `event_id`, than the day saw.

Belongs here: comparing manifests. Does not: asking for runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from data_pipeline.common.manifest import Manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.contracts.tables import EVENTS, SESSIONS
from data_pipeline.transforms.lake_writer import read_published
from data_pipeline.transforms.staged_hours import StagedHours, digest


@dataclass(frozen=True)
class StaleDay:
    """A day that has to be built (again).

    Attributes:
        day: the UTC day of `occurred_at`.
        inputs_digest: names what it would be built from: equal for two looks between which nothing changed.
        reason: one sentence.
    """

    day: date
    inputs_digest: str
    reason: str


def stale_days(store: ObjectStore, sources: Sequence[str], days: Sequence[date], staged: StagedHours | None = None) -> list[StaleDay]:
    """Of the given days, those that would be other tables if they were built now; by manifests alone.

    A day that was never built is among them as soon as any staged hour holds rows of it.

    Args:
        store: where the manifests are.
        sources: sources whose events belong together.
        days: UTC days of `occurred_at` to look at.
        staged: the staged manifests, None reads them.
    """
    look = _Look(store, staged or StagedHours(store, sources), days)
    return [stale for day in sorted(set(days)) if (stale := look.at(day)) is not None]


class _Look:
    def __init__(self, store: ObjectStore, staged: StagedHours, days: Sequence[date]) -> None:
        self._store = store
        self._staged = staged
        self._details: dict[date, dict[str, Any] | None] = {}
        self._inputs: dict[date, str] = {}
        for day in days:
            self._built(day)

    def at(self, day: date) -> StaleDay | None:
        built = self._built(day)
        if built is None:
            return self._stale(day, f"{day} holds staged rows and was never built.") if self._staged.row_count(day) else None
        if built["inputs_digest"] != self._inputs_digest(day):
            return self._stale(day, f"Staged hours with rows of {day} changed since it was built.")
        following = day + timedelta(days=1)
        if not built["is_final"] and self._staged.is_whole(following):
            return self._stale(day, f"{following} is whole now: the sessions of {day} can be final.")
        return self._behind_neighbour(day, built) or self._behind_collision(day, built)

    def _behind_neighbour(self, day: date, built: dict[str, Any]) -> StaleDay | None:
        """Only where a day that was read has changed since: the neighbour's view is newer then, not older."""
        changed = [other for other, seen in built["days_read"].items() if seen != self._inputs_digest(date.fromisoformat(other))]
        if not changed:
            return None
        for side, step, mirrored in (("start", -1, "end"), ("end", 1, "start")):
            neighbour = self._up_to_date(day + timedelta(days=step))
            if neighbour is not None and neighbour["crossing"].get(mirrored) != built["crossing"].get(side):
                return self._stale(day, f"Sessions across the {side} of {day} changed with {', '.join(changed)}.")
        return None

    def _behind_collision(self, day: date, built: dict[str, Any]) -> StaleDay | None:
        """Both days are built again then, which is seldom and harmless: equal rows keep their objects."""
        named = {date.fromisoformat(other) for other in built["collisions"]}
        for other in sorted(named | set(self._details)):
            theirs = None if other == day else self._up_to_date(other)
            if theirs is not None and theirs["collisions"].get(day.isoformat()) != built["collisions"].get(other.isoformat()):
                return self._stale(day, f"An event_id of {day} is used on {other} too, in another way than when it was built.")
        return None

    def _up_to_date(self, day: date) -> dict[str, Any] | None:
        built = self._built(day)
        return built if built is not None and built["inputs_digest"] == self._inputs_digest(day) else None

    def _built(self, day: date) -> dict[str, Any] | None:
        if day not in self._details:
            events, sessions = (read_published(self._store, table, day) for table in (EVENTS, SESSIONS))
            self._details[day] = None if events is None or sessions is None else _recorded(events.manifest, sessions.manifest)
        return self._details[day]

    def _inputs_digest(self, day: date) -> str:
        if day not in self._inputs:
            self._inputs[day] = digest(self._staged.inputs_of(day))
        return self._inputs[day]

    def _stale(self, day: date, reason: str) -> StaleDay:
        around = [day + timedelta(days=step) for step in (-1, 0, 1)]
        built = self._built(day)
        seen = {"final": str(self._staged.is_whole(around[2])), "collisions": str(built and built["collisions"])}
        return StaleDay(day, digest({**{str(d): self._inputs_digest(d) for d in around}, **seen}), reason)


def _recorded(events: Manifest, sessions: Manifest) -> dict[str, Any]:
    details = sessions.details
    return {
        # Events are published last: a build that died between the two is out of date by its events.
        "inputs_digest": events.details.get("inputs_digest"),
        "is_final": details.get("is_final", False),
        "days_read": details.get("days_read", {}),
        "crossing": details.get("crossing", {}),
        "collisions": events.details.get("collisions", {}),
    }
