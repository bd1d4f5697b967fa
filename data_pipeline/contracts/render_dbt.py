"""Tables of the catalogue as dbt files: sources, staging models and their descriptions.

Belongs here: text that `dbt_project/` holds and a test keeps equal. Does not: models with logic, which are written by hand.
`python -m data_pipeline.contracts.render_dbt dbt_project` writes the files anew.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from data_pipeline.contracts.columns import Column, Table
from data_pipeline.contracts.render import WAREHOUSE_SCHEMA, quote
from data_pipeline.contracts.tables import WAREHOUSE_TABLES

STAGING_FOLDER = "models/staging"
GENERATED_FOLDER = "generated/staging"
"""Below a dbt project: staging models of sources with a contract of their own, as `data-pipeline contracts render --as dbt` prints them."""
_NOTE = "# Rendered from data_pipeline/contracts/tables.py by `python -m data_pipeline.contracts.render_dbt dbt_project`; edit there.\n"
_FRESHNESS_COLUMNS = ("received_at", "hour_at")


def staging_name(table: Table, family: str = "product_events") -> str:
    """`stg_product_events__sessions`."""
    return f"stg_{family}__{table.name}"


def dbt_sources_yaml(tables: Sequence[Table], source_name: str = WAREHOUSE_SCHEMA) -> str:
    """The `sources:` file: every table and column described, freshness where a column tells when rows arrived.

    Args:
        tables: of the schema `warehouse`.
        source_name: dbt's name of the source; two files need two.
    """
    source = {
        "name": source_name,
        "description": "Tables that the load stage replaces day by day.",
        "schema": WAREHOUSE_SCHEMA,
        "tables": [_source_table(table) for table in tables],
    }
    return _yaml({"version": 2, "sources": [source]})


def dbt_staging_yaml(tables: Sequence[Table], family: str = "product_events") -> str:
    """The `models:` file of the staging models of some tables."""
    models = [
        {"name": staging_name(table, family), "description": table.description, "columns": [_column(column) for column in table.columns]}
        for table in tables
    ]
    return _yaml({"version": 2, "models": models})


def dbt_staging_sql(table: Table, source_name: str = WAREHOUSE_SCHEMA, *, is_quoted: bool = False) -> str:
    """A staging model: the source's columns by name, nothing else, so that a change of the source is seen in one place.

    Names of a contract that is not ours are quoted: they may be reserved words.
    """
    columns = ",\n".join(f"    {quote(column.name) if is_quoted else column.name}" for column in table.columns)
    return f"select\n{columns}\nfrom {{{{ source('{source_name}', '{table.name}') }}}}\n"


def staging_files(tables: Sequence[Table] = WAREHOUSE_TABLES) -> dict[str, str]:
    """Path below the dbt project to text, for the tables of product events."""
    files = {f"{STAGING_FOLDER}/{staging_name(table)}.sql": dbt_staging_sql(table) for table in tables}
    files[f"{STAGING_FOLDER}/_sources.yml"] = dbt_sources_yaml(tables)
    files[f"{STAGING_FOLDER}/_staging.yml"] = dbt_staging_yaml(tables)
    return files


def generated_files(tables: Sequence[Table]) -> dict[str, str]:
    """Path below the dbt project to text, for sources with a contract of their own (one table each, named like the source)."""
    files = {}
    for table in tables:
        name = f"own_{table.name}"
        files[f"{GENERATED_FOLDER}/{staging_name(table, 'own')}.sql"] = dbt_staging_sql(table, name, is_quoted=True)
        files[f"{GENERATED_FOLDER}/_{name}_sources.yml"] = dbt_sources_yaml([table], name)
        files[f"{GENERATED_FOLDER}/_{name}_staging.yml"] = dbt_staging_yaml([table], "own")
    return files


def write_files(files: dict[str, str], project: Path) -> list[Path]:
    """Write what differs; returns the paths that changed."""
    changed = []
    for name, text in files.items():
        path = project / name
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            changed.append(path)
    return changed


def _source_table(table: Table) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": table.name,
        "description": table.description,
        "config": {"meta": {"dagster": {"asset_key": [WAREHOUSE_SCHEMA, table.name]}}},
    }
    loaded_at = next((name for name in _FRESHNESS_COLUMNS if name in table.column_names), None)
    if loaded_at:
        described["config"]["loaded_at_field"] = loaded_at
        described["config"]["freshness"] = {
            "warn_after": {"count": 4, "period": "hour"},
            "error_after": {"count": 26, "period": "hour"},
        }
    described["columns"] = [_column(column) for column in table.columns]
    return described


def _column(column: Column) -> dict[str, Any]:
    described: dict[str, Any] = {"name": column.name, "description": column.description}
    if column.pii:
        described["config"] = {"meta": {"pii": column.pii}}
    return described


def _yaml(document: dict[str, Any]) -> str:
    return _NOTE + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=140)


if __name__ == "__main__":
    for written in write_files(staging_files(), Path(sys.argv[1])):
        sys.stdout.write(f"{written}\n")
