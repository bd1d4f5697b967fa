"""Lands an hour of a source: cut, land what is missing, prove, publish the manifest last.

Belongs here: the order of these steps, and what is refused. Does not: how each step is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from data_pipeline.common.errors import LostOffsetsError, PermanentError
from data_pipeline.common.layout import hour_partition, hour_prefix
from data_pipeline.common.manifest import Manifest, PublishedManifest, publish_manifest, read_manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.common.sources import Source
from data_pipeline.common.windows import Hour
from data_pipeline.landing.chunks import CHUNK_ROWS, Chunk, OffsetRange
from data_pipeline.landing.encoding import ParquetSettings
from data_pipeline.landing.hour_cut import HourCut, cut_hour, open_limits, wait_until_stable
from data_pipeline.landing.land_chunk import LandedChunk, require_same_topic
from data_pipeline.landing.landed_chunks import LandedChunks
from data_pipeline.landing.ledger import Ledger
from data_pipeline.landing.progress import LandingProgress, ProgressCounter
from data_pipeline.landing.proof import PartitionProof, manifest_details, proofs_of, sum_up
from data_pipeline.landing.range_reader import LOSS_ADVICE
from data_pipeline.landing.standing import chunks_of, reached, standing
from data_pipeline.landing.topic_log import TopicIdentity, TopicLog
from data_pipeline.landing.workers import land_chunks

RAW = "raw"
_RECORD_EVERY_S = 10.0


def utc_now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class LandedHour:
    """What a run left of an hour.

    Attributes:
        is_closed: whether the hour is over and its manifest is published.
        manifest: the published manifest, None while the hour is open.
        partitions: the proof, per Kafka partition; empty while the hour is open.
        object_count: objects of the hour so far.
        size_bytes: their bytes.
    """

    is_closed: bool
    manifest: Manifest | None
    partitions: list[PartitionProof] = field(default_factory=list)
    object_count: int = 0
    size_bytes: int = 0


def land_hour(
    source: Source,
    hour: Hour,
    kafka: Mapping[str, str],
    store: ObjectStore,
    *,
    run_id: str,
    now: Callable[[], datetime] = utc_now,
    worker_count: int = 2,
    wait_s: float = 60,
    progress: Callable[[LandingProgress], None] | None = None,
    chunk_rows: int = CHUNK_ROWS,
    settings: ParquetSettings | None = None,
) -> LandedHour:
    """Land an hour. Run it as often as you like, also at once and after a kill: the result is the same.

    Args:
        source: what to land.
        hour: which hour; while it is not over, its full chunks are landed and it stays open.
        kafka: librdkafka's connection settings.
        store: where objects go.
        run_id: recorded in the manifest.
        now: the clock.
        worker_count: threads.
        wait_s: seconds to wait for open transactions at the hour's end.
        progress: hears of each chunk.
        chunk_rows: offset grid of an hour that no run has begun yet.
        settings: how objects are compressed.

    Raises:
        LostOffsetsError: Kafka no longer holds offsets of the hour that have not landed.
        TransientError: Kafka or the store did not answer, or a transaction is open; run again.
        PermanentError: the topic is missing or another one, credentials are refused, or what landed would become less.
    """
    log = TopicLog(kafka, source.topic)
    identity = log.describe()
    if now() < hour.start:
        return LandedHour(is_closed=False, manifest=None)
    cut = cut_hour(Ledger(store, source.topic), log, identity, hour, now, chunk_rows)
    run = _HourRun(source, cut, log, identity, kafka, store, worker_count, settings or ParquetSettings(), progress)
    return run.land_open() if cut.end is None else run.close(run_id, wait_s)


@dataclass
class _HourRun:
    """One run over one hour whose cut is known."""

    source: Source
    cut: HourCut
    log: TopicLog
    identity: TopicIdentity
    kafka: Mapping[str, str]
    store: ObjectStore
    worker_count: int
    settings: ParquetSettings
    progress: Callable[[LandingProgress], None] | None

    def __post_init__(self) -> None:
        self.prefix = hour_prefix(RAW, self.source.name, self.cut.hour)
        self.record = LandedChunks(self.store, self.source.name, self.cut.hour, self.identity.topic_id)

    def land_open(self) -> LandedHour:
        """Land the full chunks of the hour so far."""
        known = standing(self.store, self.record.read())
        limits = open_limits(self.log, self.identity, self.cut, reached(self.cut, known, self.identity.partitions))
        landed = self._land_missing(self.cut.whole_chunks(limits), known)
        entries = [entry for chunk in landed.values() for entry in chunk.entries]
        return LandedHour(False, None, [], len(entries), sum(entry.size_bytes for entry in entries))

    def close(self, run_id: str, wait_s: float) -> LandedHour:
        """Land the rest of the hour and publish its manifest, if that is not done yet."""
        seen = read_manifest(self.store, self.prefix)
        chunks = self.cut.chunks()
        if seen is not None:
            self._require_same_ranges(seen.manifest)
        known = standing(self.store, self.record.read() if seen is None else chunks_of(seen.manifest, chunks))
        missing = [chunk for chunk in chunks if chunk not in known]
        if seen is not None and not missing:
            self.record.forget()
            return _landed(seen.manifest)
        if missing:
            ends = {chunk.partition: chunk.last + 1 for chunk in sorted(missing)}
            self._require_held(missing)
            wait_until_stable(self.log, ends, wait_s)
        landed = self._land_missing(chunks, known)
        # Offsets of a topic that was replaced while we read would mean other records.
        require_same_topic(self.log.describe().topic_id, self.identity.topic_id, self.source.topic, "this run")
        return _landed(self._publish(landed, run_id, seen).manifest)

    def _land_missing(self, chunks: Sequence[OffsetRange], known: Mapping[OffsetRange, LandedChunk]) -> dict[OffsetRange, LandedChunk]:
        """Land those chunks that are not known yet; all chunks asked for."""
        missing = [chunk for chunk in chunks if chunk not in known]
        landed = {chunk: known[chunk] for chunk in chunks if chunk in known}
        counter = ProgressCounter(self.source.name, str(self.cut.hour), sum(chunk.offset_count for chunk in missing), self.progress)
        unrecorded: list[LandedChunk] = []
        recorded_at = time.monotonic()

        def on_landed(chunk: LandedChunk) -> None:
            nonlocal recorded_at
            landed[chunk.offsets] = chunk
            unrecorded.append(chunk)
            counter.add(chunk)
            if time.monotonic() - recorded_at > _RECORD_EVERY_S:
                self.record.add(unrecorded)
                unrecorded.clear()
                recorded_at = time.monotonic()

        work = [Chunk(self.source.name, self.cut.hour, self.source.topic, self.identity.topic_id, offsets) for offsets in missing]
        try:
            if work:
                land_chunks(work, self.kafka, self.store, worker_count=self.worker_count, settings=self.settings, on_landed=on_landed)
        except LostOffsetsError:
            self._require_held([chunk for chunk in missing if chunk not in landed])
            raise
        finally:
            if self.cut.end is None or len(landed) < len(chunks):
                self.record.add(unrecorded)
        return landed

    def _require_held(self, missing: Sequence[OffsetRange]) -> None:
        """LostOffsetsError with the whole range, if Kafka has deleted offsets that still have to land."""
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for chunk in sorted(missing):
            first.setdefault(chunk.partition, chunk.first)
            last[chunk.partition] = chunk.last
        starts = self.log.log_starts(first)
        lost = {p: (first[p], min(starts[p] - 1, last[p])) for p in first if starts[p] > first[p]}
        if not lost:
            return
        (partition, (begin, end)), *others = sorted(lost.items())
        also = ", ".join(f"{a} to {b} of partition {p}" for p, (a, b) in others)
        raise LostOffsetsError(self.source.topic, partition, begin, end, (f"Also lost: {also}. " if also else "") + LOSS_ADVICE)

    def _require_same_ranges(self, manifest: Manifest) -> None:
        published = {item["partition"]: (item["start"], item["end"]) for item in manifest.details["partitions"]}
        if published != self.cut.ranges() or manifest.details["topic_id"] != self.identity.topic_id:
            raise PermanentError(
                f"The published manifest of {self.source.name} {self.cut.hour} holds other offsets ({published}) than the ledger "
                f"({self.cut.ranges()}); it is left as it is. Restore the ledger from the bucket's versions."
            )

    def _publish(self, landed: Mapping[OffsetRange, LandedChunk], run_id: str, seen: PublishedManifest | None) -> PublishedManifest:
        proofs = sum_up(self.source.name, str(self.cut.hour), self.cut.ranges(), landed.values(), self.cut.is_start_known)
        wrong = [proof for proof in proofs if proof.difference]
        if wrong:
            raise PermanentError(
                f"{self.source.name} {self.cut.hour} partition {wrong[0].partition}: {wrong[0].landed} landed and "
                f"{wrong[0].control_or_gap} without record are not {wrong[0].end - wrong[0].start} offsets; nothing was published."
            )
        manifest = Manifest(
            RAW,
            hour_partition(self.source.name, self.cut.hour),
            [entry for offsets in sorted(landed) for entry in landed[offsets].entries],
            {
                "offset_count": sum(proof.end - proof.start for proof in proofs),
                "landed_count": sum(proof.landed for proof in proofs),
                "control_or_gap_count": sum(proof.control_or_gap for proof in proofs),
            },
            {
                "topic": self.source.topic,
                "topic_id": self.identity.topic_id,
                "chunk_rows": self.cut.start.chunk_rows,
                "partitions": manifest_details(proofs),
            },
            run_id,
        )
        if seen is not None and manifest.row_count < seen.manifest.row_count:
            raise PermanentError(
                f"{self.source.name} {self.cut.hour} has {seen.manifest.row_count} rows published, Kafka now gives {manifest.row_count}; "
                "what landed is never replaced by less. Restore the missing objects from the bucket's versions."
            )
        published = publish_manifest(self.store, self.prefix, manifest, seen)
        self.record.forget()
        return published


def _landed(manifest: Manifest) -> LandedHour:
    return LandedHour(True, manifest, proofs_of(manifest, "landing"), len(manifest.entries), manifest.size_bytes)
