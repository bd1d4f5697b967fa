"""The audit tables of a day of arrival: the numbers of the equations, and the rejected rows.

Belongs here: reading them off manifests and quarantine, publishing them. Does not: Spark, event days, how a rejected value is shown
(`rejected_values.py`).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.layout import hour_prefix, lake_prefix
from data_pipeline.common.manifest import Entry, Manifest, publish_manifest, read_manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.common.windows import Hour, hours_of_day
from data_pipeline.contracts.columns import Table
from data_pipeline.contracts.render import arrow_schema
from data_pipeline.contracts.tables import INGEST_HOURS, REJECTIONS
from data_pipeline.transforms.rejected_values import describe_value

if TYPE_CHECKING:
    import pyarrow as pa

_THREADS = 16
_ROWS_AN_OBJECT = 1_000_000


def read_ingest_hours(store: ObjectStore, day: date, sources: Sequence[str]) -> pa.Table:
    """One row a landed hour and source: what was landed, staged and quarantined, by the manifests.

    Args:
        store: where the manifests are.
        day: UTC day of arrival.
        sources: sources to look at.

    Returns:
        Rows of the catalogue's table `ingest_hours`; `staged_count` and `quarantined_count` are null where the hour is not validated.
    """
    import pyarrow as pa

    raw, staged = (_manifests(store, stage, day, sources) for stage in ("raw", "staged"))
    rows = []
    for (hour, source), landed in raw.items():
        validated = staged.get((hour, source))
        rows.append(
            {
                "arrival_date": day,
                "hour_at": hour.start,
                "source": source,
                **{name: landed.counts[name] for name in ("offset_count", "landed_count", "control_or_gap_count")},
                "raw_bytes": landed.size_bytes,
                "staged_count": validated.counts["rows_staged"] if validated else None,
                "quarantined_count": validated.counts["rows_quarantined"] if validated else None,
            }
        )
    return pa.Table.from_pylist(rows, schema=arrow_schema(INGEST_HOURS))


def read_rejections(store: ObjectStore, day: date, sources: Sequence[str]) -> pa.Table:
    """One row a rejected row and rule that it broke, off the quarantine of a day of arrival.

    Args:
        store: where quarantine is.
        day: UTC day of arrival.
        sources: sources to look at.

    Returns:
        Rows of the catalogue's table `rejections`, by hour, source, partition, offset and rule.

    Raises:
        PermanentError: an object that a manifest names is missing or is no Parquet of the quarantine's columns.
    """
    import pyarrow as pa

    schema = arrow_schema(REJECTIONS)
    tables = [
        pa.Table.from_pylist(list(_rejections(rejected, day, hour, source)), schema=schema)
        for (hour, source), manifest in _manifests(store, "quarantine", day, sources).items()
        for rejected in _objects(store, manifest)
    ]
    return pa.concat_tables(tables) if tables else schema.empty_table()


def build_audit_day(day: date, store: ObjectStore, *, run_id: str, sources: Sequence[str]) -> dict[str, Manifest]:
    """Publish `lake/ingest_hours` and `lake/rejections` for a day of arrival; the same inputs give the same objects.

    Returns:
        The published manifests by table name.

    Raises:
        PermanentError: no hour of the day was landed.
        OvertakenError: another run published other content meanwhile.
    """
    readers: Mapping[Table, Callable[[ObjectStore, date, Sequence[str]], pa.Table]] = {
        INGEST_HOURS: read_ingest_hours,
        REJECTIONS: read_rejections,
    }
    seen = {table: read_manifest(store, lake_prefix(table.name, day)) for table in readers}
    rows = {table: read(store, day, sources) for table, read in readers.items()}
    if not rows[INGEST_HOURS].num_rows:
        raise PermanentError(f"No hour of {day} is landed for {', '.join(sorted(sources))}; materialize raw/events for it first.")
    published = {}
    for table, found in rows.items():
        prefix = lake_prefix(table.name, day)
        entries = [_write(store, prefix, n, part) for n, part in enumerate(_parts(found))]
        manifest = Manifest(f"lake/{table.name}", {"date": day.isoformat()}, entries, {"rows_out": found.num_rows}, {}, run_id)
        published[table.name] = publish_manifest(store, prefix, manifest, seen[table]).manifest
    return published


def _manifests(store: ObjectStore, stage: str, day: date, sources: Sequence[str]) -> dict[tuple[Hour, str], Manifest]:
    wanted = [(hour, source) for hour in hours_of_day(day) for source in sorted(sources) if hour.start <= datetime.now(UTC)]

    def read(key: tuple[Hour, str]) -> Manifest | None:
        published = read_manifest(store, hour_prefix(stage, key[1], key[0]))
        return published.manifest if published else None

    # The first alone: the store makes its client then, which is not safe in two threads at once.
    first = [read(key) for key in wanted[:1]]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="manifests") as pool:
        found = [*first, *pool.map(read, wanted[1:])]
    return {key: manifest for key, manifest in zip(wanted, found, strict=True) if manifest is not None}


def _objects(store: ObjectStore, manifest: Manifest) -> Iterator[pa.Table]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for entry in manifest.entries:
        data = store.get(entry.key)
        try:
            yield pq.read_table(io.BytesIO(data), columns=["partition", "offset", "received_at", "value", "rules"])
        except (pa.ArrowInvalid, KeyError, OSError) as error:
            raise PermanentError(f"{store.url(entry.key)} cannot be read as quarantine ({error}); validate its hour again.") from error


def _rejections(rejected: pa.Table, day: date, hour: Hour, source: str) -> Iterator[dict[str, Any]]:
    for row in rejected.to_pylist():
        rules = sorted(set(row["rules"] or ()))
        shown = describe_value(row["value"], rules)
        for rule in rules:
            yield {
                "arrival_date": day,
                "hour_at": hour.start,
                "source": source,
                "rule": rule,
                "received_at": row["received_at"],
                "event_type": shown.event_type,
                "app_version": shown.app_version,
                "value_excerpt": shown.excerpt,
                "kafka_partition": row["partition"],
                "kafka_offset": row["offset"],
            }


def _parts(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, table.num_rows, _ROWS_AN_OBJECT):
        yield table.slice(start, _ROWS_AN_OBJECT)


def _write(store: ObjectStore, prefix: str, number: int, part: pa.Table) -> Entry:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(part, buffer, compression="zstd")
    data = buffer.getvalue()
    sha256 = hashlib.sha256(data).hexdigest()
    key = f"{prefix}/part-{number:05d}-{sha256[:16]}.parquet"
    store.put(key, data)
    return Entry(key, len(data), part.num_rows, sha256)
