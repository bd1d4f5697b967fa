"""How many workers land at once: from backlog and rate to a number, with bounds, cool-down, hysteresis and a cap on cost.

Up at once, down slowly: too few workers cost lag, which is promised; too many cost money for a cool-down, which is bounded. Between
both lies a band in which nothing changes, so that a rate that wavers around a whole number of workers does not make them come and go.
Belongs here: the policy, pure. Does not: measuring lag, starting workers, or trying the policy on rates (`surge_simulation.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from data_pipeline.common.errors import PermanentError


@dataclass(frozen=True)
class SurgePolicy:
    """The policy's constants.

    Attributes:
        min_workers: never fewer.
        max_workers: never more.
        worker_rate: events/s that one worker lands.
        headroom: capacity over the arriving rate, a factor of at least 1.
        drain_s: seconds in which a backlog is to be worked off, on top of what arrives.
        cool_down_s: seconds for which fewer workers must have been enough before any is let go.
        band: share by which the rate could rise, 0 to 1, without the need for a worker that is let go.
        worker_cost_per_hour: what an hour of one worker costs.
        cost_cap_per_day: what all workers of a UTC day may cost.
    """

    min_workers: int = 1
    max_workers: int = 32
    worker_rate: float = 60_000.0
    headroom: float = 1.2
    drain_s: float = 30.0
    cool_down_s: float = 300.0
    band: float = 0.2
    worker_cost_per_hour: float = 0.10
    cost_cap_per_day: float = 24.0

    def __post_init__(self) -> None:
        problems = {
            f"min_workers {self.min_workers} must be 1 or more, and no more than max_workers {self.max_workers}": (
                1 <= self.min_workers <= self.max_workers
            ),
            f"worker_rate {self.worker_rate} must be above 0": self.worker_rate > 0,
            f"headroom {self.headroom} must be 1 or more": self.headroom >= 1,
            f"drain_s {self.drain_s} must be above 0": self.drain_s > 0,
            f"cool_down_s {self.cool_down_s} must be 0 or more": self.cool_down_s >= 0,
            f"band {self.band} must be between 0 and 1": 0 <= self.band < 1,
            f"cost_cap_per_day {self.cost_cap_per_day} must pay for min_workers all day ({self.floor_cost_per_day:.2f})": (
                self.cost_cap_per_day >= self.floor_cost_per_day
            ),
        }
        wrong = [sentence for sentence, is_right in problems.items() if not is_right]
        if wrong:
            raise PermanentError(f"The surge policy's {wrong[0]}; correct it.")

    @property
    def floor_cost_per_day(self) -> float:
        """What the fewest workers cost in a day."""
        return self.min_workers * self.worker_cost_per_hour * 24


@dataclass(frozen=True)
class SurgeState:
    """What a decision hands on to the next one.

    Attributes:
        workers: how many there are to be.
        at_s: when it was decided, epoch seconds.
        low_since_s: since when fewer would be enough; None while they would not.
        low_need: the most that was needed since then.
        spent_today: cost of the UTC day so far.
        is_capped: whether the cap on cost, or the greatest number, kept it below the need: a reason for an alert.
    """

    workers: int
    at_s: float
    low_since_s: float | None = None
    low_need: int = 0
    spent_today: float = 0.0
    is_capped: bool = False


def first_state(policy: SurgePolicy, now_s: float) -> SurgeState:
    """Before anything was decided."""
    return SurgeState(policy.min_workers, now_s)


def decide(policy: SurgePolicy, state: SurgeState, now_s: float, backlog_events: float, rate_per_s: float) -> SurgeState:
    """The number of workers from now until the next decision.

    Args:
        policy: the constants.
        state: the last decision.
        now_s: epoch seconds, not before the last decision.
        backlog_events: events that have arrived and not landed.
        rate_per_s: events arriving a second.

    Raises:
        PermanentError: time runs backwards, or a number is negative or none.
    """
    if not (now_s >= state.at_s and backlog_events >= 0 and rate_per_s >= 0):
        raise PermanentError(
            f"A surge decision at {now_s} with backlog {backlog_events} and rate {rate_per_s} makes no sense after {state.at_s}; "
            "times must not run backwards, numbers must be 0 or more."
        )
    spent = _spent(policy, state, now_s)
    affordable = max(policy.min_workers, _affordable(policy, spent, now_s))
    needed = _needed(policy, backlog_events, rate_per_s)
    enough = _needed(policy, backlog_events, rate_per_s / (1 - policy.band))
    allowed, enough = (max(policy.min_workers, min(number, policy.max_workers, affordable)) for number in (needed, enough))
    ahead = SurgeState(state.workers, now_s, spent_today=spent, is_capped=needed > allowed)
    if allowed >= state.workers or state.workers > affordable:  # money ends a cool-down
        return replace(ahead, workers=allowed)
    if enough >= state.workers:
        return ahead
    low_since_s = now_s if state.low_since_s is None else state.low_since_s
    low_need = max(enough, state.low_need)
    if now_s - low_since_s >= policy.cool_down_s:
        return replace(ahead, workers=low_need)
    return replace(ahead, low_since_s=low_since_s, low_need=low_need)


def _needed(policy: SurgePolicy, backlog_events: float, rate_per_s: float) -> int:
    """How many workers land what arrives, and work off the backlog in time."""
    return math.ceil((rate_per_s * policy.headroom + backlog_events / policy.drain_s) / policy.worker_rate)


def _spent(policy: SurgePolicy, state: SurgeState, now_s: float) -> float:
    """Cost of the UTC day so far, the time since the last decision at its number of workers."""
    midnight_s = now_s - now_s % 86_400
    earlier = state.spent_today if state.at_s >= midnight_s else 0.0
    return earlier + state.workers * (now_s - max(state.at_s, midnight_s)) / 3600 * policy.worker_cost_per_hour


def _affordable(policy: SurgePolicy, spent: float, now_s: float) -> int:
    """How many workers the rest of the day's money pays for during a cool-down, once the fewest are paid for until midnight."""
    left_s = 86_400 - now_s % 86_400
    reserve = policy.min_workers * left_s / 3600 * policy.worker_cost_per_hour
    spare = policy.cost_cap_per_day - spent - reserve
    if spare <= 0:
        return policy.min_workers
    # A number is held for a cool-down at least, or to the end of the day.
    held_s = min(max(policy.cool_down_s, 60.0), left_s)
    return policy.min_workers + int(spare / (held_s / 3600 * policy.worker_cost_per_hour))
