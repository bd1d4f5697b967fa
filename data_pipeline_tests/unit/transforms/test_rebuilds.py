"""Rebuilds are bounded, whatever comes late."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.transforms.rebuilds import MOST_DAYS_A_RUN, MOST_RUNS_AN_HOUR, REST, plan_rebuilds
from data_pipeline.transforms.stale import StaleDay

FIRST = date(2026, 3, 1)
NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)


def stale(*numbers: int) -> list[StaleDay]:
    return [StaleDay(FIRST + timedelta(days=n), f"digest-{n}", "changed") for n in numbers]


def test_neighbours_share_a_run_and_others_do_not() -> None:
    found = plan_rebuilds(stale(4, 1, 2, 9), {}, [], NOON)
    assert [[(day - FIRST).days for day in rebuild.days] for rebuild in found] == [[1, 2], [4], [9]]
    assert len({rebuild.digest for rebuild in found}) == 3


def test_a_day_that_was_asked_for_rests_and_is_then_asked_for_again() -> None:
    asked = {FIRST: NOON - REST + timedelta(seconds=1)}
    assert plan_rebuilds(stale(0), asked, [], NOON) == []
    assert [rebuild.first for rebuild in plan_rebuilds(stale(0), asked, [], NOON + timedelta(seconds=1))] == [FIRST]


@given(st.lists(st.sets(st.integers(0, 30)), min_size=1, max_size=60), st.integers(1, 90))
def test_no_hour_has_more_runs_than_allowed_and_every_day_gets_its_turn(rounds: list[set[int]], minutes: int) -> None:
    asked: dict[date, datetime] = {}
    run_times: list[datetime] = []
    waiting: set[int] = set()
    now = NOON
    for touched in [*rounds, *[set()] * 500]:
        waiting |= touched
        found = plan_rebuilds(stale(*waiting), asked, run_times, now)
        for rebuild in found:
            assert len(rebuild.days) <= MOST_DAYS_A_RUN
            for day in rebuild.days:
                assert day not in asked or now - asked[day] >= REST
                waiting.remove((day - FIRST).days)
                asked[day] = now
        run_times += [now] * len(found)
        assert sum(now - at < timedelta(hours=1) for at in run_times) <= MOST_RUNS_AN_HOUR
        now += timedelta(minutes=minutes)
        if not waiting and not touched:
            break
    assert not waiting
