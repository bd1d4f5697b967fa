"""Finds a person: devices by the identities and staged rows, records by the bytes of every raw object.

Belongs here: reading the bucket. Does not: changing it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data_pipeline.common.manifest import Manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.operations.erasure.person import Person, exclusive_devices
from data_pipeline.operations.manifests import all_manifests

KEPT_AS_CAME = ("raw/", "resolved/")
"""Stages that hold records as they came, and are not made again by a validation."""

Progress = Callable[[str], None]


@dataclass
class Found:
    """Where a person's records are.

    Attributes:
        rows: folder to object key to rows (positions in the object).
        days: UTC days that are made of them: of arrival, and of `occurred_at` where that can be read.
    """

    rows: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    days: set[str] = field(default_factory=set)

    @property
    def row_count(self) -> int:
        """How many records of raw."""
        return sum(len(rows) for folder, objects in self.rows.items() if folder.startswith("raw/") for rows in objects.values())


def find_person(store: ObjectStore, user_id: str) -> Person:
    """The account with its devices.

    Pairs come from the lake's identities, from staged hours that are not in the lake yet, and from rejected rows that can be read.
    """
    pairs: set[tuple[str, str]] = set()
    for prefix in ("lake/identities/", "staged/"):
        for _, published in all_manifests(store, prefix):
            for table in _tables(store, published.manifest, ["anonymous_id", "user_id"]):
                known = table.filter(pc.and_(pc.is_valid(table["anonymous_id"]), pc.is_valid(table["user_id"]))).combine_chunks()
                unique = known.group_by(["anonymous_id", "user_id"]).aggregate([])
                pairs.update(zip(unique["anonymous_id"].to_pylist(), unique["user_id"].to_pylist(), strict=True))
    rejected = [pair for _, published in all_manifests(store, "quarantine/") for pair in _rejected_pairs(store, published.manifest)]
    return Person(user_id, exclusive_devices(user_id, sorted({*pairs, *rejected})))


def _rejected_pairs(store: ObjectStore, manifest: Manifest) -> Iterator[tuple[str, str]]:
    for table in _tables(store, manifest, ["value"]):
        for value in table["value"].to_pylist():
            try:
                document = json.loads(value)
                pair = (document["anonymous_id"], document["user_id"])
            except (ValueError, TypeError, KeyError, RecursionError):
                continue
            if all(isinstance(name, str) for name in pair):
                yield pair


def find_records(store: ObjectStore, person: Person, progress: Progress = lambda _: None) -> Found:
    """Every record of the person in raw, and among resolved dead letters. All hours are read: those never validated hold them too."""
    found = Found()
    for prefix in KEPT_AS_CAME:
        for folder, published in all_manifests(store, prefix):
            progress(folder)
            for entry in published.manifest.entries:
                table = pq.read_table(io.BytesIO(store.get(entry.key)), columns=["key", "value"])
                rows = _rows_of(table, person)
                if rows:
                    found.rows.setdefault(folder, {})[entry.key] = rows
                    found.days.add(published.manifest.partition["date"])
                    found.days.update(_event_days(table, rows))
    return found


def _rows_of(table: pa.Table, person: Person) -> list[int]:
    keys = pc.is_in(table["key"], value_set=pa.array([name.encode() for name in person.identifiers], table["key"].type))
    candidates = {*person.candidates(table["value"]), *pc.indices_nonzero(pc.fill_null(keys, False)).to_pylist()}
    values, names = table["value"], table["key"]
    return [row for row in sorted(candidates) if person.owns_value(values[row].as_py()) or person.owns_key(names[row].as_py())]


def _event_days(table: pa.Table, rows: list[int]) -> Iterator[str]:
    for row in rows:
        value = table["value"][row].as_py()
        try:
            yield datetime.fromisoformat(json.loads(value)["occurred_at"]).astimezone(UTC).date().isoformat()
        except (ValueError, TypeError, KeyError, OverflowError):
            continue


def _tables(store: ObjectStore, manifest: Manifest, columns: list[str]) -> Iterator[pa.Table]:
    for entry in manifest.entries:
        reader = pq.ParquetFile(io.BytesIO(store.get(entry.key)))
        if set(columns) <= set(reader.schema_arrow.names):
            yield reader.read(columns)
