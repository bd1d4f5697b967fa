"""Whatever the order of rows, hours and days: the same tables. Skew, year ends, leap days and shifts of clocks change nothing.

A build costs seconds and a row costs nothing, so an example is a world of many visitors, each a timeline of its own; hypothesis
chooses the world, how late rows come, and the order in which days are built.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_pipeline.common.layout import lake_prefix
from data_pipeline.common.manifest import require_manifest
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.transforms import build_day
from data_pipeline_tests.staged_data import instant, publish_staged, staged_row
from data_pipeline_tests.unit.transforms import oracle
from data_pipeline_tests.unit.transforms.compare import Rows, differences, rows_of
from data_pipeline_tests.unit.transforms.test_rules import batch, frame
from data_pipeline_tests.unit.transforms.worlds import DAYS, SOURCES, make_world

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

TABLES = ("events", "conflicts", "sessions", "order_items", "identities")
# Every event of the worlds lies on these days; two of them share a midnight with each neighbour.
BUILT = DAYS[:4]


@pytest.mark.timeout(900)
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10_000), order=st.permutations(BUILT), hours_late=st.sampled_from([0, 3, 26, 400]))
def test_days_built_in_any_order_from_rows_in_any_hours_are_one_batch(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, seed: int, order: list[date], hours_late: int
) -> None:
    chance = random.Random(seed)
    rows = make_world(seed, visitors=40)
    # Each row comes in an hour of its own choice: the cut into hours is as free as the order of rows within one.
    rows = [
        {**row, "received_at": row["received_at"] + timedelta(hours=chance.choice((0, 0, hours_late)))}
        if row["received_at"] - row["occurred_at"] < timedelta(days=2)
        else row
        for row in rows
    ]
    chance.shuffle(rows)
    store = LocalObjectStore(tmp_path_factory.mktemp("world"))
    publish_staged(store, rows, [*DAYS, DAYS[-1] + timedelta(days=1)], SOURCES)
    for day in order:
        build_day(day, store, spark, run_id="run", sources=SOURCES)
    found: dict[str, Rows] = {name: [] for name in TABLES}
    for day in BUILT:
        for name in TABLES:
            found[name] += rows_of(store, require_manifest(store, lake_prefix(name, day), name))
    assert differences(found, oracle.tables(rows)) == {}


def test_one_visitor_with_a_fifth_of_all_events_is_cut_like_any_other(spark: SparkSession, tmp_path: Path) -> None:
    rows = make_world(3, visitors=150)
    start = instant("2026-03-14T00:00")
    count = len(rows) // 4
    # Re-sent a thousand times, too: all copies of an id are one group.
    rows += [
        staged_row("page_view", start + timedelta(seconds=50 * n), offset=100_000 + n, source="web", anonymous_id="crawler", user_id=None)
        for n in range(count)
    ]
    heavy = rows[-1]
    rows += [{**heavy, "kafka_offset": 200_000 + n, "received_at": heavy["received_at"] + timedelta(seconds=n)} for n in range(1_000)]
    expected = oracle.tables(rows)
    found = batch(frame(spark, tmp_path, rows))
    assert len(found["events"]) == len(expected["events"])
    assert [row["event_count"] for row in found["sessions"] if row["anonymous_id"] == "crawler"] == [count]
    assert _keyed(found["sessions"]) == _keyed(expected["sessions"])


@pytest.mark.parametrize(
    "midnight",
    [
        "2026-01-01T00:00",  # a year's end
        "2017-01-01T00:00",  # after a leap second, which Unix time does not count
        "2028-02-29T00:00",  # a leap day
        "2028-03-01T00:00",
    ],
)
def test_a_session_goes_on_across_any_midnight(spark: SparkSession, tmp_path: Path, midnight: str) -> None:
    at = instant(midnight)
    rows = _walk(at - timedelta(minutes=50), 6)
    assert differences(batch(frame(spark, tmp_path, rows)), oracle.tables(rows)) == {}
    sessions = batch(frame(spark, tmp_path, rows))["sessions"]
    assert [(row["session_date"], row["event_count"]) for row in sessions] == [((at - timedelta(days=1)).date(), 6)]


def test_clocks_that_are_put_forward_or_back_somewhere_change_nothing(spark: SparkSession, tmp_path: Path) -> None:
    # Europe and New York, both ways: an hour that is missing or comes twice there is an hour like any other in UTC.
    shifts = ("2026-03-29T01:00", "2026-10-25T01:00", "2026-03-08T07:00", "2026-11-01T06:00")
    rows: list[dict[str, Any]] = []
    for number, shift in enumerate(shifts):
        rows += _walk(instant(shift) - timedelta(minutes=50), 6, visitor=f"v{number}", offset=100 * number)
    found = batch(frame(spark, tmp_path, rows))
    assert differences(found, oracle.tables(rows)) == {}
    assert sorted(row["duration_ms"] for row in found["sessions"]) == [100 * 60_000] * 4


def _walk(start: Any, steps: int, visitor: str = "v", offset: int = 0) -> list[dict[str, Any]]:
    return [
        staged_row(
            "page_view",
            start + timedelta(minutes=20 * n),
            offset=offset + n,
            anonymous_id=visitor,
            user_id=None,
            page={"url": "https://a.example/", "title": None, "referrer": None},
            context=dict.fromkeys(("country", "os", "device_type")),
        )
        for n in range(steps)
    ]


def _keyed(sessions: list[dict[str, Any]]) -> dict[Any, Any]:
    return {(row["anonymous_id"], row["started_at"]): (row["ended_at"], row["event_count"], row["engaged_ms"]) for row in sessions}
