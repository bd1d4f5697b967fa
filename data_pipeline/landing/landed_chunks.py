"""The record of chunks that have landed for an hour that is not published yet.

It lets the open hour grow run by run, and lets a run go on where a killed one stopped. It is a convenience, not the
commit: an entry is believed only if its objects stand in the store with the recorded size, and losing it costs time only.
Belongs here: reading and merging of the record. Does not: what has to land (`hour.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from data_pipeline.common import layout
from data_pipeline.common.errors import TransientError
from data_pipeline.common.object_store import ObjectStore, PreconditionFailedError
from data_pipeline.common.windows import Hour
from data_pipeline.landing.chunks import OffsetRange
from data_pipeline.landing.land_chunk import LandedChunk

_ATTEMPTS = 20


class LandedChunks:
    """The record of one hour and source, shared by all runs of it."""

    def __init__(self, store: ObjectStore, source: str, hour: Hour, topic_id: str) -> None:
        self._store = store
        self._key = layout.landed_chunks_key(source, hour)
        self._topic_id = topic_id

    def read(self) -> dict[OffsetRange, LandedChunk]:
        """What is recorded; empty where the record is missing, unreadable or of another topic."""
        found = self._store.find(self._key)
        return {} if found is None else self._parse(found.data)

    def add(self, landed: Iterable[LandedChunk]) -> None:
        """Record chunks beside those that other runs recorded."""
        new = {chunk.offsets: chunk for chunk in landed}
        if not new:
            return
        for _ in range(_ATTEMPTS):
            found = self._store.find(self._key)
            known = {} if found is None else self._parse(found.data)
            merged = {**known, **new}
            if found is not None and merged == known:
                return
            try:
                if found is None:
                    self._store.create(self._key, self._render(merged))
                else:
                    self._store.replace(self._key, self._render(merged), found.etag)
                return
            except PreconditionFailedError:
                continue
        raise TransientError(f"{self._store.url(self._key)} was changed by other runs {_ATTEMPTS} times in a row; run again.")

    def forget(self) -> None:
        """Remove the record: the manifest says it all now."""
        self._store.delete(self._key)

    def _render(self, chunks: dict[OffsetRange, LandedChunk]) -> bytes:
        document = {"topic_id": self._topic_id, "chunks": [chunks[offsets].to_json() for offsets in sorted(chunks)]}
        return json.dumps(document).encode() + b"\n"

    def _parse(self, data: bytes) -> dict[OffsetRange, LandedChunk]:
        try:
            document = json.loads(data)
            if document["topic_id"] != self._topic_id:
                return {}
            chunks = [LandedChunk.from_json(item) for item in document["chunks"]]
        except (KeyError, TypeError, ValueError):
            return {}
        return {chunk.offsets: chunk for chunk in chunks}
