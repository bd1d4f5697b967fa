"""The contestants of `bench land`, each in a process of its own: land once for each line on standard input.

Belongs here: how each lands. Does not: turns and measuring (`land.py`).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data_pipeline.common.object_store import LocalObjectStore, ObjectStore, S3ObjectStore
from data_pipeline.common.sources import Source
from data_pipeline.common.windows import Hour
from data_pipeline.landing import land_hour

HOUR = Hour.parse("2026-03-14T09")
THREADS = 3


def _ours(place: dict[str, Any], store: ObjectStore) -> int:
    source = Source("web", place["topic"], "product_event", "team:bench")
    landed = land_hour(source, HOUR, {"bootstrap.servers": place["servers"]}, store, run_id="bench", worker_count=THREADS)
    assert all(proof.difference == 0 for proof in landed.partitions)
    return sum(proof.landed for proof in landed.partitions)


def ours_disk(place: dict[str, Any]) -> Callable[[], int]:
    """Our landing, into files."""

    def once() -> int:
        folder = Path(place["folder"]) / f"ours-{uuid.uuid4().hex[:8]}"
        try:
            return _ours(place, LocalObjectStore(folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    return once


def ours_s3(place: dict[str, Any]) -> Callable[[], int]:
    """Our landing, into the S3 server."""
    credentials = tuple(place["credentials"])

    def once() -> int:
        prefix = f"bench/{uuid.uuid4().hex[:8]}/"
        return _ours(place, S3ObjectStore(place["bucket"], place["endpoint_url"], credentials=credentials, prefix=prefix))  # type: ignore[arg-type]

    return once


def spark(place: dict[str, Any]) -> Callable[[], int]:
    """Spark's batch source, the same columns, codec, level and dictionary setting."""
    from pyspark.sql import SparkSession

    jars = ",".join(sorted(str(path) for path in (Path(place["jars_dir"]) / "spark").glob("*.jar")))
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.jars", jars)
        .config("spark.driver.memory", "2g")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")

    def once() -> int:
        folder = str(Path(place["folder"]) / f"spark-{uuid.uuid4().hex[:8]}")
        records = (
            session.read.format("kafka")
            .option("kafka.bootstrap.servers", place["servers"])
            .option("subscribe", place["topic"])
            .option("startingOffsets", "earliest")
            .option("includeHeaders", "true")
            .option("kafka.isolation.level", "read_committed")
            .load()
            .select("partition", "offset", "timestamp", "key", "value", "headers")
        )
        options = {"compression": "zstd", "parquet.compression.codec.zstd.level": "1", "parquet.enable.dictionary#value": "false"}
        records.write.options(**options).parquet(folder)
        return int(place["events"])

    return once


def perf_test(place: dict[str, Any]) -> Callable[[], int]:
    """Kafka's own consumer, which writes nothing: the floor. A JVM a run, whose start is part of it."""
    jars = str(Path(place["jars_dir"]) / "kafka" / "*")
    tool = "org.apache.kafka.tools.ConsumerPerformance"

    def once() -> int:
        command = ["java", "-Xmx512m", "-cp", jars, tool, "--bootstrap-server", place["servers"], "--topic", place["topic"]]
        command += ["--messages", str(place["events"]), "--timeout", "60000", "--group", uuid.uuid4().hex]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        columns = done.stdout.strip().splitlines()[-1].split(",")
        return int(columns[4])

    return once


def main() -> None:
    """Answer each line with `{"rows": …, "seconds": …}`."""
    contestant = {"ours_disk": ours_disk, "ours_s3": ours_s3, "spark": spark, "perf_test": perf_test}[sys.argv[1]]
    once: Callable[[], int] | None = None
    for _ in sys.stdin:
        if once is None:
            once = contestant(json.loads(sys.argv[2]))
        started = time.perf_counter()
        rows = once()
        print(json.dumps({"rows": rows, "seconds": time.perf_counter() - started}), flush=True)


if __name__ == "__main__":
    main()
