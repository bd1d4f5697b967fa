"""Tables of the catalogue as each engine writes them down: Arrow, Spark, DuckDB, Redshift, Dagster.

Belongs here: pure functions from a `Table` to a schema or to DDL text; none imports an engine but Arrow.
Does not: which tables there are (`tables.py`), dbt's YAML (`render_dbt.py`), running any of it (`warehouse/`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from data_pipeline.contracts.columns import Column, ColumnType, Table

if TYPE_CHECKING:
    import pyarrow as pa

WAREHOUSE_SCHEMA = "warehouse"
"""The warehouse schema that loaded tables live in; dbt's models have schemas of their own."""

_SPARK = {
    ColumnType.STRING: "string",
    ColumnType.INT32: "integer",
    ColumnType.INT64: "long",
    ColumnType.DOUBLE: "double",
    ColumnType.MONEY: "decimal(18,4)",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.DATE: "date",
    ColumnType.TIMESTAMP_MS: "timestamp",
}
_SPARK_SQL = {"integer": "INT", "long": "BIGINT"}

# Both warehouses hold instants as timestamps without a zone that are UTC: a zone would make every
# `date_trunc` depend on the session's setting.
_DUCKDB = {
    ColumnType.STRING: "VARCHAR",
    ColumnType.INT32: "INTEGER",
    ColumnType.INT64: "BIGINT",
    ColumnType.DOUBLE: "DOUBLE",
    ColumnType.MONEY: "DECIMAL(18,4)",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATE: "DATE",
    ColumnType.TIMESTAMP_MS: "TIMESTAMP",
}
_REDSHIFT = {
    ColumnType.INT32: "INTEGER",
    ColumnType.INT64: "BIGINT",
    ColumnType.DOUBLE: "DOUBLE PRECISION",
    ColumnType.MONEY: "DECIMAL(18,4)",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATE: "DATE",
    ColumnType.TIMESTAMP_MS: "TIMESTAMP",
}
_REDSHIFT_ENCODING = {ColumnType.STRING: "ZSTD", ColumnType.BOOLEAN: "ZSTD", ColumnType.DOUBLE: "ZSTD"}
REDSHIFT_MAX_VARCHAR = 65_535

_USER_COLUMNS = ("visitor_id", "anonymous_id", "user_id", "order_id")
"""Redshift rows of one of these lie on one node; visitor_id and anonymous_id hold the same values, so their joins stay there."""
_SORT_AFTER_WINDOW = ("occurred_at", "started_at", "hour_at", "first_seen_at", "received_at")


class ColumnDescription(NamedTuple):
    """What a user interface shows of a column, without naming one.

    Attributes:
        name: the column's name.
        type: its type, as the catalogue names it.
        description: one sentence.
        is_nullable: whether a row may lack it.
        tags: `{"pii": kind}` for personal data, else empty.
    """

    name: str
    type: str
    description: str
    is_nullable: bool
    tags: Mapping[str, str]


def column_schema(table: Table) -> tuple[ColumnDescription, ...]:
    """The columns of a table for `dagster/column_schema`, in order."""
    return tuple(
        ColumnDescription(column.name, column.type.value, column.description, column.is_nullable, {"pii": column.pii} if column.pii else {})
        for column in table.columns
    )


def arrow_schema(table: Table) -> pa.Schema:
    """The table as an Arrow schema; instants are `timestamp[ms, UTC]`, money is `decimal128(18, 4)`."""
    import pyarrow as pa

    types = {
        ColumnType.STRING: pa.string(),
        ColumnType.INT32: pa.int32(),
        ColumnType.INT64: pa.int64(),
        ColumnType.DOUBLE: pa.float64(),
        ColumnType.MONEY: pa.decimal128(18, 4),
        ColumnType.BOOLEAN: pa.bool_(),
        ColumnType.DATE: pa.date32(),
        ColumnType.TIMESTAMP_MS: pa.timestamp("ms", tz="UTC"),
    }
    return pa.schema([pa.field(column.name, types[column.type], nullable=column.is_nullable) for column in table.columns])


def spark_ddl(table: Table) -> str:
    """The table for `StructType.fromDDL`: `event_id STRING NOT NULL, …`."""
    return ", ".join(_spark_column(column) for column in table.columns)


def spark_json(table: Table) -> str:
    """The table for `StructType.fromJson(json.loads(…))`, with descriptions as comments."""
    fields = [
        {"name": c.name, "type": _SPARK[c.type], "nullable": c.is_nullable, "metadata": {"comment": c.description}} for c in table.columns
    ]
    return json.dumps({"type": "struct", "fields": fields})


def duckdb_type(column: Column) -> str:
    """The column's type as DuckDB's information schema names it."""
    return _DUCKDB[column.type]


def duckdb_ddl(table: Table, schema: str = WAREHOUSE_SCHEMA) -> str:
    """`CREATE TABLE IF NOT EXISTS`; keys are not declared, since an index would slow every load (dbt tests them)."""
    lines = [f"    {quote(c.name)} {_DUCKDB[c.type]}{'' if c.is_nullable else ' NOT NULL'}" for c in table.columns]
    return f"CREATE TABLE IF NOT EXISTS {schema}.{quote(table.name)} (\n" + ",\n".join(lines) + "\n)"


def redshift_type(column: Column) -> str:
    """The column's type in Redshift; string lengths are bytes there."""
    if column.type is ColumnType.STRING:
        return f"VARCHAR({min(column.max_bytes, REDSHIFT_MAX_VARCHAR)})"
    return _REDSHIFT[column.type]


def redshift_ddl(table: Table, schema: str = WAREHOUSE_SCHEMA) -> str:
    """`CREATE TABLE IF NOT EXISTS` with distribution, sort key, encodings and an informational primary key.

    The sort key is led by the window column, so that deleting or reading a day touches that day's blocks only. Rows are
    distributed by the user where the table has one; a table without (counts an hour) is small and goes to all nodes.
    """
    sort_key = [table.window_column, *[name for name in _SORT_AFTER_WINDOW if name in table.column_names][:1]]
    distribution = next((name for name in _USER_COLUMNS if name in table.column_names), None)
    style = f"DISTSTYLE KEY\nDISTKEY ({quote(distribution)})" if distribution else _without_user(table)
    lines = []
    for column in table.columns:
        # The leading sort column stays raw: compressed, it would make Redshift read more of the other columns.
        encoding = "RAW" if column.name == table.window_column else _REDSHIFT_ENCODING.get(column.type, "AZ64")
        null = "" if column.is_nullable else " NOT NULL"
        lines.append(f"    {quote(column.name)} {redshift_type(column)} ENCODE {encoding}{null}")
    lines.append(f"    PRIMARY KEY ({', '.join(quote(name) for name in table.key)})")
    body = ",\n".join(lines)
    return (
        f"CREATE TABLE IF NOT EXISTS {schema}.{quote(table.name)} (\n{body}\n)\n{style}\n"
        f"COMPOUND SORTKEY ({', '.join(quote(name) for name in sort_key)})"
    )


def quote(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _without_user(table: Table) -> str:
    return "DISTSTYLE EVEN" if "kafka_offset" in table.column_names else "DISTSTYLE ALL"


def _spark_column(column: Column) -> str:
    kind = _SPARK[column.type]
    return f"{column.name} {_SPARK_SQL.get(kind, kind.upper())}{'' if column.is_nullable else ' NOT NULL'}"
