"""Days built one by one, from hours in any order, against one batch over everything; and late rows that heal."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.layout import lake_prefix
from data_pipeline.common.manifest import read_manifest
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.transforms import build_day, stale_days
from data_pipeline_tests.staged_data import instant, publish_staged, resend, staged_row
from data_pipeline_tests.unit.transforms import oracle
from data_pipeline_tests.unit.transforms.compare import Rows, differences, rows_of
from data_pipeline_tests.unit.transforms.worlds import DAYS, SOURCES, make_world

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

TABLES = ("events", "conflicts", "sessions", "order_items", "identities")


@pytest.fixture
def store(tmp_path: Path) -> LocalObjectStore:
    return LocalObjectStore(tmp_path / "store")


def build(store: LocalObjectStore, spark: SparkSession, day: date, run_id: str = "run") -> Any:
    return build_day(day, store, spark, run_id=run_id, sources=SOURCES)


def lake(store: LocalObjectStore, days: list[date]) -> dict[str, Rows]:
    found: dict[str, Rows] = {name: [] for name in TABLES}
    for day in days:
        for name in TABLES:
            published = read_manifest(store, lake_prefix(name, day))
            found[name] += rows_of(store, published.manifest) if published else []
    return found


def generations(store: LocalObjectStore, day: date) -> dict[str, int]:
    published = {name: read_manifest(store, lake_prefix(name, day)) for name in TABLES}
    return {name: found.manifest.generation for name, found in published.items() if found}


@pytest.mark.timeout(1200)
def test_any_split_order_and_lateness_gives_the_tables_of_one_batch(spark: SparkSession, store: LocalObjectStore) -> None:
    chance = random.Random(7)
    rows = make_world(7, visitors=60)
    chance.shuffle(rows)
    early = [row for row in rows if row["occurred_at"].date() != DAYS[1] or row["kafka_offset"] % 3]
    # Hours of their own, as late rows have: an hour that is staged again touches every day that it holds rows of.
    late = [{**row, "received_at": instant("2026-04-12T05:00")} for row in rows if row not in early]
    days = list(DAYS)
    publish_staged(store, early, [*DAYS, DAYS[-1] + timedelta(days=1)], SOURCES)

    chance.shuffle(days)
    for day in days:
        counts = build(store, spark, day).manifests["events"].counts
        assert counts["rows_in"] == sum(row["occurred_at"].date() == day for row in early)
        assert counts["duplicates"] == sum(row["event_date"] == day for row in oracle.tables(early)["duplicates"])
    before = oracle.tables(early)
    assert all(before.values())
    assert differences(lake(store, DAYS), before) == {}
    assert stale_days(store, SOURCES, DAYS) == []

    publish_staged(store, late)
    after = oracle.tables(early + late)
    touched = stale_days(store, SOURCES, DAYS)
    assert [found.day for found in touched] == [DAYS[1]]
    rebuilt = []
    while touched and len(rebuilt) < 12:
        for found in touched:
            build(store, spark, found.day, "healing")
            rebuilt.append(found.day)
        touched = stale_days(store, SOURCES, DAYS)
    assert differences(lake(store, DAYS), after) == {}
    assert len(rebuilt) <= len(set(rebuilt)) + 1, "a day is built again once, not until it happens to settle"


def test_building_again_changes_nothing_and_repairs_what_was_damaged(spark: SparkSession, store: LocalObjectStore) -> None:
    day = DAYS[1]
    rows = [staged_row("page_view", instant("2026-03-14T10:00") + timedelta(minutes=n), offset=n, source="web") for n in range(5)]
    publish_staged(store, rows, [day], SOURCES)
    first = build(store, spark, day, "one")
    again = build(store, spark, day, "two")
    assert again.manifests == first.manifests
    kept = {entry.key for manifest in first.manifests.values() for entry in manifest.entries}
    assert {info.key for info in store.list("lake/") if info.key.endswith(".parquet")} == kept
    assert not first.manifests["sessions"].details["is_final"]

    entry = first.manifests["events"].entries[0]
    store.put(entry.key, store.get(entry.key)[:-7])
    repaired = build(store, spark, day, "three")
    assert repaired.manifests["events"].entries[0].key != entry.key
    assert len(rows_of(store, repaired.manifests["events"])) == 5

    publish_staged(store, [], [day + timedelta(days=1)], SOURCES)
    assert [found.day for found in stale_days(store, SOURCES, [day])] == [day]
    assert all(row["is_final"] for row in rows_of(store, build(store, spark, day).manifests["sessions"]))


def test_day_without_rows_is_empty_and_a_day_without_hours_is_an_error(spark: SparkSession, store: LocalObjectStore) -> None:
    publish_staged(store, [], [DAYS[0]], SOURCES)
    built = build(store, spark, DAYS[0])
    assert {name: (manifest.row_count, list(manifest.entries)) for name, manifest in built.manifests.items()} == dict.fromkeys(
        TABLES, (0, [])
    )
    with pytest.raises(PermanentError, match=r"No hour of 2026-05-01 is validated for server, web"):
        build(store, spark, date(2026, 5, 1))


def test_manifest_that_names_what_is_gone_or_broken_stops_the_day(spark: SparkSession, store: LocalObjectStore) -> None:
    rows = [staged_row("page_view", instant(f"2026-03-14T{hour}:00"), offset=hour, source="web") for hour in (10, 11)]
    publish_staged(store, rows, [DAYS[1]], SOURCES)
    objects = [info.key for info in store.list("staged/") if info.key.endswith(".parquet")]
    whole = store.get(objects[0])
    store.put(objects[0], whole[: len(whole) // 2])
    with pytest.raises(PermanentError, match=rf"{objects[0]} cannot be read as Parquet"):
        build(store, spark, DAYS[1])
    store.delete(objects[0])
    with pytest.raises(PermanentError, match=rf"{objects[0]}, which a manifest names, does not exist"):
        build(store, spark, DAYS[1])
    assert generations(store, DAYS[1]) == {}


def test_manifests_that_count_other_rows_publish_nothing(spark: SparkSession, store: LocalObjectStore) -> None:
    row = staged_row("page_view", instant("2026-03-14T10:00"), offset=1, source="web")
    publish_staged(store, [row], [DAYS[1]], SOURCES)
    key = next(info.key for info in store.list("staged/") if b'"2026-03-14": 1' in store.get(info.key))
    store.put(key, store.get(key).replace(b'"2026-03-14": 1', b'"2026-03-14": 2'))
    with pytest.raises(PermanentError, match=r"1 events \+ 0 duplicates \+ 0 conflicts = 1, but the staged manifests count 2 rows"):
        build(store, spark, DAYS[1])
    assert generations(store, DAYS[1]) == {}


def test_first_received_wins_across_days_whichever_is_built_first(spark: SparkSession, store: LocalObjectStore) -> None:
    first = staged_row("page_view", instant("2026-03-14T23:50"), offset=1, source="web")
    other_day = resend(
        first, offset=2, occurred_at=instant("2026-03-15T09:00"), received_at=instant("2026-03-15T09:00"), content_hash="another"
    )
    later_copy = resend(first, offset=3, received_at=instant("2026-04-13T23:00"))
    publish_staged(store, [other_day], [DAYS[1], DAYS[2]], SOURCES)
    alone = build(store, spark, DAYS[2])
    assert alone.manifests["events"].row_count == 1

    # The first one arrives from a backfill: its day has it, and the other day, though none of its own hours changed, is out of date.
    publish_staged(store, [first, later_copy])
    counts = build(store, spark, DAYS[1]).manifests["events"].counts
    assert counts == {"rows_in": 2, "rows_out": 1, "duplicates": 1, "conflicts": 0}
    assert [found.day for found in stale_days(store, SOURCES, [DAYS[1], DAYS[2]])] == [DAYS[1], DAYS[2]]
    rebuilt = build(store, spark, DAYS[2])
    build(store, spark, DAYS[1])
    assert rebuilt.manifests["events"].counts == {"rows_in": 1, "rows_out": 0, "duplicates": 0, "conflicts": 1}
    assert stale_days(store, SOURCES, [DAYS[1], DAYS[2]]) == []
