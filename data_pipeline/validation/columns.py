"""How staged and quarantine columns are stored.

Belongs here: which columns are worth a dictionary. Does not: types (`contracts/arrow.py`).
"""

from __future__ import annotations

import pyarrow as pa

_MANY_VALUES = frozenset(
    {"event_id", "content_hash", "kafka_offset", "offset", "received_at", "occurred_at", "sent_at", "value", "key", "url", "duration_ms"}
)


def dictionary_columns(schema: pa.Schema) -> list[str]:
    """Parquet paths of the leaf columns in which values repeat; the others only pay for trying."""
    return [path for field in schema for path in _leaves(field.name, field.type) if path.split(".")[-1] not in _MANY_VALUES]


def _leaves(path: str, kind: pa.DataType) -> list[str]:
    if pa.types.is_struct(kind):
        return [leaf for child in kind for leaf in _leaves(f"{path}.{child.name}", child.type)]
    if pa.types.is_list(kind):
        return _leaves(f"{path}.list.element", kind.value_type)
    return [path]
