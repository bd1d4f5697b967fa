"""Empties a person's records in raw: key, value and headers go, partition, offset and time stay, so every equation still holds.

The new object stands in a folder of its own and is published by the manifest, as every change of a partition is; the old one is
deleted afterwards.
Belongs here: rewriting. Does not: finding (`find.py`).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.manifest import Entry, publish_manifest, read_manifest
from data_pipeline.common.object_store import ObjectStore

_EMPTIED = ("key", "value", "headers")


def empty_records(store: ObjectStore, folder: str, rows: Mapping[str, Sequence[int]], erasure_id: str) -> int:
    """Empty rows of an hour's objects and publish it; how many. Done twice, it changes nothing the second time.

    Args:
        store: the bucket.
        folder: the raw partition.
        rows: object key to positions; keys that the manifest no longer names were emptied by an earlier run.
        erasure_id: names the folder of the new objects, and stands in the manifest.

    Raises:
        OvertakenError: another run published the hour meanwhile; run again.
        PermanentError: an object is missing or altered.
    """
    seen = read_manifest(store, folder)
    if seen is None:
        raise PermanentError(f"{store.url(folder)} is not published any more; run the erasure again.")
    entries: list[Entry] = []
    emptied = 0
    for entry in seen.manifest.entries:
        if entry.key in rows:
            entries.append(_rewrite(store, folder, entry, rows[entry.key], erasure_id))
            emptied += len(rows[entry.key])
        else:
            entries.append(entry)
    if not emptied:
        return 0
    past: list[Any] = list(seen.manifest.details.get("erasures", ()))
    details = {**seen.manifest.details, "erasures": [*past, {"erasure": erasure_id, "rows": emptied}]}
    publish_manifest(store, folder, replace(seen.manifest, entries=entries, details=details, run_id=f"erasure-{erasure_id}"), seen)
    return emptied


def _rewrite(store: ObjectStore, folder: str, entry: Entry, rows: Sequence[int], erasure_id: str) -> Entry:
    data = store.get(entry.key)
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise PermanentError(f"{store.url(entry.key)} does not have the digest that its manifest says; restore it before erasing from it.")
    table = pq.read_table(io.BytesIO(data))
    doomed = set(rows)
    # A position that is null takes a null.
    positions = pa.array([None if row in doomed else row for row in range(table.num_rows)], pa.int64())
    for name in _EMPTIED:
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), table[name].take(positions))
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", use_dictionary=False)
    new = buffer.getvalue()
    name = entry.key.rsplit("/", 1)[-1]
    key = f"{folder}/erased-{erasure_id}/{name}"
    store.put(key, new)
    return Entry(key, len(new), table.num_rows, hashlib.sha256(new).hexdigest())
