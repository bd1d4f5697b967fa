"""Days leave the warehouse for the archive and come back as they were; nothing archived is replaced by less."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.layout import archive_prefix
from data_pipeline.common.manifest import require_manifest
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.contracts.tables import EVENTS, WAREHOUSE_TABLES
from data_pipeline.warehouse.archive import archive_days, days_before, first_kept_day, restore_days
from data_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from data_pipeline_tests.warehouse_data import DAYS, load_sample, publish_day, rows_of_day, sample_tables

SATURDAY, SUNDAY, MONDAY = DAYS


@pytest.fixture
def store(tmp_path: Path) -> LocalObjectStore:
    return LocalObjectStore(tmp_path / "store")


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    load_sample(tmp_path / "analytics.duckdb")
    return DuckDBWarehouse(tmp_path / "analytics.duckdb", wait_s=5)


def contents(warehouse: DuckDBWarehouse) -> dict[str, list[str]]:
    return {table.name: sorted(map(repr, warehouse.fetch(f"select * from warehouse.{table.name}").rows)) for table in WAREHOUSE_TABLES}


@pytest.mark.parametrize(
    ("today", "first"),
    [(date(2026, 11, 24), date(2024, 11, 1)), (date(2026, 1, 31), date(2024, 1, 1)), (date(2024, 2, 29), date(2022, 2, 1))],
)
def test_whole_months_stay_for_two_years(today: date, first: date) -> None:
    assert first_kept_day(today) == first


def test_days_that_left_come_back_as_they_were(warehouse: DuckDBWarehouse, store: LocalObjectStore) -> None:
    before = contents(warehouse)
    moved = archive_days(warehouse, WAREHOUSE_TABLES, MONDAY, store, "run/1")
    assert {(item.table, item.day) for item in moved} >= {("events", SATURDAY), ("events", SUNDAY), ("sessions", SATURDAY)}
    for table in WAREHOUSE_TABLES:
        assert days_before(warehouse, table, MONDAY) == []
    assert sum(item.rows for item in moved) + sum(map(len, contents(warehouse).values())) == sum(map(len, before.values()))
    restored = restore_days(warehouse, WAREHOUSE_TABLES, [SATURDAY, SUNDAY], store, "run-2")
    assert {(item.table, item.day, item.rows) for item in restored} >= {(item.table, item.day, item.rows) for item in moved}
    assert contents(warehouse) == before
    with pytest.raises(PermanentError, match=f"no archive of {MONDAY}"):
        restore_days(warehouse, WAREHOUSE_TABLES, [MONDAY], store, "run-3")


def test_a_kill_between_archive_and_drop_loses_nothing_and_the_next_run_goes_on(
    warehouse: DuckDBWarehouse, store: LocalObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(warehouse)

    def die(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(DuckDBWarehouse, "drop_window", die)
        with pytest.raises(KeyboardInterrupt):
            archive_days(warehouse, [EVENTS], MONDAY, store, "killed")
    assert contents(warehouse) == before
    archive_days(warehouse, [EVENTS], MONDAY, store, "again")
    restore_days(warehouse, [EVENTS], [SATURDAY, SUNDAY], store, "back")
    assert contents(warehouse) == before
    assert {info.key for info in store.list("archive/") if info.key.endswith(".parquet")} == {
        entry.key
        for day in (SATURDAY, SUNDAY)
        for entry in require_manifest(store, archive_prefix("events", day), "archive/events").entries
    }


def test_rows_that_came_after_the_archive_keep_the_day_and_never_replace_more(warehouse: DuckDBWarehouse, store: LocalObjectStore) -> None:
    archived = warehouse.archive_window(EVENTS, SATURDAY, store, run_id="one")
    few = publish_day(store, EVENTS, SATURDAY, rows_of_day(EVENTS, sample_tables()["events"], SATURDAY).slice(0, 2))
    warehouse.replace_window(EVENTS, SATURDAY, few, store, run_id="late")
    with pytest.raises(PermanentError, match=rf"has 2 rows of {SATURDAY}, its archive has {archived.row_count}"):
        warehouse.drop_window(EVENTS, SATURDAY, archived, run_id="one")
    assert days_before(warehouse, EVENTS, SATURDAY + timedelta(days=1)) == [SATURDAY]
    with pytest.raises(PermanentError, match="never replaced by less"):
        warehouse.archive_window(EVENTS, SATURDAY, store, run_id="two")
    assert require_manifest(store, archive_prefix("events", SATURDAY), "archive").row_count == archived.row_count
    for entry in archived.entries:
        assert store.find(entry.key) is not None
