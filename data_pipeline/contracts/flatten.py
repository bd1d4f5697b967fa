"""A table for staged rows of any contract: what the warehouse holds of a source that is not product events.

Belongs here: staged Arrow schema to `Table`, staged rows to that table's rows. Does not: reading or writing objects.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from data_pipeline.common.errors import PermanentError
from data_pipeline.contracts.columns import Column, ColumnType, Table
from data_pipeline.contracts.render import REDSHIFT_MAX_VARCHAR, arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

ARRIVAL_DATE, LANDED_SOURCE = "arrival_date", "landed_source"
_DESCRIPTIONS = {
    "content_hash": "Equal where the JSON values are equal.",
    "received_at": "Kafka's timestamp of the record.",
    "kafka_partition": "Partition of the record on the source's topic.",
    "kafka_offset": "Offset of the record in that partition.",
}


def flatten_for_warehouse(name: str, staged: pa.Schema) -> Table:
    """The warehouse table of a contract's staged rows.

    Scalars become columns of their type, objects and arrays become JSON text. Names become snake_case. The day of arrival
    (by which a day is replaced) and the source come first.

    Args:
        name: of the dataset, and of the table.
        staged: columns of the staged objects, provenance included.

    Raises:
        PermanentError: two fields would have one name.
    """
    columns = [
        Column(ARRIVAL_DATE, ColumnType.DATE, "UTC day of arrival.", False),
        Column(LANDED_SOURCE, ColumnType.STRING, "Source of the record.", False, 32),
        *(_column(name, field) for field in staged),
    ]
    names = [column.name for column in columns]
    for column in names:
        if names.count(column) > 1:
            raise PermanentError(f"Two fields of the contract '{name}' would be the warehouse column '{column}'; rename one of them.")
    return Table(
        name=name,
        description=f"One row a record of {name} that passed validation, on the day of its arrival.",
        window_column=ARRIVAL_DATE,
        key=(LANDED_SOURCE, "kafka_partition", "kafka_offset"),
        columns=tuple(columns),
    )


def flatten_rows(table: Table, staged: pa.Table, source: str) -> pa.Table:
    """Staged rows of one source as rows of the table that `flatten_for_warehouse` made of their schema."""
    import pyarrow as pa
    import pyarrow.compute as pc

    arrival = pc.cast(pc.floor_temporal(staged["received_at"], unit="day"), pa.date32())
    sources = pa.array([source] * staged.num_rows, pa.string())
    values = [_as_text(column) if _is_nested(column.type) else column for column in staged.columns]
    return pa.table([arrival, sources, *values], names=table.column_names).cast(arrow_schema(table))


def _column(dataset: str, field: pa.Field) -> Column:
    name = re.sub(r"[^a-z0-9_]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field.name).lower())
    kind = _kind(dataset, field)
    nested = " as JSON text" if _is_nested(field.type) else ""
    return Column(
        name=name if not name[:1].isdigit() else f"_{name}",
        type=kind,
        description=_DESCRIPTIONS.get(field.name) or _described(field, nested),
        is_nullable=field.name not in ("received_at", "kafka_partition", "kafka_offset"),
        max_bytes=64 if field.name == "content_hash" else REDSHIFT_MAX_VARCHAR,
    )


def _described(field: pa.Field, nested: str) -> str:
    """The contract's own words, where it has some."""
    from data_pipeline.contracts.arrow import described

    words = described(field)
    return f"{words.rstrip('.')}{nested}." if words else f"Field {field.name} of the contract{nested}."


def _kind(dataset: str, field: pa.Field) -> ColumnType:
    import pyarrow as pa

    types = pa.types
    if _is_nested(field.type) or types.is_string(field.type) or types.is_large_string(field.type):
        return ColumnType.STRING
    for matches, kind in (
        (types.is_int32, ColumnType.INT32),
        (types.is_int64, ColumnType.INT64),
        (types.is_floating, ColumnType.DOUBLE),
        (types.is_boolean, ColumnType.BOOLEAN),
        (types.is_date, ColumnType.DATE),
        (types.is_timestamp, ColumnType.TIMESTAMP_MS),
    ):
        if matches(field.type):
            return kind
    raise PermanentError(f"Field '{field.name}' of '{dataset}' is {field.type}, for which the warehouse has no column type.")


def _is_nested(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_nested(kind))


def _as_text(column: pa.ChunkedArray) -> pa.Array:
    """Nested values as compact JSON; fields that are null are left out, as they would be in the contract's own examples."""
    import orjson
    import pyarrow as pa

    values = (
        None if value is None else orjson.dumps(_without_nulls(value), option=orjson.OPT_UTC_Z).decode() for value in column.to_pylist()
    )
    return pa.array(values, pa.string())


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
