"""Writing one table of one day: into a folder of the attempt, made visible by the manifest.

Belongs here: objects, their sizes, rows and digests, and the manifest. Does not: what the rows are.
"""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.layout import lake_prefix
from data_pipeline.common.manifest import Entry, Manifest, PublishedManifest, publish_manifest, read_manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.contracts.columns import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_THREADS = 4


@dataclass(frozen=True)
class WrittenRun:
    """Objects that one attempt wrote; no reader sees them yet.

    Attributes:
        entries: the objects that hold rows, by key.
        rows_digest: digest of the rows, whatever their order and objects; equal for equal tables.
    """

    entries: list[Entry]
    rows_digest: str

    @property
    def row_count(self) -> int:
        """Rows in all objects, by their footers."""
        return sum(entry.row_count for entry in self.entries)


def write_run(frame: DataFrame, store: ObjectStore, table: Table, day: date, run_id: str) -> WrittenRun:
    """Write rows below `lake/<table>/date=<day>/<run id>-<attempt>/`, where nobody reads until a manifest names them.

    A folder of its own for each attempt: Spark's committers can show part of a job that was killed, or adopt a dead
    job's files. Every object is read back: digest and rows are those of the stored bytes.
    """
    from pyspark.sql import Observation
    from pyspark.sql import functions as F

    from data_pipeline.transforms.schemas import table_schema
    from data_pipeline.transforms.staged_rows import spark_url

    prefix = f"{lake_prefix(table.name, day)}/{run_id}-{secrets.token_hex(4)}"
    typed = frame.select(*(frame[field.name].cast(field.dataType).alias(field.name) for field in table_schema(table).fields))
    # Sums that no order of rows changes, taken while writing: xor alone would not see a row that comes twice.
    seen = Observation()
    row = F.xxhash64(*typed.columns)
    sums = [F.count(F.lit(1)).alias("rows"), F.bit_xor(row).alias("xor"), F.sum(F.shiftright(row, 24)).alias("sum")]
    typed.observe(seen, *sums).write.parquet(spark_url(store.url(prefix)))
    keys = [info.key for info in store.list(f"{prefix}/") if info.key.endswith(".parquet")]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="digests") as pool:
        objects = list(pool.map(lambda key: _entry(store, key), keys))
    for entry in objects:
        if not entry.row_count:
            # Spark writes a file for an empty table too, only to hold the schema.
            store.delete(entry.key)
    entries = sorted((entry for entry in objects if entry.row_count), key=lambda entry: entry.key)
    return WrittenRun(entries, _digest(seen.get))


def publish_table(
    store: ObjectStore,
    table: Table,
    day: date,
    written: WrittenRun,
    counts: Mapping[str, int],
    details: Mapping[str, Any],
    run_id: str,
    seen: PublishedManifest | None,
) -> Manifest:
    """Publish the day of a table; where its rows equal those published, the published objects stay.

    Raises:
        OvertakenError: another run published other content since `seen` was read.
    """
    entries = written.entries
    if seen is not None and _holds_the_same(store, seen.manifest, written):
        # What is downstream compares objects: equal rows must not look like a change to it.
        entries = list(seen.manifest.entries)
    manifest = Manifest(
        f"lake/{table.name}",
        {"date": day.isoformat()},
        entries,
        dict(counts),
        {**details, "rows_digest": written.rows_digest},
        run_id,
    )
    published = publish_manifest(store, lake_prefix(table.name, day), manifest, seen).manifest
    for entry in set(written.entries) - set(published.entries):
        store.delete(entry.key)
    return published


def read_published(store: ObjectStore, table: Table, day: date) -> PublishedManifest | None:
    """The manifest of a table's day, None where it was never built."""
    return read_manifest(store, lake_prefix(table.name, day))


def _holds_the_same(store: ObjectStore, published: Manifest, written: WrittenRun) -> bool:
    """Whether the published objects hold equal rows, and are still what their manifest says: building again repairs them."""
    if published.details.get("rows_digest") != written.rows_digest:
        return False
    for entry in published.entries:
        found = store.find(entry.key)
        if found is None or hashlib.sha256(found.data).hexdigest() != entry.sha256:
            return False
    return True


def _entry(store: ObjectStore, key: str) -> Entry:
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = store.get(key)
    try:
        rows = pq.read_metadata(io.BytesIO(data)).num_rows
    except pa.ArrowInvalid as error:
        raise PermanentError(f"{store.url(key)} was not written whole ({error}); run the day again.") from error
    return Entry(key, len(data), rows, hashlib.sha256(data).hexdigest())


def _digest(sums: Mapping[str, Any]) -> str:
    return hashlib.sha256(f"{sums['rows']}:{sums['xor']}:{sums['sum']}".encode()).hexdigest()
