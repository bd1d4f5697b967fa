"""What is sent to Redshift, word for word."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.contracts.columns import Column, ColumnType
from data_pipeline.contracts.render import redshift_ddl, redshift_type
from data_pipeline.contracts.tables import IDENTITIES, INGEST_HOURS, WAREHOUSE_TABLES
from data_pipeline.warehouse import redshift_sql as sql
from data_pipeline.warehouse import redshift_warehouse
from data_pipeline.warehouse.drift import ActualColumn, columns_to_add
from data_pipeline.warehouse.interface import Rows
from data_pipeline.warehouse.redshift_connection import RedshiftAddress
from data_pipeline.warehouse.redshift_warehouse import RedshiftWarehouse
from data_pipeline_tests.warehouse_data import publish_day, rows_of_day, sample_tables

DAY = date(2026, 3, 14)
ROLE = "arn:aws:iam::123456789012:role/data-pipeline-copy"
ADDRESS = RedshiftAddress("cluster.example", 5439, "analytics", "loader", "swordfish")


def test_copy_names_manifest_role_and_format() -> None:
    assert sql.copy_manifest(IDENTITIES, "s3://bucket/loads/identities/date=2026-03-14/ab.json", ROLE) == (
        'COPY warehouse."identities"\n'
        "FROM 's3://bucket/loads/identities/date=2026-03-14/ab.json'\n"
        "IAM_ROLE 'arn:aws:iam::123456789012:role/data-pipeline-copy'\n"
        "FORMAT AS PARQUET\n"
        "MANIFEST\n"
        "STATUPDATE OFF"
    )


def test_a_role_that_is_none_is_refused() -> None:
    with pytest.raises(PermanentError, match="DATA_PIPELINE_REDSHIFT_COPY_ROLE_ARN"):
        sql.copy_manifest(IDENTITIES, "s3://bucket/m.json", "x' ACCESS_KEY_ID 'y")


def test_a_run_id_cannot_leave_its_comment_or_label() -> None:
    assert sql.with_comment("BEGIN", "a */ drop table x; /*", "events", DAY) == (
        "/* data-pipeline run=a____drop_table_x____ table=events day=2026-03-14 */ BEGIN"
    )
    assert sql.set_query_group("a'b") == "SET query_group TO 'data-pipeline-load-a_b'"


def test_ddl_has_distribution_sort_key_encodings_and_an_informational_key() -> None:
    assert redshift_ddl(IDENTITIES) == (
        'CREATE TABLE IF NOT EXISTS warehouse."identities" (\n'
        '    "event_date" DATE ENCODE RAW NOT NULL,\n'
        '    "anonymous_id" VARCHAR(64) ENCODE ZSTD NOT NULL,\n'
        '    "user_id" VARCHAR(64) ENCODE ZSTD NOT NULL,\n'
        '    "first_seen_at" TIMESTAMP ENCODE AZ64 NOT NULL,\n'
        '    "last_seen_at" TIMESTAMP ENCODE AZ64 NOT NULL,\n'
        '    "event_count" BIGINT ENCODE AZ64 NOT NULL,\n'
        '    PRIMARY KEY ("event_date", "anonymous_id", "user_id")\n'
        ")\n"
        "DISTSTYLE KEY\n"
        'DISTKEY ("anonymous_id")\n'
        'COMPOUND SORTKEY ("event_date", "first_seen_at")'
    )
    assert "DISTSTYLE ALL" in redshift_ddl(INGEST_HOURS)


@pytest.mark.parametrize("table", WAREHOUSE_TABLES, ids=lambda table: table.name)
def test_every_table_is_sorted_by_its_window(table: Any) -> None:
    assert f'COMPOUND SORTKEY ("{table.window_column}"' in redshift_ddl(table)


class Recorder:
    """Stands where a session stands; writes down what is sent and answers counts."""

    def __init__(self, copied: int, standing: int) -> None:
        self.sent: list[str] = []
        self._copied, self._standing, self._counts = copied, standing, 0

    def run(self, statement: str, parameters: Any = ()) -> Rows:
        self.sent.append(statement)
        if "information_schema" in statement:
            rows = [_described(column) for column in IDENTITIES.columns]
            return Rows(["c"] * 6, rows)
        return Rows([], [])

    def scalar(self, statement: str) -> int:
        self.sent.append(statement)
        if "pg_last_copy_count" in statement:
            return self._copied
        self._counts += 1
        return 2 if self._counts == 1 else self._standing


def _described(column: Column) -> tuple[Any, ...]:
    kinds = {
        ColumnType.STRING: ("character varying", column.max_bytes, None, None),
        ColumnType.DATE: ("date", None, None, None),
        ColumnType.INT64: ("bigint", None, 64, 0),
        ColumnType.TIMESTAMP_MS: ("timestamp without time zone", None, None, None),
    }
    return (column.name, *kinds[column.type], "YES" if column.is_nullable else "NO")


def load(monkeypatch: pytest.MonkeyPatch, recorder: Recorder, tmp_path: Path, rows: int | None = None) -> LocalObjectStore:
    @contextmanager
    def session(address: RedshiftAddress) -> Any:
        assert address == ADDRESS
        yield recorder

    monkeypatch.setattr(redshift_warehouse, "open_session", session)
    store = LocalObjectStore(tmp_path)
    table_rows = rows_of_day(IDENTITIES, sample_tables()["identities"], DAY)
    manifest = publish_day(store, IDENTITIES, DAY, table_rows if rows is None else table_rows.slice(0, rows))
    RedshiftWarehouse(ADDRESS, ROLE).replace_window(IDENTITIES, DAY, manifest, store, run_id="run-1")
    return store


def test_a_load_is_one_transaction_behind_a_lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recorder = Recorder(copied=1, standing=1)
    store = load(monkeypatch, recorder, tmp_path)
    assert recorder.sent[0] == "SET query_group TO 'data-pipeline-load-run-1'"
    assert all(statement.startswith("/* data-pipeline run=run-1 table=identities") for statement in recorder.sent[1:])
    spoken = [statement.split(" */ ")[1].split("\n")[0] for statement in recorder.sent[5:]]
    assert spoken == [
        "BEGIN",
        'LOCK TABLE warehouse."load_lock_identities"',
        'SELECT COUNT(*) FROM warehouse."identities" WHERE "event_date" = DATE \'2026-03-14\'',
        'DELETE FROM warehouse."identities" WHERE "event_date" = DATE \'2026-03-14\'',
        'COPY warehouse."identities"',
        "SELECT pg_last_copy_count()",
        'SELECT COUNT(*) FROM warehouse."identities" WHERE "event_date" = DATE \'2026-03-14\'',
        "COMMIT",
    ]
    assert [info.key for info in store.list("loads/")] == []


@pytest.mark.parametrize(("copied", "standing"), [(2, 1), (1, 2), (0, 0)])
def test_counts_that_differ_roll_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, copied: int, standing: int) -> None:
    recorder = Recorder(copied, standing)
    with pytest.raises(PermanentError, match=f"its objects gave {copied}, of which {standing} have"):
        load(monkeypatch, recorder, tmp_path)
    assert recorder.sent[-1].endswith("ROLLBACK")


def test_an_empty_day_copies_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recorder = Recorder(copied=99, standing=0)
    load(monkeypatch, recorder, tmp_path, rows=0)
    assert not any("COPY" in statement for statement in recorder.sent)
    assert recorder.sent[-1].endswith("COMMIT")


def test_a_new_column_may_only_come_last_where_loads_go_by_position() -> None:
    actual = {column.name: ActualColumn(redshift_type(column), column.is_nullable) for column in IDENTITIES.columns}
    new = Column("note", ColumnType.STRING, "New.")
    last = replace(IDENTITIES, columns=(*IDENTITIES.columns, new))
    first = replace(IDENTITIES, columns=(new, *IDENTITIES.columns))
    assert columns_to_add(last, actual, redshift_type, is_positional=True) == [new]
    assert columns_to_add(first, actual, redshift_type) == [new]
    with pytest.raises(PermanentError, match="in another order"):
        columns_to_add(first, actual, redshift_type, is_positional=True)


def test_the_password_is_never_shown() -> None:
    assert "swordfish" not in f"{ADDRESS!r} {ADDRESS} {RedshiftWarehouse(ADDRESS, ROLE)!r}"
