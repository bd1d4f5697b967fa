"""The statements that load a DuckDB warehouse: pure functions of catalogue and names.

Belongs here: SQL text. Does not: connections, files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data_pipeline.contracts.columns import Column, ColumnType, Table
from data_pipeline.contracts.render import WAREHOUSE_SCHEMA, duckdb_type, quote


def qualified_schema(catalog: str) -> str:
    """The warehouse schema with its catalog, since DuckDB finds `warehouse.t` ambiguous in a file called warehouse."""
    return f"{quote(catalog)}.{WAREHOUSE_SCHEMA}"


def count_window(table: Table, catalog: str) -> str:
    """Rows of a day; takes the day as its parameter."""
    return f"SELECT count(*) FROM {_name(table, catalog)} WHERE {quote(table.window_column)} = ?"


def delete_window(table: Table, catalog: str) -> str:
    """Remove a day; takes the day as its parameter."""
    return f"DELETE FROM {_name(table, catalog)} WHERE {quote(table.window_column)} = ?"


def insert_files(table: Table, catalog: str, paths: Sequence[Path]) -> str:
    """Insert Parquet files, columns matched by name and cast to the catalogue's types."""
    names = ", ".join(quote(name) for name in table.column_names)
    values = ", ".join(f"CAST({quote(column.name)} AS {duckdb_type(column)})" for column in table.columns)
    files = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    # Hive partitioning would read `date=…` in a path as a column.
    return (
        f"INSERT INTO {_name(table, catalog)} ({names})\nSELECT {values}\n"
        f"FROM read_parquet([{files}], union_by_name = true, hive_partitioning = false)"
    )


def copy_window_to_file(table: Table, catalog: str, path: Path) -> str:
    """Write a day as a Parquet file, its instants with their zone as in the lake; takes the day as its parameter."""
    columns = ", ".join(
        f"{quote(c.name)}::TIMESTAMPTZ AS {quote(c.name)}" if c.type is ColumnType.TIMESTAMP_MS else quote(c.name) for c in table.columns
    )
    where = f"{quote(table.window_column)} = ?"
    file = "'" + str(path).replace("'", "''") + "'"
    return f"COPY (SELECT {columns} FROM {_name(table, catalog)} WHERE {where}) TO {file} (FORMAT parquet, COMPRESSION zstd)"


def read_columns() -> str:
    """Name, type and nullability of a table's columns; takes catalog, schema and table as parameters."""
    return (
        "SELECT column_name, data_type, is_nullable FROM duckdb_columns() "
        "WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index"
    )


def add_column(table: Table, catalog: str, column: Column) -> str:
    """Give a table a nullable column that the catalogue has gained."""
    return f"ALTER TABLE {_name(table, catalog)} ADD COLUMN IF NOT EXISTS {quote(column.name)} {duckdb_type(column)}"


def _name(table: Table, catalog: str) -> str:
    return f"{qualified_schema(catalog)}.{quote(table.name)}"
