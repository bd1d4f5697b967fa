"""The models on a real DuckDB warehouse: right by an independent count, and the same by whatever way they were built."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from data_pipeline.contracts.columns import Table
from data_pipeline.contracts.tables import WAREHOUSE_TABLES
from data_pipeline.warehouse.dbt_args import build_args, duckdb_target_env
from data_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from data_pipeline_tests.integration.warehouse.conftest import relations
from data_pipeline_tests.warehouse_data import DAYS, DBT_PROJECT, load_sample, rows_of_day, run_dbt, sample_tables

SATURDAY, SUNDAY, MONDAY = DAYS
TUESDAY = MONDAY + timedelta(days=1)


def events() -> list[dict[str, Any]]:
    return sample_tables()["events"].to_pylist()


def test_revenue_is_the_sum_of_orders_and_refunds_of_each_currency(built: DuckDBWarehouse) -> None:
    expected: Counter[Any] = Counter()
    for row in events():
        if row["event_type"] in ("purchase", "refund"):
            sign = 1 if row["event_type"] == "purchase" else -1
            expected[row["event_date"], row["source"], row["currency"]] += sign * row["total_amount"]
    found = built.fetch("select revenue_date, source, currency, net_amount from marts.mart_revenue").rows
    assert {tuple(row[:3]): row[3] for row in found} == dict(expected)
    by_currency = dict(built.fetch("select currency, sum(net_amount) from marts.mart_revenue group by 1").rows)
    assert by_currency == {"EUR": Decimal("12.0000"), "GBP": Decimal("15.0000")}


def test_active_users_are_distinct_for_every_selection_of_sources(built: DuckDBWarehouse) -> None:
    sources = sorted({row["source"] for row in events()})
    selections = [chosen for size in range(1, 5) for chosen in combinations(sources, size)]
    assert len(selections) == 15
    rows = built.fetch("select * from marts.mart_active_users").as_dicts()
    for day in DAYS:
        starts = {"day": day, "rolling_7d": day - timedelta(6), "rolling_28d": day - timedelta(27)}
        starts |= {"week_to_date": day - timedelta(day.weekday()), "month_to_date": day.replace(day=1)}
        for chosen in selections:
            selected = [row for row in rows if row["activity_date"] == day and set(chosen) & set(row["source_combination"].split("|"))]
            for period, start in starts.items():
                for kind in ("visitor", "user"):
                    total = sum(row[f"active_{kind}s_{period}"] for row in selected)
                    assert total == len(_actors(kind, chosen, start, day)), (day, chosen, period, kind)


def _actors(kind: str, sources: tuple[str, ...], first: date, last: date) -> set[str]:
    seen = {row[f"{kind}_id"] for row in events() if row["source"] in sources and first <= row["event_date"] <= last}
    return seen - {None}


def test_a_session_across_midnight_belongs_to_the_day_it_began(built: DuckDBWarehouse) -> None:
    found = built.fetch(
        "select session_count, purchase_session_count from marts.mart_funnel where session_date = ? and source = 'ios'", [SATURDAY]
    )
    assert found.rows == [(2, 1)]
    assert built.fetch("select sum(session_count) from marts.mart_sessions").scalar == len(sample_tables()["sessions"])


def test_an_order_leads_back_to_its_kafka_offset_and_its_session(built: DuckDBWarehouse) -> None:
    purchase = next(row for row in events() if row["order_id"] == "o-3")
    found = built.fetch(
        "select e.kafka_partition, e.kafka_offset, o.kafka_offset, s.started_at < o.ordered_at from core.fct_orders o "
        "join core.fct_events e on e.event_id = o.event_id join core.fct_sessions s on s.session_id = o.session_id where o.order_id = 'o-3'"
    )
    assert found.rows == [(purchase["kafka_partition"], purchase["kafka_offset"], purchase["kafka_offset"], True)]


def test_searches_and_rejections_are_counted(built: DuckDBWarehouse) -> None:
    searches = built.fetch(
        "select search_term, sum(search_count), sum(search_without_result_count) from marts.mart_search_without_result group by 1"
    )
    assert {row[0]: row[1:] for row in searches.rows} == {"lamp": (2, 1), "teapot": (1, 1)}
    quality = built.fetch(
        "select sum(quarantined_count), sum(broken_rule_count), sum(landing_difference) from marts.mart_data_quality"
    ).rows
    assert quality == [(4, 6, 0)]


def test_days_in_any_order_late_rows_and_an_emptied_day_give_what_a_full_build_gives(built: DuckDBWarehouse, tmp_path: Path) -> None:
    path, target, tables = tmp_path / "analytics.duckdb", tmp_path / "dbt", sample_tables()
    # First Sunday and Monday with rows that are still to come, and a Tuesday that will turn out to be none.
    early = {table.name: _early(table, tables[table.name]) for table in WAREHOUSE_TABLES}
    for days, rows in (([SUNDAY, MONDAY, TUESDAY], early), ([SATURDAY], tables), ([SUNDAY, MONDAY, TUESDAY], tables)):
        load_sample(path, rows, days)
        done = run_dbt(build_args(days, command="run"), duckdb_target_env(path), target)
        assert done.returncode == 0, done.stdout[-3000:]
        if rows is early:
            assert DuckDBWarehouse(path).fetch("select count(*) from marts.mart_event_volume where event_date = ?", [TUESDAY]).scalar > 0
    assert relations(DuckDBWarehouse(path)) == relations(built)


def _early(table: Table, rows: pa.Table) -> pa.Table:
    monday = rows_of_day(table, rows, MONDAY)
    phantom = monday.set_column(
        rows.schema.get_field_index(table.window_column),
        rows.schema.field(table.window_column),
        pa.array([TUESDAY] * monday.num_rows, pa.date32()),
    )
    return pa.concat_tables([rows.slice(0, max(0, rows.num_rows - 3)), phantom])


def test_lost_rows_fail_the_build(tmp_path: Path) -> None:
    path, tables = tmp_path / "analytics.duckdb", sample_tables()
    hours = tables["ingest_hours"].to_pylist()
    hours[0]["landed_count"] -= 1
    load_sample(path, {**tables, "ingest_hours": pa.Table.from_pylist(hours, schema=tables["ingest_hours"].schema)})
    failed = run_dbt(build_args([SATURDAY], ["+mart_data_quality"]), duckdb_target_env(path), tmp_path / "dbt")
    assert failed.returncode != 0
    assert "mart_data_quality_landing_conserves" in failed.stdout


def test_half_a_window_is_refused(tmp_path: Path) -> None:
    args = ["run-operation", "window_is_given", "--vars", '{"start_date": "2026-03-14"}']
    done = run_dbt(args, duckdb_target_env(tmp_path / "analytics.duckdb"), tmp_path / "dbt")
    assert done.returncode != 0
    assert "Give both start_date and end_date" in done.stdout


@pytest.mark.parametrize("dialect", ["duckdb", "redshift"])
def test_a_linter_of_each_dialect_reads_all_models(built: DuckDBWarehouse, dbt_target: Path, dialect: str) -> None:
    models = sorted((dbt_target / "compiled" / "data_pipeline" / "models").glob("*/*.sql"))
    assert len(models) >= 30
    command = [sys.executable, "-m", "sqlfluff", "lint", "--config", str(DBT_PROJECT / ".sqlfluff"), "--dialect", dialect]
    done = subprocess.run([*command, *map(str, models)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
