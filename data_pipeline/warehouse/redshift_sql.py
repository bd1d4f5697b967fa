"""The statements that load Redshift: pure functions, kept by snapshots.

Belongs here: SQL text. Does not: connections, credentials, DDL of tables (`contracts/render.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from data_pipeline.common.errors import PermanentError
from data_pipeline.contracts.columns import Column, Table
from data_pipeline.contracts.render import WAREHOUSE_SCHEMA, quote, redshift_type
from data_pipeline.warehouse.drift import ActualColumn

_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")


def with_comment(sql: str, run_id: str, table: str, day: date | None = None) -> str:
    """The statement led by a comment that leads from Redshift's query log to the run."""
    words = [f"run={_plain(run_id)}", f"table={_plain(table)}", *([f"day={day}"] if day else [])]
    return f"/* data-pipeline {' '.join(words)} */ {sql}"


def set_query_group(run_id: str) -> str:
    """Label every later statement of the session, for workload management and the query log."""
    return f"SET query_group TO 'data-pipeline-load-{_plain(run_id)}'"


def create_schema() -> str:
    """The schema of the loaded tables."""
    return f"CREATE SCHEMA IF NOT EXISTS {WAREHOUSE_SCHEMA}"


def create_lock_table(table: Table) -> str:
    """An empty table that loaders of a table lock: locking the table itself would make every reader wait."""
    return f"CREATE TABLE IF NOT EXISTS {_lock_name(table)} (locked BOOLEAN)"


def lock(table: Table) -> str:
    """Let one loader of a table in at a time; must come first, so that what follows sees the other's commit."""
    return f"LOCK TABLE {_lock_name(table)}"


def count_window(table: Table, day: date) -> str:
    """Rows of a day."""
    return f"SELECT COUNT(*) FROM {_name(table)} WHERE {_in_window(table, day)}"


def delete_window(table: Table, day: date) -> str:
    """Remove a day; the sort key is led by the same column, so only that day's blocks are touched."""
    return f"DELETE FROM {_name(table)} WHERE {_in_window(table, day)}"


def copy_manifest(table: Table, manifest_url: str, role_arn: str) -> str:
    """Load the objects that a manifest names.

    STATUPDATE is off: Redshift analyzes changed tables by itself when it is idle, and a COPY that does it holds the
    load's lock for longer. COMPUPDATE is not there: COPY of Parquet never chooses encodings, the DDL does.
    """
    _require_role(role_arn)
    return f"COPY {_name(table)}\nFROM {_literal(manifest_url)}\nIAM_ROLE {_literal(role_arn)}\nFORMAT AS PARQUET\nMANIFEST\nSTATUPDATE OFF"


def unload_window(table: Table, day: date, url_prefix: str, role_arn: str) -> str:
    """Write a day as Parquet objects below an address, with a manifest that tells bytes and rows of each."""
    _require_role(role_arn)
    columns = ", ".join(quote(name) for name in table.column_names)
    query = f"SELECT {columns} FROM {_name(table)} WHERE {_in_window(table, day)}"
    return f"UNLOAD ({_literal(query)})\nTO {_literal(url_prefix)}\nIAM_ROLE {_literal(role_arn)}\nFORMAT AS PARQUET\nMANIFEST VERBOSE"


def last_copy_count() -> str:
    """Rows that the session's last COPY loaded."""
    return "SELECT pg_last_copy_count()"


def read_columns(table: Table) -> str:
    """What Redshift knows of a table's columns, in their order; `read_column` understands a row."""
    return (
        "SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable "
        f"FROM information_schema.columns WHERE table_schema = {_literal(WAREHOUSE_SCHEMA)} AND table_name = {_literal(table.name)} "
        "ORDER BY ordinal_position"
    )


def read_column(row: Sequence[Any]) -> tuple[str, ActualColumn]:
    """Name and type, in the words of the catalogue's DDL, of a row of `read_columns`."""
    name, data_type, length, precision, scale, is_nullable = row
    kind = str(data_type).lower()
    if kind == "character varying":
        spelled = f"VARCHAR({length})"
    elif kind == "numeric":
        spelled = f"DECIMAL({precision},{scale})"
    else:
        spelled = kind.upper().removesuffix(" WITHOUT TIME ZONE")
    return str(name), ActualColumn(spelled, str(is_nullable).upper() == "YES")


def add_column(table: Table, column: Column) -> str:
    """Give a table a nullable column that the catalogue has gained."""
    return f"ALTER TABLE {_name(table)} ADD COLUMN {quote(column.name)} {redshift_type(column)}"


def _require_role(role_arn: str) -> None:
    if not _ROLE_ARN.fullmatch(role_arn):
        raise PermanentError(
            f"'{role_arn}' is not an IAM role; set DATA_PIPELINE_REDSHIFT_COPY_ROLE_ARN to arn:aws:iam::<account>:role/<name>."
        )


def _name(table: Table) -> str:
    return f"{WAREHOUSE_SCHEMA}.{quote(table.name)}"


def _lock_name(table: Table) -> str:
    return f"{WAREHOUSE_SCHEMA}.{quote('load_lock_' + table.name)}"


def _in_window(table: Table, day: date) -> str:
    return f"{quote(table.window_column)} = DATE '{day.isoformat()}'"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _plain(text: str) -> str:
    """Only what can stand in a comment or a label, whatever the run is called."""
    return re.sub(r"[^A-Za-z0-9_.:-]", "_", text)[:64]
