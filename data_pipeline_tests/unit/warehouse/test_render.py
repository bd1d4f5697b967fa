"""The catalogue in every engine's words: read back by the engines themselves."""

from __future__ import annotations

import json
import subprocess
import sys

import duckdb
import pyarrow as pa
import pytest

from data_pipeline.contracts.columns import Table
from data_pipeline.contracts.render import arrow_schema, column_schema, duckdb_ddl, duckdb_type, redshift_ddl, spark_ddl, spark_json
from data_pipeline.contracts.tables import WAREHOUSE_TABLES

every_table = pytest.mark.parametrize("table", WAREHOUSE_TABLES, ids=lambda table: table.name)


@every_table
def test_duckdb_makes_the_table(table: Table) -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema warehouse")
        connection.execute(duckdb_ddl(table))
        connection.execute(duckdb_ddl(table))
        found = connection.execute(
            "select column_name, data_type, is_nullable from duckdb_columns() where schema_name = 'warehouse' order by column_index"
        ).fetchall()
    assert found == [(column.name, duckdb_type(column), column.is_nullable) for column in table.columns]


@every_table
def test_spark_reads_both_renderings_alike(table: Table) -> None:
    types = pytest.importorskip("pyspark.sql.types")
    from_json = types.StructType.fromJson(json.loads(spark_json(table)))
    assert [(field.name, field.nullable, field.metadata["comment"]) for field in from_json] == [
        (column.name, column.is_nullable, column.description) for column in table.columns
    ]
    words = {"int": "int", "bigint": "bigint"}
    in_ddl = [part.split()[:2] for part in spark_ddl(table).replace("(18,4)", "(18;4)").split(", ")]
    assert [[name, words.get(kind.lower(), kind.lower()).replace(";", ",")] for name, kind in in_ddl] == [
        [field.name, field.dataType.simpleString()] for field in from_json
    ]


@every_table
def test_arrow_has_every_column(table: Table) -> None:
    schema = arrow_schema(table)
    assert schema.names == table.column_names
    assert {field.type for field in schema if field.name.endswith("_at")} <= {pa.timestamp("ms", "UTC")}
    assert {field.type for field in schema if field.name.endswith("_amount")} <= {pa.decimal128(18, 4)}


def test_redshift_strings_are_as_long_as_utf8_needs() -> None:
    text = redshift_ddl(next(table for table in WAREHOUSE_TABLES if table.name == "events"))
    assert '"page_url" VARCHAR(8192)' in text  # 2048 code points of at most 4 bytes


def test_personal_data_is_tagged() -> None:
    events = next(table for table in WAREHOUSE_TABLES if table.name == "events")
    assert {column.name for column in column_schema(events) if "pii" in column.tags} == {"visitor_id", "anonymous_id", "user_id", "ip"}


def test_rendering_imports_no_engine() -> None:
    script = """
import sys
from data_pipeline.contracts.render import column_schema, duckdb_ddl, redshift_ddl, spark_ddl
from data_pipeline.contracts.tables import EVENTS

for render in (spark_ddl, redshift_ddl, duckdb_ddl, column_schema):
    render(EVENTS)
print(*sorted({"pyspark", "duckdb", "pyarrow", "redshift_connector", "dagster"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == ([], "")
