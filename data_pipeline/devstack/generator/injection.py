"""Chooses events and breaks them.

Belongs here: which events are broken, how often each way. Does not: the ways (`faults.py`).
"""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_pipeline.common.errors import PermanentError
from data_pipeline.devstack.generator.batch import EVENT_ID_CONFLICT
from data_pipeline.devstack.generator.delivery import refunded_purchases
from data_pipeline.devstack.generator.events import NOT_A_COPY, Events
from data_pipeline.devstack.generator.faults import BY_NAME, FAULTS, Fault, Scene
from data_pipeline.devstack.generator.hashing import hash64, unit
from data_pipeline.devstack.generator.rhythm import Traffic

_ID_SLICE = slice(13, 49)
"""Where the event_id stands in a rendered value."""
_LOOK_BACK = 200

Broken = list[tuple[int, tuple[str, ...]]]


def check_faults(rate: float, names: Sequence[str] | None) -> None:
    """PermanentError where the rate is no share or a name is none of a fault or `event_id_conflict`."""
    if not 0.0 <= rate <= 1.0:
        raise PermanentError(f"A fault rate of {rate} is no share; give a number from 0 to 1, such as 0.01.")
    unknown = [name for name in names or () if name not in BY_NAME and name != EVENT_ID_CONFLICT]
    if unknown:
        raise PermanentError(f"'{unknown[0]}' is not a fault; there are {', '.join(sorted([*BY_NAME, EVENT_ID_CONFLICT]))}.")


def inject_faults(
    traffic: Traffic, source: str, events: Events, values: pa.BinaryArray, rate: float, names: Sequence[str] | None = None
) -> tuple[pa.BinaryArray, Broken]:
    """Break a share of the values.

    Args:
        traffic: seeds the choice.
        source: suffix of the topic.
        events: what the values are; re-sends and their originals, and purchases that are refunded, stay whole.
        values: rendered events.
        rate: share of the events that are broken.
        names: faults to choose from; all where None.

    Returns:
        The values, and (row, rules) of those that were broken, by row.
    """
    if rate <= 0 or not len(events):
        return values, []
    is_whole = (events.has_copy == 1) | (events.original_received_at != NOT_A_COPY) | refunded_purchases(traffic, events)
    chosen = ~is_whole & (unit(hash64(traffic.key("fault", source), events.serials)) < rate)
    may_be_copied = ~is_whole & ~chosen
    broken: Broken = []
    replacements: list[bytes | None] = []
    for row in np.flatnonzero(chosen).tolist():
        value: bytes = values[row].as_py()
        dice = random.Random(int(events.serials[row]) ^ traffic.key("dice", source))
        scene = Scene(source, int(events.received_at[row]), dice)
        for choice in _shuffled(dice, names):
            result = _reuse_id(value, row, events, values, may_be_copied) if choice is None else choice.apply(value, scene)
            if result != value:
                broken.append((row, (EVENT_ID_CONFLICT,) if choice is None else choice.rules))
                replacements.append(result)
                break
    if not broken:
        return values, []
    numbers = np.arange(len(events))
    numbers[[row for row, _ in broken]] = len(events) + np.arange(len(broken))
    return pa.concat_arrays([values, pa.array(replacements, pa.binary())]).take(pa.array(numbers)), broken


def _shuffled(dice: random.Random, names: Sequence[str] | None) -> list[Fault | None]:
    """Faults in random order; the first rule is drawn among rules, so that each rule is broken about as often."""
    allowed = _choices(tuple(names) if names is not None else None)
    groups = [list(group) for group in allowed]
    dice.shuffle(groups)
    for group in groups:
        dice.shuffle(group)
    return [choice for group in groups for choice in group]


@functools.cache
def _choices(names: tuple[str, ...] | None) -> tuple[tuple[Fault | None, ...], ...]:
    by_rules: dict[tuple[str, ...], list[Fault | None]] = {}
    for fault in FAULTS:
        if names is None or fault.name in names:
            by_rules.setdefault(fault.rules, []).append(fault)
    if names is None or EVENT_ID_CONFLICT in names:
        by_rules[(EVENT_ID_CONFLICT,)] = [None]
    return tuple(tuple(group) for group in by_rules.values())


def _reuse_id(value: bytes, row: int, events: Events, values: pa.BinaryArray, is_free: npt.NDArray[np.bool_]) -> bytes:
    """The value with the event_id of another event that was received before it; itself where there is none near."""
    first = max(0, row - _LOOK_BACK)
    earlier = np.flatnonzero(is_free[first:row] & (events.received_at[first:row] < events.received_at[row]))
    if not len(earlier):
        return value
    other: bytes = values[first + int(earlier[-1])].as_py()
    return value[: _ID_SLICE.start] + other[_ID_SLICE] + value[_ID_SLICE.stop :]
