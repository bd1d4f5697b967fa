"""The sample shop in both warehouses, built once for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.contracts.tables import WAREHOUSE_TABLES
from data_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from data_pipeline.warehouse.interface import Warehouse
from data_pipeline.warehouse.redshift_connection import RedshiftAddress
from data_pipeline.warehouse.redshift_warehouse import RedshiftWarehouse
from data_pipeline_tests.redshift_standin.proxy import StandIn
from data_pipeline_tests.redshift_standin.server import DATABASE, PASSWORD, USER, run_standin
from data_pipeline_tests.warehouse_data import DAYS, build_sample_warehouse, publish_day, rows_of_day, sample_tables

ROLE = "arn:aws:iam::123456789012:role/data-pipeline-copy"


@dataclass(frozen=True)
class RedshiftLike:
    """The stand-in with what is needed to load it."""

    standin: StandIn
    store: LocalObjectStore
    warehouse: RedshiftWarehouse

    def load(self) -> None:
        """Load all days of the sample."""
        rows = sample_tables()
        for table in WAREHOUSE_TABLES:
            for day in DAYS:
                manifest = publish_day(self.store, table, day, rows_of_day(table, rows[table.name], day), 2)
                self.warehouse.replace_window(table, day, manifest, self.store, run_id="sample")


@pytest.fixture(scope="session")
def dbt_target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the build of `built` leaves compiled SQL."""
    return tmp_path_factory.mktemp("dbt-target")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path) -> DuckDBWarehouse:
    """DuckDB with every model built."""
    path = tmp_path_factory.mktemp("full") / "analytics.duckdb"
    return DuckDBWarehouse(build_sample_warehouse(path, target_path=dbt_target))


@pytest.fixture(scope="session")
def redshift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedshiftLike]:
    """The stand-in, empty."""
    store = LocalObjectStore(tmp_path_factory.mktemp("redshift"))
    with run_standin(store) as standin:
        yield RedshiftLike(standin, store, RedshiftWarehouse(address(standin.port), ROLE))


def address(port: int, password: str = PASSWORD) -> RedshiftAddress:
    """The stand-in's address; it speaks no TLS."""
    return RedshiftAddress("127.0.0.1", port, DATABASE, USER, password, is_encrypted=False, connect_timeout_s=20)


def relations(warehouse: Warehouse) -> dict[str, list[str]]:
    """Every published relation's rows, as text, sorted."""
    names = warehouse.fetch(
        "select table_schema || '.' || table_name from information_schema.tables "
        "where table_schema in ('intermediate', 'core', 'marts') order by 1"
    ).rows
    return {str(name): sorted(map(repr, warehouse.fetch(f"select * from {name}").rows)) for (name,) in names}
