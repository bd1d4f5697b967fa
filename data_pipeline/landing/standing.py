"""Which chunks of an hour have landed, as far as the store confirms it.

Belongs here: reading that state. Does not: landing what is missing (`hour.py`) or planning it (`planner.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from data_pipeline.common.manifest import Manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.landing.chunks import OffsetRange
from data_pipeline.landing.hour_cut import HourCut
from data_pipeline.landing.land_chunk import LandedChunk

_HEADS_AT_ONCE = 8


def standing(store: ObjectStore, known: Mapping[OffsetRange, LandedChunk]) -> dict[OffsetRange, LandedChunk]:
    """Those chunks whose objects all stand in the store with the size that is recorded."""

    def stands(chunk: LandedChunk) -> bool:
        infos = [(entry, store.head(entry.key)) for entry in chunk.entries]
        return all(info is not None and info.size == entry.size_bytes for entry, info in infos)

    chunks = list(known.values())
    with ThreadPoolExecutor(_HEADS_AT_ONCE) as pool:
        is_there = list(pool.map(stands, chunks))
    return {chunk.offsets: chunk for chunk, stands_there in zip(chunks, is_there, strict=True) if stands_there}


def chunks_of(manifest: Manifest, chunks: Sequence[OffsetRange]) -> dict[OffsetRange, LandedChunk]:
    """The chunks of a published hour, from its objects; a chunk without objects holds no record."""
    objects = deque(sorted(((OffsetRange.of_object(entry.key), entry) for entry in manifest.entries), key=lambda item: item[0]))
    known: dict[OffsetRange, LandedChunk] = {}
    for chunk in sorted(chunks):
        mine = []
        while objects and (objects[0][0].partition, objects[0][0].first) <= (chunk.partition, chunk.last):
            mine.append(objects.popleft()[1])
        known[chunk] = LandedChunk(chunk, tuple(mine), sum(entry.row_count for entry in mine))
    return known


def reached(cut: HourCut, landed: Mapping[OffsetRange, LandedChunk], partitions: Sequence[int]) -> dict[int, int]:
    """The offset up to which each partition has landed without a hole."""
    offsets = {partition: cut.start.offset(partition) for partition in partitions}
    for item in sorted(landed):
        if item.first == offsets.get(item.partition):
            offsets[item.partition] = item.last + 1
    return offsets
