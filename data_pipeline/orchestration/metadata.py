"""What a materialization tells an engineer: counts, equation, bytes, previews, columns.

Belongs here: turning plain values into Dagster's metadata. Does not: computing them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from dagster import MarkdownMetadataValue, MetadataValue, TableColumn, TableColumnConstraints, TableSchema

from data_pipeline.common.manifest import Manifest, manifest_key
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.contracts.arrow import described
from data_pipeline.contracts.columns import Table
from data_pipeline.contracts.render import column_schema


def arrow_column_schema(schema: pa.Schema, descriptions: Mapping[str, str] | None = None) -> TableSchema:
    """The columns of Parquet objects."""
    descriptions = descriptions or {}
    return TableSchema(
        columns=[
            TableColumn(
                name=column.name,
                type=str(column.type),
                description=descriptions.get(column.name) or described(column),
                constraints=TableColumnConstraints(nullable=column.nullable),
            )
            for column in schema
        ]
    )


def table_column_schema(table: Table) -> TableSchema:
    """The columns of a table of the catalogue."""
    return TableSchema(
        columns=[
            TableColumn(
                name=column.name,
                type=column.type,
                description=column.description,
                constraints=TableColumnConstraints(nullable=column.is_nullable, unique=table.key == (column.name,)),
                tags=column.tags or None,
            )
            for column in column_schema(table)
        ]
    )


def manifest_metadata(manifest: Manifest, store: ObjectStore, prefix: str) -> dict[str, Any]:
    """Rows, bytes, objects and where the manifest stands."""
    return {
        "dagster/row_count": manifest.row_count,
        "size_bytes": manifest.size_bytes,
        "object_count": len(manifest.entries),
        "generation": manifest.generation,
        "manifest": MetadataValue.path(store.url(manifest_key(prefix))),
        "published_by_run": manifest.run_id,
    }


def markdown_table(rows: Sequence[Mapping[str, Any]], most: int = 20) -> MarkdownMetadataValue:
    """A small table for people; `(no rows)` where there are none."""
    if not rows:
        return MetadataValue.md("(no rows)")
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(_cell(row.get(name)) for name in names) + " |" for row in rows[:most]]
    if len(rows) > most:
        lines.append(f"\n… and {len(rows) - most:,} more.")
    return MetadataValue.md("\n".join(lines))


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")[:200]
