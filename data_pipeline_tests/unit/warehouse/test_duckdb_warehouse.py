"""A day in DuckDB: replaced whole or not at all."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from data_pipeline.common.errors import PermanentError, TransientError
from data_pipeline.common.manifest import Manifest
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.contracts.columns import Column, ColumnType, Table
from data_pipeline.contracts.render import arrow_schema
from data_pipeline.contracts.tables import EVENTS, WAREHOUSE_TABLES
from data_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from data_pipeline_tests.warehouse_data import publish_day, rows_of_day, sample_tables

DAY, NEXT_DAY = date(2026, 3, 14), date(2026, 3, 15)
VISITS = Table(
    name="visits",
    description="One row a visit.",
    window_column="visit_date",
    key=("visit_id",),
    columns=(
        Column("visit_id", ColumnType.INT64, "Number.", False),
        Column("visit_date", ColumnType.DATE, "Day.", False),
        Column("began_at", ColumnType.TIMESTAMP_MS, "Instant."),
        Column("amount", ColumnType.MONEY, "Money."),
        Column("order", ColumnType.STRING, "A reserved word as a name."),
    ),
)


def visits(day: date, ids: range) -> pa.Table:
    rows = [{"visit_id": n, "visit_date": day, "began_at": None, "amount": None, "order": f"o'{n}"} for n in ids]
    return pa.Table.from_pylist(rows, schema=arrow_schema(VISITS))


@pytest.fixture
def store(tmp_path: Path) -> LocalObjectStore:
    return LocalObjectStore(tmp_path / "store")


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "state" / "analytics.duckdb", wait_s=5)


def ids(warehouse: DuckDBWarehouse, day: date = DAY) -> list[int]:
    answer = warehouse.fetch("select visit_id from warehouse.visits where visit_date = ? order by 1", [day])
    return [row[0] for row in answer.rows]


def load(warehouse: DuckDBWarehouse, store: LocalObjectStore, day: date, numbers: range, objects: int = 1) -> Manifest:
    manifest = publish_day(store, VISITS, day, visits(day, numbers), objects)
    warehouse.replace_window(VISITS, day, manifest, store, run_id="run")
    return manifest


def test_a_day_is_replaced_and_its_neighbour_stays(warehouse: DuckDBWarehouse, store: LocalObjectStore) -> None:
    load(warehouse, store, DAY, range(10), objects=3)
    load(warehouse, store, NEXT_DAY, range(10, 12))
    manifest = publish_day(store, VISITS, DAY, visits(DAY, range(5, 9)))
    loaded = warehouse.replace_window(VISITS, DAY, manifest, store, run_id="second")
    assert (loaded.rows_deleted, loaded.rows_loaded, loaded.object_count, loaded.run_id) == (10, 4, 1, "second")
    assert ids(warehouse) == [5, 6, 7, 8]
    assert ids(warehouse, NEXT_DAY) == [10, 11]


def test_a_re_run_changes_nothing(warehouse: DuckDBWarehouse, store: LocalObjectStore) -> None:
    manifest = load(warehouse, store, DAY, range(10))
    before = warehouse.fetch("select * from warehouse.visits order by all").rows
    again = warehouse.replace_window(VISITS, DAY, manifest, store, run_id="again")
    assert (again.rows_deleted, again.rows_loaded) == (10, 10)
    assert warehouse.fetch("select * from warehouse.visits order by all").rows == before


def test_an_empty_manifest_empties_the_day(warehouse: DuckDBWarehouse, store: LocalObjectStore) -> None:
    load(warehouse, store, DAY, range(3))
    load(warehouse, store, DAY, range(0))
    assert ids(warehouse) == []


def test_every_table_of_the_catalogue_arrives_as_it_was_written(warehouse: DuckDBWarehouse, store: LocalObjectStore) -> None:
    tables = sample_tables()
    for table in WAREHOUSE_TABLES:
        rows = rows_of_day(table, tables[table.name], DAY)
        warehouse.replace_window(table, DAY, publish_day(store, table, DAY, rows, 2), store, run_id="run")
        columns = ", ".join(f'"{name}"' for name in table.column_names)
        key = ", ".join(table.key)
        found = warehouse.fetch(f"select {columns} from warehouse.{table.name} order by {key}").rows
        expected = [
            tuple(_naive(value) for value in row.values()) for row in rows.sort_by([(name, "ascending") for name in table.key]).to_pylist()
        ]
        assert found == expected


def _naive(value: Any) -> Any:
    return value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value


def test_instants_are_utc_whatever_zone_the_machine_is_in(
    warehouse: DuckDBWarehouse, store: LocalObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    rows = sample_tables()["events"].slice(0, 1)
    warehouse.replace_window(EVENTS, DAY, publish_day(store, EVENTS, DAY, rows), store, run_id="run")
    assert str(warehouse.fetch("select occurred_at from warehouse.events").scalar) == "2026-03-14 09:00:00"


@contextmanager
def day_stays(warehouse: DuckDBWarehouse) -> Iterator[None]:
    before = ids(warehouse)
    yield
    assert ids(warehouse) == before == [0, 1, 2]


def test_a_missing_object_is_named(warehouse: DuckDBWarehouse, store: LocalObjectStore) -> None:
    load(warehouse, store, DAY, range(3))
    manifest = publish_day(store, VISITS, DAY, visits(DAY, range(8)), objects=2)
    store.delete(manifest.entries[1].key)
    with day_stays(warehouse), pytest.raises(PermanentError, match="does not exist") as caught:
        warehouse.replace_window(VISITS, DAY, manifest, store, run_id="run")
    assert store.url(manifest.entries[1].key) in str(caught.value)
    assert store.url(manifest.entries[0].key) not in str(caught.value)


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_a_damaged_object_is_named(warehouse: DuckDBWarehouse, store: LocalObjectStore, damage: str) -> None:
    load(warehouse, store, DAY, range(3))
    manifest = publish_day(store, VISITS, DAY, visits(DAY, range(8)))
    key = manifest.entries[0].key
    data = store.get(key)
    store.put(key, data[: len(data) // 2] if damage == "truncated" else data[:40] + bytes([data[40] ^ 1]) + data[41:])
    with day_stays(warehouse), pytest.raises(PermanentError, match="size") as caught:
        warehouse.replace_window(VISITS, DAY, manifest, store, run_id="run")
    assert store.url(key) in str(caught.value)


def test_a_wrong_count_changes_nothing(warehouse: DuckDBWarehouse, store: LocalObjectStore) -> None:
    load(warehouse, store, DAY, range(3))
    manifest = publish_day(store, VISITS, DAY, visits(DAY, range(8)))
    wrong = replace(manifest, entries=[replace(manifest.entries[0], row_count=9)])
    with day_stays(warehouse), pytest.raises(PermanentError, match="says 9 rows, its objects hold 8"):
        warehouse.replace_window(VISITS, DAY, wrong, store, run_id="run")


def test_rows_of_another_day_change_nothing(warehouse: DuckDBWarehouse, store: LocalObjectStore) -> None:
    load(warehouse, store, DAY, range(3))
    mixed = pa.concat_tables([visits(DAY, range(4)), visits(NEXT_DAY, range(1))])
    with day_stays(warehouse), pytest.raises(PermanentError, match="of which 4 have visit_date 2026-03-14"):
        warehouse.replace_window(VISITS, DAY, publish_day(store, VISITS, DAY, mixed), store, run_id="run")
    assert ids(warehouse, NEXT_DAY) == []


def test_a_manifest_of_another_day_is_refused(warehouse: DuckDBWarehouse, store: LocalObjectStore) -> None:
    manifest = publish_day(store, VISITS, NEXT_DAY, visits(NEXT_DAY, range(1)))
    with pytest.raises(PermanentError, match="is of 2026-03-15, not of 2026-03-14"):
        warehouse.replace_window(VISITS, DAY, manifest, store, run_id="run")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows.drop_columns(["amount"]), "lacks amount"),
        (lambda rows: rows.append_column("extra", pa.nulls(rows.num_rows)), "has unknown extra"),
        (
            lambda rows: rows.rename_columns(["visit_id", "visit_date", "began_at", "Amount", "order"]),
            "lacks amount and has unknown Amount",
        ),
    ],
)
def test_an_object_of_other_columns_is_refused(warehouse: DuckDBWarehouse, store: LocalObjectStore, change: Any, words: str) -> None:
    load(warehouse, store, DAY, range(3))
    manifest = publish_day(store, VISITS, DAY, change(visits(DAY, range(8))))
    with day_stays(warehouse), pytest.raises(PermanentError, match=words):
        warehouse.replace_window(VISITS, DAY, manifest, store, run_id="run")


def test_a_null_where_none_may_be_changes_nothing(warehouse: DuckDBWarehouse, store: LocalObjectStore) -> None:
    load(warehouse, store, DAY, range(3))
    rows = pa.table(
        {**visits(DAY, range(2)).to_pydict(), "visit_id": [1, None]},
        schema=pa.schema([f.with_nullable(True) for f in arrow_schema(VISITS)]),
    )
    with day_stays(warehouse), pytest.raises(PermanentError, match="NOT NULL"):
        warehouse.replace_window(VISITS, DAY, publish_day(store, VISITS, DAY, rows), store, run_id="run")


def test_columns_in_another_order_find_their_place(warehouse: DuckDBWarehouse, store: LocalObjectStore) -> None:
    rows = visits(DAY, range(2)).select(["order", "amount", "began_at", "visit_date", "visit_id"])
    warehouse.replace_window(VISITS, DAY, publish_day(store, VISITS, DAY, rows), store, run_id="run")
    assert warehouse.fetch('select visit_id, "order" from warehouse.visits order by 1').rows == [(0, "o'0"), (1, "o'1")]


def test_a_new_nullable_column_is_added(warehouse: DuckDBWarehouse, store: LocalObjectStore) -> None:
    load(warehouse, store, DAY, range(3))
    wider = replace(VISITS, columns=(*VISITS.columns[:2], Column("note", ColumnType.STRING, "New."), *VISITS.columns[2:]))
    rows = visits(NEXT_DAY, range(2)).add_column(2, "note", pa.array(["a", "b"]))
    warehouse.replace_window(wider, NEXT_DAY, publish_day(store, wider, NEXT_DAY, rows), store, run_id="run")
    assert warehouse.fetch("select note from warehouse.visits order by visit_date, visit_id").rows == [(None,)] * 3 + [("a",), ("b",)]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("alter table warehouse.visits alter amount type double", "amount is DOUBLE, should be DECIMAL"),
        ("alter table warehouse.visits add column surprise integer", "surprise is not in the catalogue"),
        ("alter table warehouse.visits drop column visit_id", "visit_id is missing and may not be null"),
        ("alter table warehouse.visits alter visit_id drop not null", "visit_id allows nulls, but refuses them"),
    ],
)
def test_a_table_that_has_drifted_is_refused(warehouse: DuckDBWarehouse, store: LocalObjectStore, statement: str, words: str) -> None:
    manifest = load(warehouse, store, DAY, range(3))
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(statement)
    with pytest.raises(PermanentError, match=words):
        warehouse.replace_window(VISITS, DAY, manifest, store, run_id="run")
    assert warehouse.fetch("select count(*) from warehouse.visits").scalar == 3


def test_threads_of_one_process_take_turns(warehouse: DuckDBWarehouse, store: LocalObjectStore) -> None:
    # Large enough that transactions would overlap, were they let.
    manifest = publish_day(store, VISITS, DAY, visits(DAY, range(50_000)))
    failures: list[BaseException] = []

    def work() -> None:
        try:
            warehouse.replace_window(VISITS, DAY, manifest, store, run_id="run")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert ids(warehouse) == list(range(50_000))


def test_a_reader_of_the_same_process_is_waited_for(warehouse: DuckDBWarehouse, store: LocalObjectStore) -> None:
    manifest = load(warehouse, store, DAY, range(3))
    impatient = DuckDBWarehouse(warehouse.path, wait_s=0.2)
    with duckdb.connect(str(warehouse.path), read_only=True), pytest.raises(TransientError, match=r"in use by .* for 0.2 s"):
        impatient.replace_window(VISITS, DAY, manifest, store, run_id="run")
    impatient.replace_window(VISITS, DAY, manifest, store, run_id="run")


def test_what_is_no_warehouse_is_said(tmp_path: Path, store: LocalObjectStore) -> None:
    with pytest.raises(PermanentError, match="does not exist yet"):
        DuckDBWarehouse(tmp_path / "none.duckdb").fetch("select 1")
    (tmp_path / "text.duckdb").write_text("no database at all, but long enough to be read as a header of one" * 10)
    with pytest.raises(PermanentError, match="is not a DuckDB file"):
        DuckDBWarehouse(tmp_path / "text.duckdb").fetch("select 1")
    (tmp_path / "file").write_text("")
    with pytest.raises(PermanentError, match="cannot be written"):
        DuckDBWarehouse(tmp_path / "file" / "a.duckdb").ensure_tables([VISITS])
    with pytest.raises(PermanentError, match="may not be called 'warehouse'"):
        DuckDBWarehouse(tmp_path / "warehouse.duckdb")


def test_a_wrong_query_is_one_sentence(warehouse: DuckDBWarehouse) -> None:
    warehouse.ensure_tables([VISITS])
    with pytest.raises(PermanentError, match="nothere"):
        warehouse.fetch("select nothere from warehouse.visits")
    with pytest.raises(PermanentError, match="0 rows of 1 columns where one value"):
        _ = warehouse.fetch("select visit_id from warehouse.visits").scalar


def test_a_reader_cannot_write(warehouse: DuckDBWarehouse) -> None:
    warehouse.ensure_tables([VISITS])
    with pytest.raises(PermanentError, match="read-only"):
        warehouse.fetch("drop table warehouse.visits")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk needs the right to mount one")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_changes_nothing(small_disk: Path, store: LocalObjectStore) -> None:
    warehouse = DuckDBWarehouse(small_disk / "analytics.duckdb")
    load(warehouse, store, DAY, range(3))
    rows = visits(DAY, range(200_000))
    noise = pa.array([hashlib.md5(str(number).encode()).hexdigest() for number in range(rows.num_rows)])
    manifest = publish_day(store, VISITS, DAY, rows.set_column(4, "order", noise))
    with day_stays(warehouse), pytest.raises(PermanentError, match="The disk is full while writing"):
        warehouse.replace_window(VISITS, DAY, manifest, store, run_id="run")
