"""The Arrow types of staged rows, rendered from a contract's schema.

Belongs here: JSON Schema type to Arrow type, provenance columns. Does not: the lake's tables (`render.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from data_pipeline.common.errors import PermanentError
from data_pipeline.contracts.contract import VERSION_FIELD, Contract
from data_pipeline.contracts.schema import Node

INSTANT = pa.timestamp("ms", tz="UTC")

DESCRIPTION = "description"
"""Key of a field's metadata that holds the contract's words on it."""

PROVENANCE = (
    pa.field("content_hash", pa.string()),
    pa.field("received_at", INSTANT),
    pa.field("kafka_partition", pa.int32()),
    pa.field("kafka_offset", pa.int64()),
)
"""Columns after the contract's own: what the value is, and where it came from."""

RAW_SCHEMA = pa.schema(
    [
        pa.field("partition", pa.int32()),
        pa.field("offset", pa.int64()),
        pa.field("received_at", INSTANT),
        pa.field("key", pa.binary()),
        pa.field("value", pa.binary()),
        pa.field("headers", pa.list_(pa.struct([pa.field("key", pa.string()), pa.field("value", pa.binary())]))),
    ]
)
"""Columns of raw objects."""

QUARANTINE_SCHEMA = pa.schema([*RAW_SCHEMA, pa.field("rules", pa.list_(pa.string())), pa.field("stage", pa.string())])
"""Raw columns, the rules that the row breaks, and the stage that found out."""


def raw_table(columns: Mapping[str, pa.Array]) -> pa.Table:
    """A table of raw rows from some of its columns, equally long; the others are null."""
    count = len(next(iter(columns.values())))
    return pa.table([columns.get(field.name, pa.nulls(count, field.type)) for field in RAW_SCHEMA], schema=RAW_SCHEMA)


def staged_arrow_schema(contract: Contract) -> pa.Schema:
    """Columns of a contract's staged rows: its top-level fields in order, nested objects as structs, then provenance.

    Fields carry the contract's description of them as metadata.
    """
    fields = [pa.field(name, arrow_type(node, name), metadata=_words(node)) for name, node in contract.latest.properties.items()]
    taken = {field.name for field in PROVENANCE} & set(contract.latest.properties)
    if taken:
        raise PermanentError(f"The contract '{contract.name}' has a field '{sorted(taken)[0]}', a name that staged rows need; rename it.")
    return pa.schema([*fields, *PROVENANCE])


def _words(node: Node) -> dict[str, str] | None:
    return {DESCRIPTION: node.description} if node.description else None


def described(field: pa.Field) -> str | None:
    """The contract's words on a staged column, None where it has none."""
    text = (field.metadata or {}).get(DESCRIPTION.encode())
    return text.decode() if text is not None else None


def arrow_type(node: Node, name: str = "") -> pa.DataType:
    """The Arrow type of a field; PermanentError for a field that may be of several types."""
    types = node.value_types
    if name == VERSION_FIELD and types == {"integer"}:
        return pa.int32()
    if types == {"string"}:
        return {"date-time": INSTANT, "date": pa.date32()}.get(node.format or "", pa.string())
    if types == {"integer"}:
        return pa.int64()
    if types in ({"number"}, {"number", "integer"}):
        return pa.float64()
    if types == {"boolean"}:
        return pa.bool_()
    if types == {"object"}:
        if not node.properties:
            raise PermanentError(f"The object '{node.path}' has no properties in the schema; list them, or it has no columns.")
        return pa.struct([pa.field(key, arrow_type(child)) for key, child in node.properties.items()])
    if types == {"array"}:
        if node.items is None:
            raise PermanentError(f"The array '{node.path}' has no items in the schema; say what an item is.")
        return pa.list_(arrow_type(node.items))
    allowed = " or ".join(sorted(types)) or "anything"
    raise PermanentError(f"The field '{node.path}' may be {allowed}; a column has one type (null may be allowed besides).")


def arrow_value(value: Any, node: Node, own: Node) -> Any:
    """A value that passed every rule, as Arrow takes it for its type: ints, floats, milliseconds since 1970.

    Args:
        value: what was parsed.
        node: of the newest version, which says the columns.
        own: of the version that judged the value; a member that it does not name was judged by nothing, so it is no column.
    """
    from data_pipeline.contracts.instants import parse_date, parse_instant

    if value is None:
        return None
    types = node.value_types
    if "object" in types:
        return {
            key: arrow_value(value.get(key), child, own.properties[key]) if key in own.properties else None
            for key, child in node.properties.items()
        }
    if "array" in types and node.items is not None and own.items is not None:
        return [arrow_value(item, node.items, own.items) for item in value]
    if types == {"string"}:
        return {"date-time": parse_instant, "date": parse_date}.get(node.format or "", str)(value)
    if types == {"integer"}:
        return int(value)
    return float(value) if "number" in types else value
