"""The Redshift adapter and all models, through the real driver and dbt adapter, on the stand-in (PostgreSQL, not Redshift)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import redshift_connector

from data_pipeline.common.errors import PermanentError, TransientError
from data_pipeline.common.manifest import Manifest
from data_pipeline.contracts.columns import Column, ColumnType
from data_pipeline.contracts.tables import EVENTS, IDENTITIES, ORDER_ITEMS, SESSIONS
from data_pipeline.devstack.ports import reserve_port
from data_pipeline.warehouse.archive import archive_days, days_before, restore_days
from data_pipeline.warehouse.dbt_args import build_args, redshift_target_env
from data_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from data_pipeline.warehouse.redshift_warehouse import RedshiftWarehouse
from data_pipeline_tests.integration.warehouse.conftest import ROLE, RedshiftLike, address, relations
from data_pipeline_tests.redshift_standin.server import DATABASE, PASSWORD, USER
from data_pipeline_tests.warehouse_data import DAYS, publish_day, rows_of_day, run_dbt, sample_tables

DAY = DAYS[0]
STATEMENTS = ["SET query_group", "LOCK TABLE", "SELECT COUNT", "DELETE FROM", "COPY", "pg_last_copy_count", "COMMIT"]


@pytest.fixture
def loaded(redshift: RedshiftLike) -> Iterator[RedshiftLike]:
    """The stand-in with one identity on DAY."""
    load(redshift, sample(redshift, 1))
    yield redshift
    redshift.standin.fail_next = None


def sample(redshift: RedshiftLike, objects: int) -> Manifest:
    return publish_day(redshift.store, IDENTITIES, DAY, rows_of_day(IDENTITIES, sample_tables()["identities"], DAY), objects)


def empty(redshift: RedshiftLike) -> Manifest:
    return publish_day(redshift.store, IDENTITIES, DAY, sample_tables()["identities"].slice(0, 0))


def load(redshift: RedshiftLike, manifest: Manifest) -> None:
    redshift.warehouse.replace_window(IDENTITIES, DAY, manifest, redshift.store, run_id="run-1")


def count(redshift: RedshiftLike) -> int:
    return int(redshift.warehouse.fetch("select count(*) from warehouse.identities where event_date = ?", [DAY]).scalar)


def test_a_load_and_its_re_run(loaded: RedshiftLike) -> None:
    before = loaded.warehouse.fetch("select * from warehouse.identities").rows
    again = loaded.warehouse.replace_window(IDENTITIES, DAY, sample(loaded, 1), loaded.store, run_id="run-2")
    assert (again.rows_deleted, again.rows_loaded) == (1, 1)
    assert loaded.warehouse.fetch("select * from warehouse.identities").rows == before
    assert [info.key for info in loaded.store.list("loads/")] == []


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_connection_that_breaks_anywhere_leaves_the_day_as_it_was(loaded: RedshiftLike, statement: str) -> None:
    loaded.standin.fail_next = statement
    with pytest.raises(TransientError, match="will be tried again"):
        load(loaded, empty(loaded) if statement not in ("COPY", "pg_last_copy_count") else sample(loaded, 1))
    assert loaded.standin.fail_next is None
    assert count(loaded) == 1
    load(loaded, empty(loaded))
    assert count(loaded) == 0


def test_objects_that_lie_change_nothing(loaded: RedshiftLike) -> None:
    manifest = sample(loaded, 1)
    wrong = replace(manifest, entries=[replace(manifest.entries[0], row_count=7)])
    with pytest.raises(PermanentError, match="says 7 rows, its objects gave 1"):
        load(loaded, wrong)
    narrow = publish_day(loaded.store, IDENTITIES, DAY, sample_tables()["identities"].select(["event_date", "user_id"]))
    with pytest.raises(PermanentError, match="2 columns, the table has 6"):
        load(loaded, narrow)
    loaded.store.delete(manifest.entries[0].key)
    with pytest.raises(PermanentError, match="does not exist") as caught:
        load(loaded, manifest)
    assert loaded.store.url(manifest.entries[0].key) in str(caught.value)
    assert count(loaded) == 1


def test_loaders_of_one_day_take_turns(loaded: RedshiftLike) -> None:
    load(loaded, empty(loaded))
    manifest, failures = sample(loaded, 1), []

    def work() -> None:
        try:
            load(loaded, manifest)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert count(loaded) == 1


def test_a_table_that_has_drifted_is_refused_and_a_last_column_is_added(loaded: RedshiftLike) -> None:
    note = Column("note", ColumnType.STRING, "New.", max_bytes=16)
    wider = replace(IDENTITIES, name="notes", columns=(*IDENTITIES.columns, note))
    narrower = replace(wider, columns=IDENTITIES.columns)
    loaded.warehouse.ensure_tables([narrower])
    loaded.warehouse.ensure_tables([wider])
    with pytest.raises(PermanentError, match="note is not in the catalogue"):
        loaded.warehouse.ensure_tables([narrower])
    longer = replace(wider, columns=(*IDENTITIES.columns, replace(note, max_bytes=32)))
    with pytest.raises(PermanentError, match=r"note is VARCHAR\(16\), should be VARCHAR\(32\)"):
        loaded.warehouse.ensure_tables([longer])


def test_who_is_refused_and_what_does_not_answer_are_told_apart(redshift: RedshiftLike) -> None:
    with pytest.raises(PermanentError, match="DATA_PIPELINE_REDSHIFT_PASSWORD") as caught:
        RedshiftWarehouse(address(redshift.standin.port, "wrong-password"), ROLE).fetch("select 1")
    assert "wrong-password" not in str(caught.value)
    with pytest.raises(TransientError, match="DATA_PIPELINE_REDSHIFT_HOST"):
        RedshiftWarehouse(address(reserve_port()), ROLE).fetch("select 1")
    with pytest.raises(PermanentError, match="nowhere"):
        redshift.warehouse.fetch("select * from nowhere")


def test_the_stand_in_refuses_what_it_does_not_know(redshift: RedshiftLike) -> None:
    target = redshift.warehouse.address
    with redshift_connector.connect(
        host=target.host, port=target.port, database=target.database, user=target.user, password=target.password, ssl=False
    ) as connection:
        connection.autocommit = True
        for statement in ("VACUUM", "COPY warehouse.\"identities\" FROM 's3://b/k' CSV", "create user x"):
            with connection.cursor() as cursor, pytest.raises(redshift_connector.ProgrammingError, match="stand-in does not know"):
                cursor.execute(statement)


@pytest.mark.timeout(900)
def test_every_model_has_equal_rows_on_both(redshift: RedshiftLike, built: DuckDBWarehouse, tmp_path: Path) -> None:
    redshift.load()
    env = redshift_target_env("127.0.0.1", redshift.standin.port, DATABASE, USER, PASSWORD, ssl=False, run_id="run-7")
    whole = run_dbt(build_args(), env, tmp_path)
    assert whole.returncode == 0, whole.stdout[-4000:]
    ours, theirs = relations(built), relations(redshift.warehouse)
    assert len(ours) >= 24
    assert theirs == ours
    assert "data-pipeline run=run-7 node=model.data_pipeline.mart_revenue" in "".join(redshift.standin.statements)
    assert PASSWORD not in whole.stdout + (tmp_path / "dbt.log").read_text()
    # A late row on Saturday changes the marts of its day, and the numbers that look back on it.
    late = rows_of_day(EVENTS, sample_tables()["events"], DAY).slice(1)
    redshift.warehouse.replace_window(EVENTS, DAY, publish_day(redshift.store, EVENTS, DAY, late), redshift.store, run_id="late")
    args = build_args([DAY, DAY + timedelta(days=1)], ["int_actor_days", "mart_event_volume", "mart_active_users"], command="run")
    again = run_dbt(args, env, tmp_path)
    assert again.returncode == 0, again.stdout[-4000:]
    volume = "select sum(event_count) from marts.mart_event_volume"
    assert redshift.warehouse.fetch(volume).scalar == built.fetch(volume).scalar - 1


def test_days_leave_for_the_archive_by_unload_and_come_back(redshift: RedshiftLike) -> None:
    redshift.load()
    tables = [EVENTS, SESSIONS, ORDER_ITEMS]
    before = [sorted(map(repr, redshift.warehouse.fetch(f"select * from warehouse.{table.name}").rows)) for table in tables]
    moved = archive_days(redshift.warehouse, tables, DAYS[2], redshift.store, "archive-1")
    assert {(item.table, item.day) for item in moved} >= {(table.name, day) for table in tables for day in DAYS[:2]}
    assert all(days_before(redshift.warehouse, table, DAYS[2]) == [] for table in tables)
    restore_days(redshift.warehouse, tables, DAYS[:2], redshift.store, "restore-1")
    assert [sorted(map(repr, redshift.warehouse.fetch(f"select * from warehouse.{table.name}").rows)) for table in tables] == before
