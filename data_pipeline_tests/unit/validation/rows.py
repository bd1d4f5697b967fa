"""Rows for tests: the contract's examples and raw tables."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from data_pipeline.contracts import arrow
from data_pipeline.contracts.arrow import RAW_SCHEMA
from data_pipeline.contracts.contract import CONTRACTS_DIR
from data_pipeline.devstack.agreement.mutate import SOURCES, Mutator

__all__ = ["EXAMPLES", "FOLDER", "INVALID", "RECEIVED_AT", "SOURCES", "Mutator", "encode", "example", "raw_table"]

FOLDER = CONTRACTS_DIR / "product_event"
EXAMPLES = [json.loads(line) for line in (FOLDER / "examples.ndjson").read_text().splitlines()]
INVALID = [json.loads(line) for line in (FOLDER / "invalid.ndjson").read_text().splitlines()]
RECEIVED_AT = datetime(2026, 3, 15, 0, 1, tzinfo=UTC)


def example(event_type: str, source: str | None = None) -> dict[str, Any]:
    """A valid value of a type, by a source where one is named."""
    return deepcopy(next(row for row in EXAMPLES if row["event_type"] == event_type and source in (None, row["source"])))


def encode(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def raw_table(values: list[bytes | None], received_at: datetime | list[datetime | None] | None = RECEIVED_AT) -> pa.Table:
    """Values as rows of a raw object, offsets from 0."""
    count = len(values)
    received = received_at if isinstance(received_at, list) else [received_at] * count
    columns = {
        "partition": pa.array([0] * count, pa.int32()),
        "offset": pa.array(range(count), pa.int64()),
        "received_at": pa.array(received, RAW_SCHEMA.field("received_at").type),
        "value": pa.array(values, pa.binary()),
    }
    return arrow.raw_table(columns)
