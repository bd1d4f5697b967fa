"""`data-pipeline bench land`: Kafka to Parquet, ours beside Spark's batch source and Kafka's own consumer.

One broker holds a topic of contract-true events, lz4 from the producer. Each contestant is a process that lives through the bench and
lands the whole topic when it is its turn; its first run is cold and shown apart. Ours is `land_hour`, with proof, keys, headers and
manifest; Spark writes the same columns with the same codec, level and dictionary setting, to disk.
Belongs here: this bench. Does not: measuring (`measure.py`), the contestants' own processes (`land_worker.py`).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import Entry, cpu_seconds, peak_rss_mib, result
from data_pipeline.common.windows import Hour
from data_pipeline.devstack.drills.own_services import own_kafka_and_s3
from data_pipeline.devstack.generator.generate import generate_hours
from data_pipeline.devstack.generator.sinks import KafkaSink
from data_pipeline.settings import Settings

TOPIC = "bench-land"
PARTITIONS = 4
HOUR = Hour.parse("2026-03-14T09")


def run(events: int, runs: int, report: Callable[[str], None]) -> dict[str, Any]:
    """Fill, measure in turns, and sum up."""
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-bench-"))
    workers: list[_Worker] = []
    try:
        with own_kafka_and_s3() as (kafka, store):
            kafka.create_topic(TOPIC, partitions=PARTITIONS)
            size = _fill(kafka.bootstrap_servers, events, report)
            place = {
                "servers": kafka.bootstrap_servers,
                "topic": TOPIC,
                "folder": str(folder),
                "endpoint_url": store.endpoint_url,
                "bucket": store.bucket,
                "credentials": store.credentials,
                "jars_dir": str(Settings.from_env().jars_dir),
                "events": events,
            }
            workers = [
                _Worker("ours to disk", "ours", "ours_disk", place),
                _Worker("ours to S3", "ours", "ours_s3", place),
                _Worker("Spark Kafka source to disk", "peer", "spark", place),
                _Worker("kafka-consumer-perf-test", "floor", "perf_test", place),
            ]
            for turn in range(runs + 1):
                for worker in workers:
                    line = worker.take_turn(events, is_cold=turn == 0)
                    report(f"{'cold run' if turn == 0 else f'run {turn}'}: {worker.entry.name}: {line}")
        entries = [worker.entry for worker in workers]
        ours = entries[0].median
        ratios = {entry.name: ours / entry.median for entry in entries[1:] if entry.kind != "ours"}
        return result("land", events, entries, ratios, value_bytes=round(size, 1))
    finally:
        for worker in workers:
            worker.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _fill(servers: str, events: int, report: Callable[[str], None]) -> float:
    """Send the events; mean bytes of a value."""
    started = time.monotonic()
    sink = KafkaSink({"bootstrap.servers": servers}, {"web": TOPIC})
    rows = size = 0
    for batch in generate_hours("web", [HOUR], float(events), seed=1, exact_count=events, partition_count=PARTITIONS):
        rows += batch.table.num_rows
        size += batch.table["value"].nbytes
        sink.write(batch)
    sink.close()
    report(f"{rows:,} events, {size / max(rows, 1):.0f} B each, sent in {time.monotonic() - started:.0f} s")
    return size / max(rows, 1)


class _Worker:
    """A contestant's process: it lands once for each line it gets, and answers with the rows."""

    def __init__(self, name: str, kind: str, contestant: str, place: dict[str, Any]) -> None:
        self.entry = Entry(name, kind)
        self._started = time.monotonic()
        self._contestant = contestant
        self._place = place
        self._process: subprocess.Popen[str] | None = None

    def take_turn(self, events: int, *, is_cold: bool) -> str:
        started = time.monotonic()
        if self._process is None:
            command = [sys.executable, "-m", "benchmarks.land_worker", self._contestant, json.dumps(self._place)]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        cpu_before = cpu_seconds(self._process.pid)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or "{}")
        if answer.get("rows") != events:
            raise RuntimeError(f"{self.entry.name} landed {answer.get('rows')} rows of {events}.")
        self.entry.peak_rss_mib = max(self.entry.peak_rss_mib, peak_rss_mib(self._process.pid), answer.get("peak_rss_mib", 0.0))
        if is_cold:
            self.entry.cold_s = time.monotonic() - started
            return f"{self.entry.cold_s:.1f} s from start of the process"
        cpu = cpu_seconds(self._process.pid) - cpu_before
        self.entry.rates.append(events / answer["seconds"])
        self.entry.cpu_s.append(cpu / events * 1e6)
        return f"{self.entry.rates[-1]:,.0f} events/s, {self.entry.cpu_s[-1]:.2f} CPU s per million"

    def stop(self) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
