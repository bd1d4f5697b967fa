"""The proof of an hour, per Kafka partition: landed + control records and gaps = end − start.

Belongs here: the equation and its terms. Pure. Does not: gathering the numbers (`hour.py`, `prove.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from data_pipeline.common.manifest import Manifest
from data_pipeline.landing.chunks import OffsetRange
from data_pipeline.landing.land_chunk import LandedChunk

FROM_LANDING = "landing"
FROM_KAFKA = "kafka"
FROM_MANIFEST = "manifest"


@dataclass(frozen=True)
class PartitionProof:
    """One Kafka partition of one hour.

    Attributes:
        source: the source's name.
        hour: `2026-03-14T09`.
        partition: Kafka partition.
        start: first offset of the hour.
        end: first offset after the hour.
        landed: rows in the objects.
        control_or_gap: offsets that hold no visible record: control records, aborted transactions, compaction.
        is_start_known: False for the first hour of a topic, which begins where the log began.
        evidence: `landing` as counted while it landed, `kafka` re-read just now, `manifest` where Kafka no longer has the offsets.
        altered: landed rows whose bytes are not those that Kafka has.
        digests: SHA-256 of each object, by key.
        notes: what is wrong, a sentence each.
    """

    source: str
    hour: str
    partition: int
    start: int
    end: int
    landed: int
    control_or_gap: int
    is_start_known: bool
    evidence: str = FROM_LANDING
    altered: int = 0
    digests: Mapping[str, str] | None = None
    notes: tuple[str, ...] = ()

    @property
    def difference(self) -> int:
        """Offsets that are neither landed nor known to hold no record; 0 when nothing is lost or doubled."""
        return self.end - self.start - self.landed - self.control_or_gap

    @property
    def is_exact(self) -> bool:
        """Whether nothing is lost, doubled or altered."""
        return self.difference == 0 and self.altered == 0 and not self.notes

    def to_json(self) -> dict[str, Any]:
        """JSON values, the equation first."""
        return {
            "source": self.source,
            "hour": self.hour,
            "partition": self.partition,
            "start": self.start,
            "end": self.end,
            "landed": self.landed,
            "control_or_gap": self.control_or_gap,
            "difference": self.difference,
            "is_start_known": self.is_start_known,
            "evidence": self.evidence,
            "altered": self.altered,
            "notes": list(self.notes),
            "objects": dict(self.digests or {}),
        }


def sum_up(
    source: str, hour: str, ranges: Mapping[int, tuple[int, int]], chunks: Iterable[LandedChunk], is_start_known: bool
) -> list[PartitionProof]:
    """The proof of an hour from its chunks. A chunk that is missing shows as a difference, an overlap as a negative one."""
    landed = dict.fromkeys(ranges, 0)
    gaps = dict.fromkeys(ranges, 0)
    digests: dict[int, dict[str, str]] = {partition: {} for partition in ranges}
    for chunk in sorted(chunks, key=lambda item: item.offsets):
        partition = chunk.offsets.partition
        landed[partition] += chunk.landed
        gaps[partition] += chunk.control_or_gap
        digests[partition].update({entry.key: entry.sha256 for entry in chunk.entries})
    return [
        PartitionProof(source, hour, p, start, end, landed[p], gaps[p], is_start_known, digests=digests[p])
        for p, (start, end) in sorted(ranges.items())
    ]


def manifest_details(proofs: Iterable[PartitionProof]) -> list[dict[str, Any]]:
    """The partitions of an hour, as the manifest keeps them."""
    return [
        {
            "partition": proof.partition,
            "start": proof.start,
            "end": proof.end,
            "landed": proof.landed,
            "control_or_gap": proof.control_or_gap,
            "is_start_known": proof.is_start_known,
        }
        for proof in proofs
    ]


def proofs_of(manifest: Manifest, evidence: str = FROM_MANIFEST) -> list[PartitionProof]:
    """The proof as it stands in a published manifest."""
    digests: dict[int, dict[str, str]] = {}
    for entry in manifest.entries:
        digests.setdefault(OffsetRange.of_object(entry.key).partition, {})[entry.key] = entry.sha256
    hour = f"{manifest.partition['date']}T{manifest.partition['hour']}"
    return [
        PartitionProof(
            manifest.partition["source"],
            hour,
            item["partition"],
            item["start"],
            item["end"],
            item["landed"],
            item["control_or_gap"],
            item["is_start_known"],
            evidence,
            digests=digests.get(item["partition"], {}),
        )
        for item in manifest.details["partitions"]
    ]
