"""The surge policy keeps its bounds whatever comes, and its promise on the recorded day."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.common.errors import PermanentError
from data_pipeline.devstack.drills import surge as drill
from data_pipeline.operations.surge import SurgePolicy, decide, first_state
from data_pipeline.operations.surge_simulation import simulate

POLICIES = st.builds(
    SurgePolicy,
    min_workers=st.integers(1, 3),
    max_workers=st.integers(3, 50),
    worker_rate=st.floats(1_000, 100_000),
    cool_down_s=st.floats(0, 600),
    band=st.floats(0, 0.9),
    cost_cap_per_day=st.floats(7.3, 100),
)
STEPS = st.lists(st.tuples(st.floats(1, 900), st.floats(0, 1e8), st.floats(0, 1e6)), min_size=1, max_size=120)


@settings(max_examples=150, deadline=None)
@given(POLICIES, STEPS)
def test_bounds_cap_and_cool_down_hold_whatever_comes(policy: SurgePolicy, steps: list[tuple[float, float, float]]) -> None:
    state, needs = first_state(policy, 0.0), [(0.0, policy.min_workers)]
    cost = 0.0
    for wait_s, backlog, rate in steps:
        before, now_s = state, state.at_s + wait_s
        cost = (cost if before.at_s // 86_400 == now_s // 86_400 else 0.0) + (
            before.workers * (now_s - max(before.at_s, now_s - now_s % 86_400)) / 3600 * policy.worker_cost_per_hour
        )
        state = decide(policy, before, now_s, backlog, rate)
        needed = (rate * policy.headroom + backlog / policy.drain_s) / policy.worker_rate
        needs.append((now_s, needed))
        assert policy.min_workers <= state.workers <= policy.max_workers
        assert state.spent_today == pytest.approx(cost)
        assert state.workers >= min(needed, policy.max_workers) or state.is_capped or state.workers == policy.min_workers
        if state.workers < before.workers and not state.is_capped and state.workers >= needed:
            held = [need for at_s, need in needs if now_s - policy.cool_down_s <= at_s < now_s]
            assert all(need <= before.workers for need in held)


def test_the_cap_on_cost_is_kept_and_reported() -> None:
    policy = SurgePolicy(cost_cap_per_day=5.0, max_workers=40)
    rates = np.full(86_400, 900_000.0)
    simulation = simulate(policy, rates)
    assert simulation.cost.max() <= 5.0
    assert simulation.asked.max() > 1
    assert simulation.capped_s > 40_000


def test_a_rate_that_wavers_around_a_whole_number_changes_nothing() -> None:
    policy = SurgePolicy(worker_rate=10_000, headroom=1.0)
    seconds = np.arange(7_200)
    simulation = simulate(policy, 50_000 + 2_000 * np.sin(seconds / 40))
    assert simulation.changes() <= 2
    assert simulation.lag_s[600:].max() < 10


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"min_workers": 5, "max_workers": 4}, "min_workers 5 must be 1 or more"),
        ({"worker_rate": 0}, "worker_rate 0 must be above 0"),
        ({"cost_cap_per_day": 1.0}, "cost_cap_per_day 1.0 must pay for min_workers all day \\(2.40\\)"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(options: dict[str, float], sentence: str) -> None:
    with pytest.raises(PermanentError, match=sentence):
        SurgePolicy(**options)  # type: ignore[arg-type]


def test_the_drill_keeps_the_promise_and_draws_it(tmp_path) -> None:
    picture = tmp_path / "surge.svg"
    done = CliRunner().invoke(drill.command, ["--json", "--picture", str(picture)])
    found = json.loads(done.stdout)
    assert done.exit_code == 0, found
    assert found["peak_rate_per_s"] == 500_000
    assert found["lag_s_max_once_up"] < 60
    assert (found["flaps"], found["capped_s"]) == (0, 0)
    assert found["cost"] < found["cost_cap"]
    assert picture.read_text().count("<polyline") == 4
    # Too few workers: the drill says so instead of passing.
    assert CliRunner().invoke(drill.command, ["--json", "--max-workers", "4"]).exit_code == 1
