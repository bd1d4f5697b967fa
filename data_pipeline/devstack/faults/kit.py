"""What faults are made of: events, paths into them, and choosing some of them.

Belongs here: helpers without an opinion. Does not: the faults.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Event = dict[str, Any]
"""A value as JSON has it, with the Kafka timestamp beside it as `_received_at`."""

Events = list[Event]
RECEIVED = "_received_at"


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        name: of the fault.
        fields: dotted paths, any of which a finding may name; empty where any finding will do.
        apply: from a window's events, their earlier windows' events and a share to faulty events; the input stays as it is.
        shares: how much of the window to hit, from small to whole.
        needs: an event type or path that the window must hold in at least 25 rows.
    """

    name: str
    fields: tuple[str, ...]
    apply: Callable[[random.Random, Events, Events, float], Events]
    shares: tuple[float, ...] = (0.05, 0.2, 1.0)
    needs: str = ""


def copy_event(event: Event) -> Event:
    """A copy that can be changed at any depth."""
    return {name: _copy(part) for name, part in event.items()}


def _copy(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _copy(child) for name, child in part.items()}
    if isinstance(part, list):
        return [_copy(child) for child in part]
    return part


def holders(event: Event, path: str) -> Iterator[tuple[Event, str]]:
    """The objects that hold the leaf of a path, each with the leaf's name; those of all items where it leads through items."""
    *parents, leaf = path.split(".")
    places: list[Any] = [event]
    for name in parents:
        found = [place.get(name) for place in places if isinstance(place, dict)]
        places = [child for each in found for child in (each if isinstance(each, list) else [each]) if isinstance(child, dict)]
    for place in places:
        yield place, leaf


def values(event: Event, path: str) -> list[Any]:
    """All values at a path that are there and not null."""
    return [holder[leaf] for holder, leaf in holders(event, path) if holder.get(leaf) is not None]


def change(path: str, new: Callable[[random.Random, Any], Any]) -> Callable[[random.Random, Events, Events, float], Events]:
    """A fault that replaces values of a path, where they are not null, in a share of the events that have it."""

    def apply(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
        changed = []
        for event in events:
            if not values(event, path) or rng.random() >= share:
                changed.append(event)
                continue
            copy = copy_event(event)
            for holder, leaf in holders(copy, path):
                if holder.get(leaf) is not None:
                    holder[leaf] = new(rng, holder[leaf])
            changed.append(copy)
        return changed

    return apply


def rewrite(path: str, new: Callable[[Any], Any]) -> Callable[[random.Random, Events, Events, float], Events]:
    """A fault that makes something else of the values of a path."""
    return change(path, lambda rng, value: new(value))


def fill(path: str, value: Any) -> Callable[[random.Random, Events, Events, float], Events]:
    """A fault that puts one value in place of those of a path."""
    return change(path, lambda rng, old: value)


def change_event(condition: Callable[[Event], bool], edit: Callable[[random.Random, Event], None]) -> Callable[..., Events]:
    """A fault that edits a share of the events for which a condition holds."""

    def apply(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
        changed = []
        for event in events:
            if not condition(event) or rng.random() >= share:
                changed.append(event)
                continue
            copy = copy_event(event)
            edit(rng, copy)
            changed.append(copy)
        return changed

    return apply


def drop(condition: Callable[[Event], bool]) -> Callable[..., Events]:
    """A fault that loses a share of the events for which a condition holds."""

    def apply(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
        return [event for event in events if not (condition(event) and rng.random() < share)]

    return apply


def instant(text: str) -> datetime:
    """Read an instant of the contract."""
    return datetime.fromisoformat(text)


def iso(moment: datetime) -> str:
    """Write an instant as the contract does."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def shift(event: Event, names: tuple[str, ...], by: timedelta) -> None:
    """Move clocks of an event."""
    for name in names:
        event[name] = iso(instant(event[name]) + by)


def new_id(rng: random.Random) -> str:
    """A fresh event_id."""
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def rebalance(order: Event) -> None:
    """Make an order's total fit its other amounts, so that only a window's rules can object."""
    items = sum(item["quantity"] * item["unit_price"] for item in order["items"])
    order["discount"] = min(order["discount"], round(items, 2))
    order["total"] = round(items - order["discount"] + order["tax"] + order["shipping"], 2)


def always(event: Event) -> bool:
    """True."""
    return True


def is_type(kind: str) -> Callable[[Event], bool]:
    """Whether an event is of a type."""
    return lambda event: event["event_type"] == kind


def where(condition: Callable[[Event], bool], apply: Callable[..., Events]) -> Callable[..., Events]:
    """The fault in the events for which a condition holds."""

    def applied(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
        return [apply(rng, [event], earlier, share)[0] if condition(event) else event for event in events]

    return applied


def in_one(path: str, apply: Callable[..., Events]) -> Callable[..., Events]:
    """The fault in the second most frequent value of a field only."""

    def applied(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
        chosen = frequent(events, path)[-1]
        return where(lambda event: chosen in values(event, path), apply)(rng, events, earlier, share)

    return applied


def frequent(events: Events, path: str) -> list[Any]:
    """The two most frequent values of a field."""
    counts: dict[Any, int] = {}
    for event in events:
        for value in values(event, path):
            counts[value] = counts.get(value, 0) + 1
    return sorted(counts, key=lambda value: -counts[value])[:2]
