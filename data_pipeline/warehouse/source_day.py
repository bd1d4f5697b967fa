"""A day of a source with a contract of its own, from its staged hours to what a warehouse loads.

Product events go through Spark; other sources have no sessions or duplicates across hours, so their rows go as they are.
Belongs here: writing `lake/<dataset>/date=…`. Does not: loading it (`replace_window`), the table's columns (`contracts/flatten.py`).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.layout import hour_prefix, lake_prefix
from data_pipeline.common.manifest import Entry, Manifest, manifest_key, publish_manifest, read_manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.common.windows import hours_of_day
from data_pipeline.contracts.columns import Table
from data_pipeline.contracts.flatten import flatten_rows

if TYPE_CHECKING:
    import pyarrow as pa


def build_source_day(table: Table, day: date, store: ObjectStore, *, sources: Sequence[str], run_id: str) -> Manifest:
    """Flatten the staged rows of a day of arrival and publish them as `lake/<table>/date=<day>`.

    Args:
        table: from `flatten_for_warehouse`.
        day: the UTC day of arrival.
        store: where staged is read and the lake is written.
        sources: the sources of the dataset.
        run_id: stands in the manifest; the objects are named by their content, so another run writes the same.

    Returns:
        The published manifest: counts `rows_in`, `rows_out`, `hours` (staged hours that were there); details `inputs`, the
        staged manifests read with the digest of each. Hours that are not validated yet are left out.

    Raises:
        PermanentError: a staged object is missing or is not what its manifest says.
    """
    prefix = lake_prefix(table.name, day)
    seen = read_manifest(store, prefix)
    entries: list[Entry] = []
    inputs: dict[str, str] = {}
    rows_in = 0
    for source, hour_manifest, key in _staged(day, store, sources):
        inputs[key] = _digest(hour_manifest)
        rows_in += hour_manifest.row_count
        for entry in hour_manifest.entries:
            rows = flatten_rows(table, _read(store, entry), source)
            entries.append(_write(store, prefix, len(entries), rows))
    manifest = Manifest(
        stage=f"lake/{table.name}",
        partition={"date": day.isoformat()},
        entries=entries,
        counts={"rows_in": rows_in, "rows_out": sum(entry.row_count for entry in entries), "hours": len(inputs)},
        details={"inputs": inputs},
        run_id=run_id,
    )
    return publish_manifest(store, prefix, manifest, seen).manifest


def _staged(day: date, store: ObjectStore, sources: Sequence[str]) -> Iterator[tuple[str, Manifest, str]]:
    for source in sorted(sources):
        for hour in hours_of_day(day):
            prefix = hour_prefix("staged", source, hour)
            found = read_manifest(store, prefix)
            if found is not None:
                yield source, found.manifest, manifest_key(prefix)


def _read(store: ObjectStore, entry: Entry) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = store.get(entry.key)
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise PermanentError(f"{store.url(entry.key)} is not what its manifest says (truncated or overwritten); validate that hour again.")
    try:
        # Not partitioned by its path: `date=…` there is the day of arrival, no column.
        return pq.read_table(io.BytesIO(data))
    except pa.ArrowInvalid as error:
        raise PermanentError(f"{store.url(entry.key)} is not a Parquet object ({error}); validate that hour again.") from error


def _write(store: ObjectStore, prefix: str, number: int, rows: pa.Table) -> Entry:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(rows, buffer, compression="zstd")
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    key = f"{prefix}/part-{number:05d}-{digest[:16]}.parquet"
    store.put(key, data)
    return Entry(key, len(data), rows.num_rows, digest)


def _digest(manifest: Manifest) -> str:
    """Names the content of a manifest, whoever published it."""
    digest = hashlib.sha256()
    for entry in manifest.entries:
        digest.update(f"{entry.key} {entry.sha256}\n".encode())
    return digest.hexdigest()
