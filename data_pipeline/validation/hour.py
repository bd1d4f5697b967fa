"""One hour of one source, from raw objects to staged and quarantine.

Belongs here: reading what the raw manifest names, streaming it through validation, publishing two manifests.
Does not: verdicts on rows (`table.py`), verdicts on the hour as a whole (`history/`).
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.layout import hour_partition, hour_prefix
from data_pipeline.common.manifest import Entry, Manifest, manifest_key, publish_manifest, read_manifest, require_manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.common.sources import PRODUCT_EVENT_CONTRACT
from data_pipeline.common.windows import Hour
from data_pipeline.contracts.arrow import QUARANTINE_SCHEMA, staged_arrow_schema
from data_pipeline.contracts.contract import Contract
from data_pipeline.validation.columns import dictionary_columns
from data_pipeline.validation.exact.batch import Validated
from data_pipeline.validation.files import batch_rows
from data_pipeline.validation.history import Finding, ProfileBuilder, judge_window
from data_pipeline.validation.table import FAST_FROM_ROWS, TableValidator, conform_raw
from data_pipeline.validation.writer import MAX_OBJECT_BYTES, PartitionWriter

RAW, STAGED, QUARANTINE = "raw", "staged", "quarantine"
PREVIEW_ROWS = 10
EVENT_TIME = "occurred_at"


@dataclass
class ValidatedHour:
    """What validation made of one hour of one source.

    Attributes:
        rows_in: rows of the raw objects; always staged plus quarantined.
        rows_staged: rows that keep every rule.
        rows_quarantined: rows that break one or more.
        by_rule: number of quarantined rows by rule; a row counts under each that it breaks.
        event_days: number of staged rows by UTC day on which the event happened.
        unknown_fields: number of rows by dotted path of a field that the contract does not name.
        staged: the published manifest.
        quarantine: the published manifest.
        findings: what is unusual about the hour beside its history; none for a contract without profiles.
        staged_preview: the first staged rows, as plain values.
    """

    rows_in: int
    rows_staged: int
    rows_quarantined: int
    by_rule: Mapping[str, int]
    event_days: Mapping[str, int]
    unknown_fields: Mapping[str, int]
    staged: Manifest
    quarantine: Manifest
    findings: list[Finding] = field(default_factory=list)
    staged_preview: list[dict[str, Any]] = field(default_factory=list)


def validate_hour(
    contract: Contract,
    source: str,
    hour: Hour,
    store: ObjectStore,
    *,
    run_id: str,
    worker_count: int = 2,
    max_object_bytes: int = MAX_OBJECT_BYTES,
) -> ValidatedHour:
    """Validate one hour of one source and publish the result.

    Streams batch by batch: memory does not grow with the hour. Objects are written first, then the manifest of
    quarantine, then that of staged; whatever fails before leaves no manifest that names a partial result.

    Args:
        contract: schema versions and rules.
        source: name of the source.
        hour: the hour of arrival.
        store: where raw is read and staged and quarantine are written.
        run_id: names this run in the manifests.
        worker_count: threads that validate at once.
        max_object_bytes: size from which a new staged or quarantine object is begun.

    Raises:
        PermanentError: the raw hour is not published, or an object that its manifest names is missing, cut or another one.
        OvertakenError: another run published other content for this hour meanwhile.
        TransientError: the store does not answer.
    """
    raw_prefix = hour_prefix(RAW, source, hour)
    raw_manifest = require_manifest(store, raw_prefix, f"raw/{contract.name} of {source} {hour}")
    raw_digest = hashlib.sha256(store.get(manifest_key(raw_prefix))).hexdigest()
    prefixes = {stage: hour_prefix(stage, source, hour) for stage in (STAGED, QUARANTINE)}
    seen = {stage: read_manifest(store, prefix) for stage, prefix in prefixes.items()}
    staged_schema = staged_arrow_schema(contract)
    validator = TableValidator(contract, source, use_fast_path=raw_manifest.row_count >= FAST_FROM_ROWS)
    totals = _Totals()
    profile = ProfileBuilder(source, str(hour), raw_manifest.row_count) if contract.name == PRODUCT_EVENT_CONTRACT else None
    with (
        PartitionWriter(store, prefixes[STAGED], staged_schema, dictionary_columns(staged_schema), max_object_bytes) as staged,
        PartitionWriter(
            store, prefixes[QUARANTINE], QUARANTINE_SCHEMA, dictionary_columns(QUARANTINE_SCHEMA), max_object_bytes
        ) as quarantine,
    ):
        for validated in _in_order(validator, _raw_batches(store, raw_manifest), worker_count):
            staged.write(validated.staged)
            quarantine.write(validated.quarantine)
            totals.add(validated)
            if profile is not None:
                profile.add(validated.staged, validated.by_rule, validated.quarantine.num_rows, validated.unknown_fields)
        entries = {STAGED: staged.finish(), QUARANTINE: quarantine.finish()}
    totals.require_whole(raw_manifest, entries)
    partition = hour_partition(source, hour)
    quarantine_manifest = Manifest(
        QUARANTINE,
        partition,
        entries[QUARANTINE],
        {"rows_quarantined": totals.rows_quarantined},
        {"by_rule": dict(sorted(totals.by_rule.items())), "raw_sha256": raw_digest, "rules_version": contract.digest},
        run_id,
    )
    staged_manifest = Manifest(
        STAGED,
        partition,
        entries[STAGED],
        {"rows_in": totals.rows_in, "rows_staged": totals.rows_staged, "rows_quarantined": totals.rows_quarantined},
        {
            "event_days": dict(sorted(totals.event_days.items())),
            "raw_sha256": raw_digest,
            "rules_version": contract.digest,
            "unknown_fields": dict(sorted(totals.unknown_fields.items())),
        },
        run_id,
    )
    published_quarantine = publish_manifest(store, prefixes[QUARANTINE], quarantine_manifest, seen[QUARANTINE])
    published_staged = publish_manifest(store, prefixes[STAGED], staged_manifest, seen[STAGED])
    return ValidatedHour(
        totals.rows_in,
        totals.rows_staged,
        totals.rows_quarantined,
        dict(totals.by_rule),
        dict(totals.event_days),
        dict(totals.unknown_fields),
        published_staged.manifest,
        published_quarantine.manifest,
        judge_window(store, *profile.finish()) if profile is not None else [],
        totals.preview,
    )


@dataclass
class _Totals:
    rows_in: int = 0
    rows_staged: int = 0
    rows_quarantined: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)
    event_days: Counter[str] = field(default_factory=Counter)
    unknown_fields: Counter[str] = field(default_factory=Counter)
    preview: list[dict[str, Any]] = field(default_factory=list)

    def add(self, validated: Validated) -> None:
        self.rows_staged += validated.staged.num_rows
        self.rows_quarantined += validated.quarantine.num_rows
        self.rows_in += validated.staged.num_rows + validated.quarantine.num_rows
        self.by_rule.update(validated.by_rule)
        self.unknown_fields.update(validated.unknown_fields + validated.unknown_fields_rejected)
        self.event_days.update(event_days(validated.staged))
        if len(self.preview) < PREVIEW_ROWS:
            self.preview.extend(validated.staged.slice(0, PREVIEW_ROWS - len(self.preview)).to_pylist())

    def require_whole(self, raw: Manifest, entries: Mapping[str, list[Entry]]) -> None:
        """Conservation, from what was read and what was written, not from one number twice."""
        written = sum(entry.row_count for stage in entries.values() for entry in stage)
        if not self.rows_in == written == raw.row_count:
            raise PermanentError(
                f"Validation read {raw.row_count} raw rows, judged {self.rows_in} and wrote {written}; nothing was published. "
                "This is a defect of the platform: report it with the hour and source."
            )


def event_days(staged: pa.Table) -> dict[str, int]:
    """Number of rows by UTC day of `occurred_at`, or of `received_at` where the contract has no such instant."""
    name = (
        EVENT_TIME if EVENT_TIME in staged.column_names and pa.types.is_timestamp(staged.schema.field(EVENT_TIME).type) else "received_at"
    )
    days = pc.value_counts(pc.cast(staged.column(name), pa.timestamp("ms")).combine_chunks().cast(pa.date32(), safe=False))
    return {str(item["values"]): item["counts"] for item in days.to_pylist() if item["values"] is not None}


def _raw_batches(store: ObjectStore, manifest: Manifest) -> Iterator[pa.Table]:
    """All rows that the manifest names, in its order, in tables of a bounded size; one object is in memory at a time."""
    for entry in manifest.entries:
        reader = open_entry(store, entry)
        try:
            for batch in reader.iter_batches(batch_size=batch_rows(reader)):
                yield conform_raw(pa.Table.from_batches([batch]), store.url(entry.key))
        except (pa.ArrowException, OSError) as error:
            raise PermanentError(f"{store.url(entry.key)} cannot be read as Parquet ({error}); land its hour again.") from error


def open_entry(store: ObjectStore, entry: Entry, advice: str = "land its hour again") -> pq.ParquetFile:
    """An object that a manifest names, verified: there, of that size, those bytes, that many rows.

    Args:
        store: where it is.
        entry: what the manifest says.
        advice: what to do where it is not so.

    Raises:
        PermanentError: naming the object and what is wrong with it.
    """
    url = store.url(entry.key)
    found = store.find(entry.key)
    if found is None:
        raise PermanentError(f"{url} does not exist, though its manifest names it; {advice}.")
    data = found.data
    if len(data) != entry.size_bytes:
        raise PermanentError(f"{url} has {len(data)} bytes, its manifest says {entry.size_bytes}; it is cut or replaced: {advice}.")
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise PermanentError(f"{url} does not have the digest that its manifest says; it was replaced or damaged: {advice}.")
    try:
        reader = pq.ParquetFile(io.BytesIO(data))
    except (pa.ArrowException, OSError) as error:
        raise PermanentError(f"{url} is not a Parquet object ({error}); {advice}.") from error
    if reader.metadata.num_rows != entry.row_count:
        raise PermanentError(f"{url} has {reader.metadata.num_rows} rows, its manifest says {entry.row_count}; {advice}.")
    return reader


def _in_order(validator: TableValidator, batches: Iterator[pa.Table], worker_count: int) -> Iterator[Validated]:
    """Validate batches on threads, a few ahead at most, and hand them on in their order: the result is the same on every run."""
    if worker_count <= 1:
        yield from map(validator.validate, batches)
        return
    with ThreadPoolExecutor(worker_count) as pool:
        ahead: deque[Future[Validated]] = deque()
        for batch in batches:
            ahead.append(pool.submit(validator.validate, batch))
            if len(ahead) > worker_count:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
