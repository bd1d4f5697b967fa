"""Tries a surge policy on rates: what backlog, lag, workers and cost would have been.

Workers are up some time after they are asked for. The lag is the age of the oldest event that has not landed.
Belongs here: the simulation, pure. Does not: the policy (`surge.py`), where rates come from, or printing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data_pipeline.operations.surge import SurgePolicy, decide, first_state

DECIDE_EVERY_S = 10
STARTUP_S = 20
"""From the decision until a worker lands its first event: a Lambda or container with its connections."""


@dataclass(frozen=True)
class Surge:
    """A time in which the rate is a multiple of what it would have been.

    Attributes:
        start_s: its beginning, seconds of the series.
        length_s: how long it lasts.
        factor: the multiple.
    """

    start_s: int
    length_s: int
    factor: float


@dataclass(frozen=True)
class Simulation:
    """A series a second: arrays of one length.

    Attributes:
        rate: events arriving.
        asked: workers asked for.
        up: workers that land.
        lag_s: age of the oldest event that has not landed.
        cost: spent in the UTC day so far.
        capped_s: seconds in which cap or bound kept the number below the need.
    """

    rate: np.ndarray
    asked: np.ndarray
    up: np.ndarray
    lag_s: np.ndarray
    cost: np.ndarray
    capped_s: int

    def changes(self) -> int:
        """How often the number that is asked for changed."""
        return int(np.count_nonzero(np.diff(self.asked)))

    def flaps(self, within_s: int) -> int:
        """How often the number went down, or up, and the other way again within some seconds."""
        steps = np.flatnonzero(np.diff(self.asked))
        signs = np.sign(np.diff(self.asked)[steps])
        return int(np.count_nonzero((np.diff(signs) != 0) & (signs[1:] > 0) & (np.diff(steps) < within_s)))


def with_surges(rates: Sequence[float] | np.ndarray, surges: Sequence[Surge], highest: float | None = None) -> np.ndarray:
    """A series a second with surges in it, none above `highest`."""
    series = np.asarray(rates, dtype=np.float64).copy()
    for surge in surges:
        part = slice(surge.start_s, surge.start_s + surge.length_s)
        series[part] *= surge.factor
    return series if highest is None else np.minimum(series, highest)


def simulate(policy: SurgePolicy, rates: Sequence[float] | np.ndarray, start_s: float = 0.0) -> Simulation:
    """Run the policy over a series.

    Args:
        policy: what decides.
        rates: events/s, a second each.
        start_s: epoch seconds of the first one.
    """
    rate = np.asarray(rates, dtype=np.float64)
    count = len(rate)
    asked, up, lag, cost = np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count), np.zeros(count)
    arrived = np.cumsum(rate)
    landed, oldest, capped_s = 0.0, 0, 0
    state = first_state(policy, start_s)
    for second in range(count):
        backlog = max(arrived[second] - landed, 0.0)
        if second % DECIDE_EVERY_S == 0:
            recent = rate[max(second - DECIDE_EVERY_S + 1, 0) : second + 1].mean()
            state = decide(policy, state, start_s + second, backlog, float(recent))
        capped_s += state.is_capped
        asked[second] = state.workers
        # New workers take their time; those that are let go stop at once.
        before = asked[max(second - STARTUP_S, 0) : second + 1]
        up[second] = before.min()
        landed = min(landed + up[second] * policy.worker_rate, arrived[second])
        while oldest < second and arrived[oldest] <= landed:
            oldest += 1
        lag[second] = 0.0 if landed >= arrived[second] else second - oldest + 1
        cost[second] = state.spent_today + state.workers * (start_s + second - state.at_s) / 3600 * policy.worker_cost_per_hour
    return Simulation(rate, asked, up, lag, cost, capped_s)
