"""Legal holds: what must not be deleted, whatever the rules say.

Belongs here: reading and changing the list of holds, one object in the bucket. Does not: deciding what is deleted (`plan.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from data_pipeline.common.errors import PermanentError, TransientError
from data_pipeline.common.object_store import ObjectStore, PreconditionFailedError

HOLDS_KEY = "operations/holds.json"
_ATTEMPTS = 20


@dataclass(frozen=True)
class Hold:
    """One hold.

    Attributes:
        name: names it, such as the case's number.
        first: first day that it covers.
        last: last day, inclusive.
        stages: stages that it covers; empty for all.
        reason: why, and who asked for it.
    """

    name: str
    first: date
    last: date
    stages: tuple[str, ...]
    reason: str

    def covers(self, stage: str, day: date) -> bool:
        """Whether a day of a stage is held."""
        return self.first <= day <= self.last and (not self.stages or stage in self.stages)


def read_holds(store: ObjectStore) -> list[Hold]:
    """All holds; PermanentError where the list is there and cannot be read, so that nothing is deleted by mistake."""
    found = store.find(HOLDS_KEY)
    return [] if found is None else _parse(found.data, store.url(HOLDS_KEY))


def add_hold(store: ObjectStore, hold: Hold) -> None:
    """Add one; PermanentError where its name is taken or its days are in the wrong order."""
    if hold.last < hold.first:
        raise PermanentError(f"The hold '{hold.name}' ends on {hold.last}, before it begins on {hold.first}; give the days in order.")

    def change(holds: Sequence[Hold]) -> list[Hold]:
        if any(other.name == hold.name for other in holds):
            raise PermanentError(f"There is a hold '{hold.name}' already; release it first, or give another name.")
        return [*holds, hold]

    _change(store, change)


def release_hold(store: ObjectStore, name: str) -> None:
    """End one; PermanentError where there is none of that name."""

    def change(holds: Sequence[Hold]) -> list[Hold]:
        kept = [hold for hold in holds if hold.name != name]
        if len(kept) == len(holds):
            raise PermanentError(f"There is no hold '{name}'; there are: {', '.join(hold.name for hold in holds) or 'none'}.")
        return kept

    _change(store, change)


def _change(store: ObjectStore, change: Callable[[Sequence[Hold]], list[Hold]]) -> None:
    for _ in range(_ATTEMPTS):
        found = store.find(HOLDS_KEY)
        holds = change(_parse(found.data, store.url(HOLDS_KEY)) if found else [])
        try:
            if found is None:
                store.create(HOLDS_KEY, _render(holds))
            else:
                store.replace(HOLDS_KEY, _render(holds), found.etag)
            return
        except PreconditionFailedError:
            continue
    raise TransientError(f"{store.url(HOLDS_KEY)} was changed by others {_ATTEMPTS} times in a row; run again.")


def _render(holds: Sequence[Hold]) -> bytes:
    document = [{**asdict(hold), "first": hold.first.isoformat(), "last": hold.last.isoformat()} for hold in holds]
    return json.dumps({"holds": document}, indent=1).encode() + b"\n"


def _parse(data: bytes, where: str) -> list[Hold]:
    try:
        items: list[dict[str, Any]] = json.loads(data)["holds"]
        return [
            Hold(item["name"], date.fromisoformat(item["first"]), date.fromisoformat(item["last"]), tuple(item["stages"]), item["reason"])
            for item in items
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise PermanentError(f"{where} is no list of holds ({error!r}); restore it, until then nothing is deleted.") from error
