"""`data-pipeline bench land`: Kafka to Parquet, ours beside Spark's batch source and Kafka's own consumer.

One broker holds a topic of contract-true events, lz4 from the producer. Each contestant is a process that lives through the bench and
lands the whole topic when it is its turn; its first run, with its start, is cold and shown apart. Ours is `land_hour`, with proof, keys,
headers and manifest. Spark writes the same columns with the same codec, level, dictionary, statistics, row groups and pages, to disk and to
S3; its rows are counted afterwards, out of the clock. Broker and S3 server are measured in each turn as well.
Belongs here: this bench. Does not: measuring (`measure.py`), the contestants' own processes (`land_worker.py`).
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from benchmarks.measure import Entry, Worker, cpu_seconds, result
from data_pipeline.common.windows import Hour
from data_pipeline.devstack.drills.own_services import own_kafka_and_s3
from data_pipeline.devstack.generator.generate import generate_hours
from data_pipeline.devstack.generator.sinks import KafkaSink
from data_pipeline.settings import Settings

TOPIC = "bench-land"
SOURCE = "android"
"""Its events have about 460 B, with key and header 480."""
PARTITIONS = 4
HOUR = Hour.parse("2026-03-14T09")
SPARK_DISK = "Spark Kafka source to disk"

CONTESTANTS = (
    ("ours to disk", "ours", "ours_disk"),
    ("ours to S3", "ours", "ours_s3"),
    (SPARK_DISK, "peer", "spark_disk"),
    ("Spark Kafka source to S3", "peer", "spark_s3"),
    ("kafka-consumer-perf-test", "floor", "perf_test"),
)


def run(events: int, runs: int, report: Callable[[str], None]) -> dict[str, Any]:
    """Fill, measure in turns, and sum up."""
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-bench-"))
    workers: list[tuple[Entry, Worker]] = []
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
            servers = _servers()
            workers = [
                (Entry(name, kind), Worker(["-m", "benchmarks.land_worker", contestant, json.dumps(place)]))
                for name, kind, contestant in CONTESTANTS
            ]
            for turn in range(runs + 1):
                for entry, worker in workers:
                    line = _take_turn(entry, worker, events, servers, is_cold=turn == 0)
                    report(f"{'cold run' if turn == 0 else f'run {turn}'}: {entry.name}: {line}")
        entries = [entry for entry, _ in workers]
        return result("land", events, entries, _ratios(entries), value_bytes=round(size, 1), notes=_notes(entries))
    finally:
        for _, worker in workers:
            worker.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _ratios(entries: list[Entry]) -> dict[str, float]:
    """Ours to disk by each peer and the floor, to S3 by what goes to S3."""
    disk, s3 = (next(entry for entry in entries if entry.name == name) for name in ("ours to disk", "ours to S3"))
    return {entry.name: (s3 if "S3" in entry.name else disk).median / entry.median for entry in entries if entry.kind != "ours"}


def _notes(entries: list[Entry]) -> list[str]:
    """The servers' part, a line each."""
    servers = sorted({name for entry in entries for name in entry.servers_cpu_s})
    return [
        f"{name.replace('_', ' ')}, CPU s per million: "
        + ", ".join(f"{entry.name} {statistics.median(entry.servers_cpu_s[name]):.2f}" for entry in entries if name in entry.servers_cpu_s)
        for name in servers
    ]


def _fill(servers: str, events: int, report: Callable[[str], None]) -> float:
    """Send the events; mean bytes of a value."""
    started = time.monotonic()
    sink = KafkaSink({"bootstrap.servers": servers}, {SOURCE: TOPIC})
    rows = size = 0
    for batch in generate_hours(SOURCE, [HOUR], float(events), seed=1, exact_count=events, partition_count=PARTITIONS):
        rows += batch.table.num_rows
        size += sum(map(len, batch.table["value"].to_pylist()))
        sink.write(batch)
    sink.close()
    report(f"{rows:,} events, {size / max(rows, 1):.0f} B each, sent in {time.monotonic() - started:.0f} s")
    return size / max(rows, 1)


def _servers() -> dict[str, int]:
    """Pids of this bench's broker and S3 server."""
    found = {}
    for child in psutil.Process().children(recursive=True):
        command = " ".join(child.cmdline())
        if "kafka.Kafka" in command and "guard.py" not in command:
            found["broker"] = child.pid
        elif "weed" in command and "guard.py" not in command:
            found["s3_server"] = child.pid
    return found


def _take_turn(entry: Entry, worker: Worker, events: int, servers: dict[str, int], *, is_cold: bool) -> str:
    before = {name: cpu_seconds(pid) for name, pid in servers.items()}
    answer = worker.take_turn()
    if answer.get("rows") != events:
        raise RuntimeError(f"{entry.name} landed {answer.get('rows')} rows of {events}.")
    entry.peak_rss_mib = max(entry.peak_rss_mib, answer["peak_rss_mib"])
    if is_cold:
        entry.cold_s = answer["since_start_s"]
        return f"{entry.cold_s:.1f} s from start of the process"
    entry.rates.append(events / answer["seconds"])
    entry.cpu_s.append(answer["cpu_s"] / events * 1e6)
    for name, pid in servers.items():
        entry.servers_cpu_s.setdefault(name, []).append((cpu_seconds(pid) - before[name]) / events * 1e6)
    return f"{entry.rates[-1]:,.0f} events/s, {entry.cpu_s[-1]:.2f} CPU s per million"
