"""The boundary ledger: every boundary of a topic, found once and never changed.

A boundary is one object, `ledger/<topic>/<instant>.json`, written with create-if-absent. Two instants may be
frozen at once by processes that do not see each other; so that neighbours still cannot cross, every boundary
passes through the topic's head, one small object that is replaced conditionally:

    read the head, finish what it has pending, find the boundary between its neighbours,
    replace the head by one that has the boundary pending, store the boundary.

Whoever replaces the head has seen all boundaries before its own. A writer that dies in between leaves a pending
boundary, which the next one finishes.
Belongs here: storing and finding boundaries. Does not: how an offset is found for an instant.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from data_pipeline.common import layout
from data_pipeline.common.errors import PermanentError, TransientError
from data_pipeline.common.object_store import ObjectStore, PreconditionFailedError
from data_pipeline.landing.boundaries import Boundary, Neighbours, boundary_bytes

_ATTEMPTS = 50


@dataclass(frozen=True)
class _Head:
    """The newest state of a topic's ledger.

    Attributes:
        sequence: counts the boundaries.
        latest: the greatest instant that has a boundary.
        pending: the boundary that was decided last; it may not be stored yet.
        etag: the version that a replacement has to name.
    """

    sequence: int
    latest: datetime
    pending: Boundary
    etag: str


class Ledger:
    """The boundaries of one topic."""

    def __init__(self, store: ObjectStore, topic: str) -> None:
        self._store = store
        self.topic = topic

    def get(self, instant: datetime) -> Boundary | None:
        """The stored boundary, or None."""
        key = layout.ledger_key(self.topic, instant)
        found = self._store.find(key)
        return None if found is None else _read_boundary(found.data, self._store.url(key))

    def freeze(self, instant: datetime, find: Callable[[Neighbours], Boundary]) -> Boundary:
        """The boundary of an instant: the stored one, else the one that `find` finds, stored for ever.

        Args:
            instant: a full hour, UTC.
            find: given the neighbours, finds the boundary; its offsets are clipped here. It may be called more than once.

        Raises:
            TransientError: other writers were always faster; try again.
        """
        stored = self.get(instant)
        for _ in range(_ATTEMPTS):
            if stored is not None:
                return stored
            head = self._read_head()
            if head is not None:
                self._store_boundary(head.pending)
            # Only now: every boundary that this head has seen is stored, so "absent" means "not decided".
            stored = self.get(instant)
            if stored is not None:
                continue
            neighbours = self._neighbours(instant, head)
            found = find(neighbours)
            boundary = Boundary(**{**found.__dict__, "offsets": neighbours.clip(found.offsets)})
            if self._replace_head(head, boundary, neighbours):
                self._store_boundary(boundary)
                return boundary
        raise TransientError(f"The ledger of topic '{self.topic}' was changed by other runs {_ATTEMPTS} times in a row; run again.")

    def latest(self) -> Boundary | None:
        """The boundary of the greatest instant."""
        head = self._read_head()
        if head is not None:
            self._store_boundary(head.pending)
            return self.get(head.latest)
        instants = self.instants()
        return self.get(instants[-1]) if instants else None

    def instants(self) -> list[datetime]:
        """All instants that have a boundary, ascending."""
        prefix = layout.ledger_key(self.topic, datetime(1970, 1, 1, tzinfo=UTC)).rsplit("/", 1)[0] + "/"
        names = [item.key.removeprefix(prefix) for item in self._store.list(prefix)]
        return sorted(_instant_of(name) for name in names if name.endswith(".json") and "/" not in name)

    def _neighbours(self, instant: datetime, head: _Head | None) -> Neighbours:
        if head is not None and instant > head.latest:
            return Neighbours(self._require(head.latest), None)
        hour = timedelta(hours=1)
        before, after = self.get(instant - hour), self.get(instant + hour)
        if before is not None and after is not None:
            return Neighbours(before, after)
        instants = self.instants()
        earlier = [other for other in instants if other < instant]
        later = [other for other in instants if other > instant]
        return Neighbours(self._require(earlier[-1]) if earlier else None, self._require(later[0]) if later else None)

    def _require(self, instant: datetime) -> Boundary:
        found = self.get(instant)
        if found is None:
            raise PermanentError(
                f"{self._store.url(layout.ledger_key(self.topic, instant))} is missing from the ledger; restore it from its versions."
            )
        return found

    def _store_boundary(self, boundary: Boundary) -> None:
        # Refused where another run has finished it: there is one decision only, so it is the same.
        with contextlib.suppress(PreconditionFailedError):
            self._store.create(layout.ledger_key(self.topic, boundary.instant), boundary_bytes(boundary))

    def _read_head(self) -> _Head | None:
        key = layout.ledger_head_key(self.topic)
        found = self._store.find(key)
        if found is None:
            return None
        try:
            document: dict[str, Any] = json.loads(found.data)
            pending = Boundary.from_json(document["pending"], self._store.url(key))
            return _Head(int(document["sequence"]), datetime.fromisoformat(document["latest"]), pending, found.etag)
        except (KeyError, TypeError, ValueError) as error:
            raise PermanentError(f"{self._store.url(key)} is not the head of a ledger ({error!r}); delete it: it is rebuilt.") from error

    def _replace_head(self, head: _Head | None, boundary: Boundary, neighbours: Neighbours) -> bool:
        latest = boundary.instant
        if head is not None:
            latest = max(latest, head.latest)
        elif neighbours.after is not None:
            latest = self.instants()[-1]
        document = {"sequence": head.sequence + 1 if head else 1, "latest": latest.isoformat(), "pending": boundary.to_json()}
        data = json.dumps(document, indent=1).encode() + b"\n"
        key = layout.ledger_head_key(self.topic)
        try:
            if head is None:
                self._store.create(key, data)
            else:
                self._store.replace(key, data, head.etag)
        except PreconditionFailedError:
            return False
        return True


def _read_boundary(data: bytes, where: str) -> Boundary:
    try:
        document = json.loads(data)
    except ValueError as error:
        raise PermanentError(f"{where} is not a boundary of the ledger ({error}); restore it from the bucket's versions.") from error
    return Boundary.from_json(document, where)


def _instant_of(name: str) -> datetime:
    return datetime.strptime(name, "%Y-%m-%dT%H.json").replace(tzinfo=UTC)
