"""S3 that is slower than Kafka: reading waits for it, and memory stays that of a chunk a worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.devstack.faulty_proxy import Fault, FaultyProxy
from data_pipeline.landing import LandingProgress
from data_pipeline.landing.range_reader import RangeReader
from data_pipeline.landing.rows import Rows
from data_pipeline_tests.integration.landing.conftest import MakeTopic
from data_pipeline_tests.integration.landing.support import H9, Record, ms

WORKERS, CHUNK = 2, 100


class Gauge:
    """Rows that were read and are not in the store yet, and requests under way, at their most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held = self._puts = 0
        self.most_held = self.most_puts = 0

    def read(self, rows: int) -> None:
        with self._lock:
            self._held += rows
            self.most_held = max(self.most_held, self._held)

    def landed(self, rows: int) -> None:
        with self._lock:
            self._held -= rows

    def put(self, change: int) -> None:
        with self._lock:
            self._puts += change
            self.most_puts = max(self.most_puts, self._puts)


def test_reading_waits_for_a_slow_store(make_topic: MakeTopic, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = make_topic()
    topic.send([Record(b"value %d" % n, ms(H9, 1)) for n in range(1200)])
    gauge, direct, seen = Gauge(), topic.store, list[LandingProgress]()
    batches, create = RangeReader.batches, S3ObjectStore.create

    def watched_batches(reader: RangeReader, end: int, **options: Any) -> Iterator[Rows]:
        for rows in batches(reader, end, **options):
            gauge.read(len(rows))
            yield rows

    def watched_create(store: S3ObjectStore, key: str, data: bytes) -> str:
        if not key.startswith("raw/") or key.endswith(".json"):
            return create(store, key, data)
        gauge.put(1)
        try:
            return create(store, key, data)
        finally:
            gauge.put(-1)
            gauge.landed(CHUNK)

    monkeypatch.setattr(RangeReader, "batches", watched_batches)
    monkeypatch.setattr(S3ObjectStore, "create", watched_create)
    is_put = lambda method, path: Fault.SLOW_FIRST_BYTE if method == "PUT" and "/raw/" in path else None  # noqa: E731
    with FaultyProxy(str(direct.endpoint_url), is_put, delay_s=0.2) as proxy:
        topic.store = replace(direct, endpoint_url=proxy.url)
        topic.land(worker_count=WORKERS, chunk_rows=CHUNK, progress=seen.append)
    topic.store = direct
    assert topic.values() == [(n, b"value %d" % n) for n in range(1200)]
    assert gauge.most_puts <= WORKERS
    assert gauge.most_held <= WORKERS * CHUNK
    last = seen[-1]
    assert (last.done_offsets, last.total_offsets, last.rows) == (1200, 1200, 1200)
    assert last.rows_per_s > 0
    assert last.lag_s is not None
    assert all(moment.seconds_left is not None for moment in seen)
    assert "records/s" in str(last)
    assert "behind" in str(last)
    assert "to go" in str(seen[0])
