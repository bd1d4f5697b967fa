"""One round of the surge planner: read what is waiting, decide, remember the decision with its reason.

Belongs here: the round and its record, one object replaced by conditional put. Does not: the policy (`surge.py`), measuring lag,
setting concurrency (given as functions).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from data_pipeline.common.errors import PermanentError, TransientError
from data_pipeline.common.object_store import ObjectStore, PreconditionFailedError
from data_pipeline.operations.surge import SurgePolicy, SurgeState, decide, first_state

SURGE_KEY = "operations/surge.json"
_KEPT = 1440
"""Decisions that the record keeps: a day of one a minute."""
_ATTEMPTS = 5


@dataclass(frozen=True)
class Demand:
    """What waits and what arrives, over all sources.

    Attributes:
        backlog_events: offsets that have not landed.
        rate_per_s: records that arrive a second.
    """

    backlog_events: float
    rate_per_s: float


@dataclass(frozen=True)
class Decision:
    """One decision.

    Attributes:
        at: when, ISO.
        backlog_events: what waited.
        rate_per_s: what arrived.
        before: workers before.
        workers: workers from now on.
        is_capped: whether money or the greatest number kept it below the need.
        reason: one sentence.
    """

    at: str
    backlog_events: float
    rate_per_s: float
    before: int
    workers: int
    is_capped: bool
    reason: str


def plan_round(
    store: ObjectStore, policy: SurgePolicy, measure: Callable[[], Demand], set_workers: Callable[[int], None], now: datetime
) -> Decision:
    """Measure, decide, set, and remember. Two planners at once: the one that loses the conditional put sets nothing.

    Raises:
        TransientError: what it asks did not answer; the number of workers stays, and the next round decides.
    """
    demand = measure()
    for _ in range(_ATTEMPTS):
        found = store.find(SURGE_KEY)
        state, decisions = (first_state(policy, now.timestamp()), []) if found is None else _parse(found.data, store.url(SURGE_KEY))
        # The clocks of two machines differ by a little; time never runs backwards for the policy.
        after = decide(policy, state, max(now.timestamp(), state.at_s), demand.backlog_events, demand.rate_per_s)
        decision = Decision(
            now.astimezone(UTC).isoformat(timespec="seconds"),
            demand.backlog_events,
            demand.rate_per_s,
            state.workers,
            after.workers,
            after.is_capped,
            explain(policy, state, after, demand),
        )
        data = _render(after, [*decisions, decision][-_KEPT:])
        try:
            if found is None:
                store.create(SURGE_KEY, data)
            else:
                store.replace(SURGE_KEY, data, found.etag)
        except PreconditionFailedError:
            continue
        # After the record: a planner that dies in between has its number set again by the next round, which finds it there.
        set_workers(after.workers)
        return decision
    raise TransientError(f"{store.url(SURGE_KEY)} was changed by other planners {_ATTEMPTS} times in a row; the next round decides.")


def read_decisions(store: ObjectStore) -> list[Decision]:
    """The decisions that are remembered, oldest first."""
    found = store.find(SURGE_KEY)
    return [] if found is None else _parse(found.data, store.url(SURGE_KEY))[1]


def explain(policy: SurgePolicy, before: SurgeState, after: SurgeState, demand: Demand) -> str:
    """Why that number, in one sentence with the numbers it rests on."""
    asks = f"{demand.rate_per_s:,.0f} events/s arrive and {demand.backlog_events:,.0f} wait"
    if after.is_capped:
        return (
            f"{asks}: {after.workers} workers are fewer than needed, since at most {policy.max_workers} are allowed and "
            f"{after.spent_today:,.2f} of {policy.cost_cap_per_day:,.2f} USD are spent today"
        )
    if after.workers > before.workers:
        return f"{asks}: {before.workers} workers are too few, {after.workers} land both within {policy.drain_s:g} s"
    if after.workers < before.workers:
        return f"{asks}: {after.workers} workers have been enough for {policy.cool_down_s:g} s"
    if after.low_since_s is not None:
        waited = after.at_s - after.low_since_s
        return f"{asks}: fewer than {after.workers} workers would do, for {waited:,.0f} of {policy.cool_down_s:g} s so far"
    return f"{asks}: {after.workers} workers are right"


def _render(state: SurgeState, decisions: Sequence[Decision]) -> bytes:
    document = {"state": asdict(state), "decisions": [asdict(decision) for decision in decisions]}
    return json.dumps(document, indent=1).encode() + b"\n"


def _parse(data: bytes, where: str) -> tuple[SurgeState, list[Decision]]:
    try:
        document: dict[str, Any] = json.loads(data)
        return SurgeState(**document["state"]), [Decision(**item) for item in document["decisions"]]
    except (KeyError, TypeError, ValueError) as error:
        raise PermanentError(
            f"{where} is no record of the surge planner ({error!r}); delete it, and the fewest workers are begun with."
        ) from error
