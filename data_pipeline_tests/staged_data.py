"""Staged hours for tests of the day stages: rows as the validation stage writes them, and their manifests.

Rows are made from a contract example and a few differences, so that a test says only what it is about.
"""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data_pipeline.common.layout import hour_partition, hour_prefix
from data_pipeline.common.manifest import Entry, Manifest, publish_manifest, read_manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.common.windows import Hour, hours_of_day
from data_pipeline.contracts.arrow import staged_arrow_schema
from data_pipeline.contracts.contract import load_contract

STAGED_SCHEMA = staged_arrow_schema(load_contract("product_event"))


@cache
def _examples() -> dict[str, dict[str, Any]]:
    text = (resources.files("data_pipeline.contracts") / "product_event" / "examples.ndjson").read_text()
    found: dict[str, dict[str, Any]] = {}
    for line in text.splitlines():
        value = json.loads(line)
        found.setdefault(value["event_type"], value)
    return found


def instant(text: str) -> datetime:
    """`2026-03-14T09:26` and the like, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def staged_row(
    event_type: str, occurred_at: datetime, *, offset: int, received_at: datetime | None = None, **values: Any
) -> dict[str, Any]:
    """A staged row: the contract's example of that type with other values; received a second later unless said."""
    row = dict.fromkeys(STAGED_SCHEMA.names) | _examples()[event_type]
    row |= {"event_id": str(uuid.UUID(int=offset)), "occurred_at": occurred_at, "sent_at": occurred_at, "source": "web"} | values
    row["received_at"] = received_at or occurred_at + timedelta(seconds=1)
    row["kafka_partition"] = values.get("kafka_partition", 0)
    row["kafka_offset"] = offset
    if "content_hash" not in values:
        content = {k: v for k, v in row.items() if k not in ("sent_at", "received_at", "kafka_partition", "kafka_offset", "content_hash")}
        row["content_hash"] = hashlib.sha256(json.dumps(content, default=str, sort_keys=True).encode()).hexdigest()[:32]
    return {name: row[name] for name in STAGED_SCHEMA.names}


def resend(row: Mapping[str, Any], *, offset: int, received_at: datetime, **values: Any) -> dict[str, Any]:
    """The row once more, arrived later; with `content_hash` another, a conflict."""
    return {**row, "kafka_offset": offset, "received_at": received_at, **values}


def staged_table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows as Arrow."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema=STAGED_SCHEMA)


def publish_staged(
    store: ObjectStore, rows: Iterable[Mapping[str, Any]], days: Iterable[Any] = (), sources: Iterable[str] = ("web",)
) -> None:
    """Publish each row in its hour of arrival and source, and empty hours for the rest of `days`.

    An hour that is published already is replaced by its rows and the new ones.
    """
    by_hour: dict[tuple[str, Hour], list[Mapping[str, Any]]] = {}
    for row in rows:
        by_hour.setdefault((row["source"], Hour.containing(row["received_at"])), []).append(row)
    for (source, hour), found in by_hour.items():
        _publish(store, source, hour, found)
    for day in days:
        for hour in hours_of_day(day):
            for source in sources:
                if read_manifest(store, hour_prefix("staged", source, hour)) is None:
                    _publish(store, source, hour, [])


def _publish(store: ObjectStore, source: str, hour: Hour, rows: list[Mapping[str, Any]]) -> None:
    prefix = hour_prefix("staged", source, hour)
    seen = read_manifest(store, prefix)
    table = staged_table(rows)
    if seen is not None:
        old = [pq.read_table(io.BytesIO(store.get(entry.key)), schema=STAGED_SCHEMA) for entry in seen.manifest.entries]
        table = pa.concat_tables([*old, table])
    entries = []
    if table.num_rows:
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
        key = f"{prefix}/part-00000-{sha256[:16]}.parquet"
        store.put(key, buffer.getvalue())
        entries = [Entry(key, len(buffer.getvalue()), table.num_rows, sha256)]
    event_days = Counter(at.date().isoformat() for at in table["occurred_at"].to_pylist())
    counts = {"rows_in": table.num_rows, "rows_staged": table.num_rows, "rows_quarantined": 0}
    manifest = Manifest("staged", hour_partition(source, hour), entries, counts, {"event_days": dict(event_days)}, "test")
    publish_manifest(store, prefix, manifest, seen)
