"""The monthly job: days leave the warehouse and the models, every equation holds, and a restored day is as it was."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.contracts.tables import WAREHOUSE_TABLES
from data_pipeline.orchestration.archive import archive_definitions
from data_pipeline.orchestration.dbt_project import prepare_dbt_project
from data_pipeline.orchestration.platform import Platform
from data_pipeline.settings import Settings, WarehouseKind
from data_pipeline.warehouse.archive import restore_days
from data_pipeline.warehouse.dbt_args import build_args, duckdb_target_env
from data_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from data_pipeline_tests.integration.warehouse.conftest import relations
from data_pipeline_tests.warehouse_data import DAYS, build_sample_warehouse, run_dbt


@pytest.mark.timeout(600)
def test_a_month_leaves_and_comes_back_and_the_equations_hold(tmp_path: Path) -> None:
    settings = Settings.from_env(state_dir=tmp_path, duckdb_path=tmp_path / "analytics.duckdb", warehouse=WarehouseKind.DUCKDB)
    platform = Platform(settings)
    platform.__dict__["store"] = LocalObjectStore(tmp_path / "store")
    build_sample_warehouse(settings.warehouse_path)
    warehouse = DuckDBWarehouse(settings.warehouse_path)
    before = relations(warehouse)
    definitions = archive_definitions(prepare_dbt_project(platform, []))
    job = dg.Definitions(jobs=definitions.jobs, resources={"platform": platform}).get_job_def("archive_old_days")
    config = {"ops": {"archive_and_drop": {"config": {"before": DAYS[2].isoformat()}}}}
    # dbt's tests of those days ran inside: each equation holds for what is left.
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(config, instance=instance).success
    for name in ("core.fct_orders", "core.fct_sessions", "marts.mart_revenue", "warehouse.events"):
        column = next(word for word in warehouse.fetch(f"select * from {name} limit 0").columns if word.endswith("_date"))
        assert warehouse.fetch(f"select count(*) from {name} where {column} < ?", [DAYS[2]]).scalar == 0

    restore_days(warehouse, WAREHOUSE_TABLES, DAYS[:2], platform.store, "back")
    built = run_dbt(build_args(DAYS[:2]), duckdb_target_env(settings.warehouse_path), tmp_path / "dbt-target")
    assert built.returncode == 0, built.stdout[-3000:]
    assert relations(warehouse) == before
