"""Which adapter a deployment gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_pipeline.common.errors import PermanentError
from data_pipeline.settings import Settings
from data_pipeline.warehouse import open_warehouse
from data_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from data_pipeline.warehouse.redshift_warehouse import RedshiftWarehouse

REDSHIFT = {
    "DATA_PIPELINE_WAREHOUSE": "redshift",
    "DATA_PIPELINE_REDSHIFT_HOST": "cluster.example",
    "DATA_PIPELINE_REDSHIFT_USER": "loader",
    "DATA_PIPELINE_REDSHIFT_PASSWORD": "swordfish",
    "DATA_PIPELINE_REDSHIFT_COPY_ROLE_ARN": "arn:aws:iam::123456789012:role/copy",
}


def test_settings_choose_duckdb_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATA_PIPELINE_STATE_DIR", str(tmp_path))
    warehouse = open_warehouse(Settings.from_env().warehouse_config())
    assert isinstance(warehouse, DuckDBWarehouse)
    assert warehouse.path == tmp_path / "analytics.duckdb"
    assert not warehouse.path.exists()


def test_settings_choose_redshift(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in REDSHIFT.items():
        monkeypatch.setenv(name, value)
    warehouse = open_warehouse(Settings.from_env().warehouse_config())
    assert isinstance(warehouse, RedshiftWarehouse)
    assert str(warehouse.address) == "loader@cluster.example:5439/analytics"
    assert "swordfish" not in repr(warehouse)


@pytest.mark.parametrize(
    "unset", ["DATA_PIPELINE_REDSHIFT_HOST", "DATA_PIPELINE_REDSHIFT_PASSWORD", "DATA_PIPELINE_REDSHIFT_COPY_ROLE_ARN"]
)
def test_what_redshift_needs_is_named(monkeypatch: pytest.MonkeyPatch, unset: str) -> None:
    for name, value in REDSHIFT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(unset)
    with pytest.raises(PermanentError, match=unset):
        open_warehouse(Settings.from_env().warehouse_config())


def test_an_unknown_kind_never_falls_back() -> None:
    with pytest.raises(PermanentError, match="'snowflake' is not a warehouse"):
        open_warehouse({"kind": "snowflake", "duckdb_path": "x.duckdb"})
