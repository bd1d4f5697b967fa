"""Choosing the adapter of a deployment.

Belongs here: plain values to an adapter. Does not: reading settings or the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_pipeline.common.errors import PermanentError
from data_pipeline.warehouse.interface import Warehouse

_REDSHIFT_NEEDS = {
    "redshift_host": "DATA_PIPELINE_REDSHIFT_HOST",
    "redshift_user": "DATA_PIPELINE_REDSHIFT_USER",
    "redshift_password": "DATA_PIPELINE_REDSHIFT_PASSWORD",
    "redshift_copy_role_arn": "DATA_PIPELINE_REDSHIFT_COPY_ROLE_ARN",
}


def open_warehouse(config: Mapping[str, Any]) -> Warehouse:
    """The adapter that a deployment's settings name; nothing is connected before the first call.

    Args:
        config: `kind` (`duckdb` or `redshift`); for DuckDB `duckdb_path`; for Redshift `redshift_host`, `redshift_port`,
            `redshift_database`, `redshift_user`, `redshift_password` and `redshift_copy_role_arn`.

    Raises:
        PermanentError: the kind is unknown, or a value that it needs is not set.
    """
    kind = str(config.get("kind", ""))
    if kind == "duckdb":
        from data_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse

        return DuckDBWarehouse(Path(config["duckdb_path"]))
    if kind == "redshift":
        from data_pipeline.warehouse.redshift_connection import RedshiftAddress
        from data_pipeline.warehouse.redshift_warehouse import RedshiftWarehouse

        unset = [variable for name, variable in _REDSHIFT_NEEDS.items() if not config.get(name)]
        if unset:
            raise PermanentError(f"The warehouse is redshift, but {', '.join(unset)} {'is' if len(unset) == 1 else 'are'} not set.")
        address = RedshiftAddress(
            host=config["redshift_host"],
            port=int(config.get("redshift_port", 5439)),
            database=config.get("redshift_database", "analytics"),
            user=config["redshift_user"],
            password=config["redshift_password"],
        )
        return RedshiftWarehouse(address, copy_role_arn=config["redshift_copy_role_arn"])
    raise PermanentError(f"'{kind}' is not a warehouse; set DATA_PIPELINE_WAREHOUSE to duckdb or redshift.")
