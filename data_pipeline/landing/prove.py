"""Proves a published hour again: against Kafka while it still has the offsets, else from the manifest and its objects.

Every object is read and compared with its digest. Where Kafka still has a chunk's offsets they are read again, and each record
that Kafka shows must stand in the objects with the same bytes. Rows that Kafka has since compacted away are no loss.
Belongs here: the audit. Does not: repairing what it finds (`hour.py` lands missing objects again).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data_pipeline.common.errors import LostOffsetsError, PermanentError
from data_pipeline.common.layout import hour_prefix
from data_pipeline.common.manifest import Entry, Manifest, read_manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.common.sources import Source
from data_pipeline.common.windows import Hour
from data_pipeline.landing.boundaries import Boundary
from data_pipeline.landing.chunks import Chunk, OffsetRange, cut_range
from data_pipeline.landing.kafka_client import Clients, KafkaUnavailableError, UnknownTopicError
from data_pipeline.landing.land_chunk import read_blocks
from data_pipeline.landing.ledger import Ledger
from data_pipeline.landing.proof import FROM_KAFKA, FROM_MANIFEST, PartitionProof, proofs_of
from data_pipeline.landing.range_reader import RangeReader
from data_pipeline.landing.rows import RAW_SCHEMA
from data_pipeline.landing.topic_log import TopicLog

RAW = "raw"


class NotPublishedError(PermanentError):
    """The hour has no manifest, so there is nothing to prove yet."""


@dataclass
class _Tally:
    """What was found of one Kafka partition."""

    landed: int = 0
    gaps: int = 0
    altered: int = 0
    from_kafka: int = 0
    from_manifest: int = 0
    notes: list[str] = field(default_factory=list)

    def add(self, other: _Tally) -> None:
        self.landed += other.landed
        self.gaps += other.gaps
        self.altered += other.altered
        self.from_kafka += other.from_kafka
        self.from_manifest += other.from_manifest
        self.notes += other.notes

    @property
    def evidence(self) -> str:
        """`kafka`, `manifest`, or both."""
        if self.from_kafka and self.from_manifest:
            return f"{FROM_KAFKA} and {FROM_MANIFEST}"
        return FROM_MANIFEST if self.from_manifest else FROM_KAFKA


def prove_hour(
    source: Source, hour: Hour, kafka: Mapping[str, str], store: ObjectStore, *, worker_count: int = 2, with_kafka: bool = True
) -> list[PartitionProof]:
    """The proof of a published hour, per Kafka partition.

    Args:
        source: whose hour.
        hour: which hour.
        kafka: librdkafka's connection settings.
        store: where the hour landed.
        worker_count: partitions that are audited at once.
        with_kafka: False proves from manifest and objects alone.

    Raises:
        NotPublishedError: the hour has no manifest.
        TransientError: Kafka or the store did not answer.
        PermanentError: the manifest is damaged, or Kafka refuses.
    """
    published = read_manifest(store, hour_prefix(RAW, source.name, hour))
    if published is None:
        raise NotPublishedError(
            f"{source.name} {hour} is not published, so there is nothing to prove yet; run `data-pipeline land --source {source.name} "
            f"--window {hour}` first."
        )
    manifest = published.manifest
    ledger = Ledger(store, manifest.details["topic"])
    start, end = ledger.get(hour.start), ledger.get(hour.end)
    held = _held_from(manifest, source, kafka) if with_kafka else {}
    proofs = proofs_of(manifest)
    entries: dict[int, list[Entry]] = {proof.partition: [] for proof in proofs}
    for entry in manifest.entries:
        entries.setdefault(OffsetRange.of_object(entry.key).partition, []).append(entry)
    topic_id = manifest.details["topic_id"]
    chunk_rows = manifest.details["chunk_rows"]

    def audit(proof: PartitionProof) -> PartitionProof:
        problems = _ledger_problems(proof, start, end)
        with RangeReader(Clients(kafka)) as reader:
            partition = _Partition(source, hour, topic_id, proof, entries[proof.partition], held.get(proof.partition), store, reader)
            return partition.audit(chunk_rows, problems)

    with ThreadPoolExecutor(max(1, worker_count)) as pool:
        return list(pool.map(audit, proofs))


def _ledger_problems(proof: PartitionProof, start: Boundary | None, end: Boundary | None) -> list[str]:
    """Where the manifest and the ledger do not say the same."""
    if start is None or end is None:
        return ["The ledger lacks a boundary of the hour; restore it from the bucket's versions."]
    cut = (start.offset(proof.partition), end.offset(proof.partition))
    if cut != (proof.start, proof.end):
        return [f"The manifest holds offsets {proof.start} to {proof.end}, the ledger {cut[0]} to {cut[1]}."]
    return []


def _held_from(manifest: Manifest, source: Source, kafka: Mapping[str, str]) -> dict[int, int]:
    """The first offset that Kafka still has, per partition; empty where the topic is gone or another one."""
    log = TopicLog(kafka, source.topic)
    try:
        identity = log.describe()
    except UnknownTopicError:
        return {}
    except KafkaUnavailableError as error:
        raise KafkaUnavailableError(f"{error} Without Kafka, `--without-kafka` proves from manifest and objects alone.") from error
    if identity.topic_id != manifest.details["topic_id"]:
        return {}
    ours = {item["partition"] for item in manifest.details["partitions"]}
    return log.log_starts(sorted(ours & set(identity.partitions)))


@dataclass
class _Partition:
    """The audit of one Kafka partition of an hour."""

    source: Source
    hour: Hour
    topic_id: str
    proof: PartitionProof
    entries: list[Entry]
    held_from: int | None
    store: ObjectStore
    reader: RangeReader

    def audit(self, chunk_rows: int, problems: list[str]) -> PartitionProof:
        """Chunk by chunk, so that memory stays that of one chunk."""
        tally = _Tally(notes=problems)
        chunks = list(cut_range(self.proof.partition, self.proof.start, self.proof.end, chunk_rows))
        ranges = [(OffsetRange.of_object(entry.key), entry) for entry in self.entries]
        outside = [entry.key for offsets, entry in ranges if not self.proof.start <= offsets.first <= offsets.last < self.proof.end]
        tally.notes += [f"{key} lies outside the hour's offsets." for key in outside]
        for chunk in chunks:
            mine = [entry for offsets, entry in ranges if chunk.first <= offsets.first <= chunk.last]
            tally.add(self._audit_chunk(chunk, mine))
        return replace(
            self.proof,
            landed=tally.landed,
            control_or_gap=tally.gaps,
            evidence=tally.evidence,
            altered=tally.altered,
            notes=tuple(tally.notes),
        )

    def _audit_chunk(self, chunk: OffsetRange, entries: list[Entry]) -> _Tally:
        tally = _Tally()
        tables = [table for entry in entries if (table := self._read(entry, tally)) is not None]
        tally.landed = sum(table.num_rows for table in tables)
        seen = self._read_kafka(chunk)
        if seen is None:
            tally.from_manifest = 1
            tally.gaps = chunk.offset_count - sum(entry.row_count for entry in entries)
            return tally
        tally.from_kafka = 1
        landed = pa.concat_tables(tables) if tables else RAW_SCHEMA.empty_table()
        landed_offsets = landed.column("offset").to_numpy()
        seen_offsets = seen.column("offset").to_numpy()
        tally.gaps = chunk.offset_count - len(np.union1d(landed_offsets, seen_offsets))
        tally.altered = _altered(landed, seen)
        lost = np.setdiff1d(seen_offsets, landed_offsets)
        if len(lost):
            tally.notes.append(f"{len(lost)} records that Kafka has did not land; the first is offset {lost[0]}.")
        if tally.altered:
            tally.notes.append(f"{tally.altered} landed rows of {chunk.object_name} are not what Kafka has.")
        return tally

    def _read(self, entry: Entry, tally: _Tally) -> pa.Table | None:
        """An object's rows; None with a note where it is missing or not what the manifest names."""
        found = self.store.find(entry.key)
        if found is None:
            tally.notes.append(f"{self.store.url(entry.key)} is missing; land the hour again.")
            return None
        if hashlib.sha256(found.data).hexdigest() != entry.sha256:
            tally.notes.append(f"{self.store.url(entry.key)} is not the object that the manifest names; its digest differs.")
        try:
            table = pq.read_table(io.BytesIO(found.data))
            return table.select(RAW_SCHEMA.names)
        except (pa.ArrowException, OSError, KeyError) as error:
            tally.notes.append(f"{self.store.url(entry.key)} cannot be read ({type(error).__name__}).")
            return None

    def _read_kafka(self, offsets: OffsetRange) -> pa.Table | None:
        """What Kafka shows of the offsets; None where it has deleted some of them."""
        if self.held_from is None or self.held_from > offsets.first:
            return None
        chunk = Chunk(self.source.name, self.hour, self.source.topic, self.topic_id, offsets)
        try:
            blocks = [block.batch for block in read_blocks(self.reader, chunk)]
        except LostOffsetsError:
            return None
        return pa.Table.from_batches(blocks, schema=RAW_SCHEMA)


def _altered(landed: pa.Table, seen: pa.Table) -> int:
    """Rows that Kafka shows and that landed with other content."""
    common = pc.is_in(seen.column("offset"), value_set=landed.column("offset"))
    ours = landed.filter(pc.is_in(landed.column("offset"), value_set=seen.column("offset"))).sort_by("offset")
    theirs = seen.filter(common)
    if ours.num_rows != theirs.num_rows:
        return int(abs(ours.num_rows - theirs.num_rows))
    if ours.combine_chunks().equals(theirs.combine_chunks()):
        return 0
    rows = zip(ours.to_pylist(), theirs.to_pylist(), strict=True)
    return len([1 for mine, other in rows if mine != other])
