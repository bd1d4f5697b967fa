"""The dbt project as a whole: what is rendered is fresh, what is published is described, the SQL is of both engines."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.contracts.flatten import flatten_for_warehouse
from data_pipeline.contracts.render_dbt import generated_files, staging_files
from data_pipeline.contracts.tables import WAREHOUSE_TABLES
from data_pipeline.warehouse.dbt_args import duckdb_target_env
from data_pipeline_tests.unit.warehouse.test_source_day import STAGED
from data_pipeline_tests.warehouse_data import DBT_PROJECT, run_dbt

PAGES = {"event_volume", "sessions", "active_users", "retention", "funnel", "revenue", "products", "search", "acquisition", "data_quality"}
# What one of the engines lacks, or means otherwise.
UNPORTABLE = {
    r"\bqualify\b": "Redshift and PostgreSQL differ; use a subquery",
    r"\bfilter\s*\(": "Redshift has no FILTER (WHERE …); use count_where",
    r"::": "write cast(… as …)",
    r"\bgroup\s+by\s+all\b": "name the columns",
    r"\bdate(add|diff)\s*\(\s*[a-z]": "quote the datepart",
    r"\binterval\b": "add days to dates as integers",
    r"\bignore\s+nulls\b": "stands elsewhere in each engine",
    r"\b(arg_max|arg_min|max_by|min_by|any_value|list|unnest|array_agg|generate_series|range)\s*\(": "one engine only",
    r"\bilike\b": "use lower()",
}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    target = tmp_path_factory.mktemp("dbt")
    done = run_dbt(["parse", "--no-partial-parse"], duckdb_target_env(target / "analytics.duckdb"), target)
    assert done.returncode == 0, done.stdout
    assert "warning" not in done.stdout.lower()
    assert not (target / "analytics.duckdb").exists()
    return dict(json.loads((target / "manifest.json").read_text()))


def models(manifest: dict[str, Any], *layers: str) -> list[dict[str, Any]]:
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    return [node for node in nodes if not layers or node["fqn"][1] in layers]


@pytest.mark.parametrize("name", sorted(staging_files()))
def test_what_is_rendered_is_fresh(name: str) -> None:
    text = (DBT_PROJECT / name).read_text()
    assert text == staging_files()[name], "run `python -m data_pipeline.contracts.render_dbt dbt_project`"


def test_every_model_and_column_is_described(manifest: dict[str, Any]) -> None:
    nameless = [
        f"{node['name']}.{column['name']}"
        for node in models(manifest)
        for column in [{"name": "", "description": node["description"]}, *node["columns"].values()]
        if not column["description"].strip().endswith(".")
    ]
    assert nameless == []


def test_what_is_published_has_a_contract(manifest: dict[str, Any]) -> None:
    published = models(manifest, "core", "marts")
    assert len(published) >= 20
    assert [node["name"] for node in published if not node["config"]["contract"]["enforced"]] == []
    assert [node["name"] for node in published if not re.match("fct_|dim_|mart_", node["name"])] == []


def test_every_published_model_is_tested(manifest: dict[str, Any]) -> None:
    tested = {node["attached_node"] for node in manifest["nodes"].values() if node["resource_type"] == "test"}
    assert [node["name"] for node in models(manifest, "core", "marts") if node["unique_id"] not in tested] == []


def test_incremental_models_replace_their_window(manifest: dict[str, Any]) -> None:
    incremental = [node for node in models(manifest) if node["config"]["materialized"] == "incremental"]
    assert len(incremental) >= 14
    for node in incremental:
        assert node["config"]["incremental_strategy"] == "replace_window", node["name"]
        assert f"in_window('{node['config']['unique_key']}" in node["raw_code"] or node["name"] in (
            "fct_orders",
            "fct_refunds",
            "mart_revenue",
            "int_actor_days",
        )


def test_each_dashboard_page_is_an_exposure_with_the_age_and_quality_of_its_data(manifest: dict[str, Any]) -> None:
    exposures = {node["name"]: node for node in manifest["exposures"].values()}
    assert set(exposures) == PAGES
    for exposure in exposures.values():
        parents = {name.rsplit(".", 1)[1] for name in exposure["depends_on"]["nodes"]}
        assert {"mart_freshness", "mart_data_quality"} <= parents


def test_sources_are_the_tables_of_the_catalogue_under_their_asset_keys(manifest: dict[str, Any]) -> None:
    keys = {node["name"]: node["config"]["meta"]["dagster"]["asset_key"] for node in manifest["sources"].values()}
    assert keys == {table.name: ["warehouse", table.name] for table in WAREHOUSE_TABLES}
    fresh = {node["name"] for node in manifest["sources"].values() if node["loaded_at_field"]}
    assert {"events", "ingest_hours"} <= fresh


@pytest.mark.parametrize(
    "path", sorted([*DBT_PROJECT.glob("models/**/*.sql"), *DBT_PROJECT.glob("tests/**/*.sql")]), ids=lambda path: path.stem
)
def test_the_sql_is_of_both_engines(path: Path) -> None:
    sql = re.sub(r"\{#.*?#\}|--[^\n]*", "", path.read_text(), flags=re.DOTALL).lower()
    sql = re.sub(r"\{%.*?%\}", "", sql, flags=re.DOTALL)
    for pattern, advice in UNPORTABLE.items():
        found = re.search(pattern, sql)
        assert not found, f"{path.name}: '{found and found.group()}': {advice}"


def test_an_own_contract_gets_a_staging_model() -> None:
    files = generated_files([flatten_for_warehouse("readings", STAGED)])
    assert sorted(Path(name).name for name in files) == ["_own_readings_sources.yml", "_own_readings_staging.yml", "stg_own__readings.sql"]
    sql = files["generated/staging/stg_own__readings.sql"]
    assert '    "order",\n' in sql
    assert "{{ source('own_readings', 'readings') }}" in sql
