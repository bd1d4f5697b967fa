"""The contestants of `bench land`, each in a process of its own: land once for each line on standard input.

Belongs here: how each lands, and counting what landed. Does not: turns and measuring (`land.py`).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from data_pipeline.common.object_store import LocalObjectStore, ObjectStore, S3ObjectStore
from data_pipeline.common.sources import Source
from data_pipeline.common.windows import Hour
from data_pipeline.landing import ParquetSettings, land_hour
from data_pipeline.landing.encoding import GROUP_BLOCKS

HOUR = Hour.parse("2026-03-14T09")
THREADS = 3

Landing = Callable[[], tuple[float, Callable[[], int]]]
"""Lands once; gives the seconds it took, and a function that counts the rows that stand there and clears them away."""


def _ours(place: dict[str, Any], store: ObjectStore) -> tuple[float, int]:
    source = Source("android", place["topic"], "product_event", "team:bench")
    started = time.perf_counter()
    landed = land_hour(source, HOUR, {"bootstrap.servers": place["servers"]}, store, run_id="bench", worker_count=THREADS)
    seconds = time.perf_counter() - started
    if any(proof.difference for proof in landed.partitions) or landed.manifest is None:
        raise RuntimeError("the proof does not hold")
    return seconds, landed.manifest.row_count


def ours_disk(place: dict[str, Any]) -> Landing:
    """Our landing, into files."""

    def once() -> tuple[float, Callable[[], int]]:
        folder = Path(place["folder"]) / f"ours-{uuid.uuid4().hex[:8]}"
        seconds, _ = _ours(place, LocalObjectStore(folder))
        return seconds, lambda: _count_and_remove(folder)

    return once


def ours_s3(place: dict[str, Any]) -> Landing:
    """Our landing, into the S3 server."""

    def once() -> tuple[float, Callable[[], int]]:
        store = _s3(place, f"bench/{uuid.uuid4().hex[:8]}/")
        seconds, rows = _ours(place, store)

        def count() -> int:
            for item in list(store.list("")):
                store.delete(item.key)
            return rows

        return seconds, count

    return once


def spark_disk(place: dict[str, Any]) -> Landing:
    """Spark's batch source, into files."""
    write = _spark(place)

    def once() -> tuple[float, Callable[[], int]]:
        folder = Path(place["folder"]) / f"spark-{uuid.uuid4().hex[:8]}"
        seconds = write(f"file://{folder}")
        return seconds, lambda: _count_and_remove(folder)

    return once


def spark_s3(place: dict[str, Any]) -> Landing:
    """Spark's batch source, into the S3 server by S3A and its magic committer."""
    write = _spark(place)

    def once() -> tuple[float, Callable[[], int]]:
        prefix = f"spark/{uuid.uuid4().hex[:8]}/"
        seconds = write(f"s3a://{place['bucket']}/{prefix}")
        return seconds, lambda: _count_on_s3(_s3(place, prefix), Path(place["folder"]))

    return once


def perf_test(place: dict[str, Any]) -> Landing:
    """Kafka's own consumer, which writes nothing: the floor. A JVM a run, whose start and join are not counted: the tool's own clock is."""
    jars = str(Path(place["jars_dir"]) / "kafka" / "*")
    tool = "org.apache.kafka.tools.ConsumerPerformance"

    def once() -> tuple[float, Callable[[], int]]:
        command = ["java", "-Xmx512m", "-cp", jars, tool, "--bootstrap-server", place["servers"], "--topic", place["topic"]]
        command += ["--messages", str(place["events"]), "--timeout", "60000", "--group", uuid.uuid4().hex]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        # start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms, …
        columns = [column.strip() for column in done.stdout.strip().splitlines()[-1].split(",")]
        return int(columns[7]) / 1000, lambda: int(columns[4])

    return once


def _s3(place: dict[str, Any], prefix: str) -> S3ObjectStore:
    access, secret, token = place["credentials"]
    return S3ObjectStore(place["bucket"], place["endpoint_url"], credentials=(access, secret, token), prefix=prefix)


def _spark(place: dict[str, Any]) -> Callable[[str], float]:
    """A session, and a function that lands the topic to an address and gives the seconds."""
    from pyspark.sql import SparkSession

    access, secret, _ = place["credentials"]
    s3a = {
        "endpoint": place["endpoint_url"],
        "endpoint.region": "us-east-1",
        "path.style.access": "true",
        "connection.ssl.enabled": "false",
        "aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
        "access.key": access,
        "secret.key": secret,
    }
    builder = SparkSession.builder.master("local[2]").config("spark.driver.memory", "2g")
    builder = builder.config("spark.jars", ",".join(sorted(str(path) for path in (Path(place["jars_dir"]) / "spark").glob("*.jar"))))
    for name, value in {"ui.enabled": "false", "ui.showConsoleProgress": "false", "driver.host": "127.0.0.1"}.items():
        builder = builder.config(f"spark.{name}", value)
    for name, value in s3a.items():
        builder = builder.config(f"spark.hadoop.fs.s3a.{name}", value)
    session = builder.config("spark.driver.bindAddress", "127.0.0.1").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    options = spark_parquet_options(place["events"])

    def write(address: str) -> float:
        started = time.perf_counter()
        records = (
            session.read.format("kafka")
            .option("kafka.bootstrap.servers", place["servers"])
            .option("subscribe", place["topic"])
            .option("startingOffsets", "earliest")
            .option("includeHeaders", "true")
            .option("kafka.isolation.level", "read_committed")
            .load()
            .selectExpr("partition", "offset", "timestamp AS received_at", "key", "value", "headers")
        )
        records.write.options(**options).parquet(address)
        return time.perf_counter() - started

    return write


def spark_parquet_options(events: int) -> dict[str, str]:
    """Our Parquet settings in the words of parquet-java: codec, level, dictionary, statistics, rows a group and a page."""
    ours = ParquetSettings()
    options = {
        "compression": ours.codec,
        "parquet.compression.codec.zstd.level": str(ours.level),
        "parquet.enable.dictionary": "true",
        "parquet.page.size": str(1024 * 1024),
        "parquet.block.size": str(GROUP_BLOCKS * 8 * 1024 * 1024),
        "parquet.page.write-checksum.enabled": "false",
        "parquet.bloom.filter.enabled": "false",
    }
    for column in ("key", "value", "offset", "received_at"):
        options[f"parquet.enable.dictionary#{column}"] = "false"
    for column in ("key", "value", "headers.list.element.key", "headers.list.element.value"):
        options[f"parquet.column.statistics.enabled#{column}"] = "false"
    return options


def _count_and_remove(folder: Path) -> int:
    rows: int = sum(pq.read_metadata(path).num_rows for path in folder.rglob("*.parquet"))
    shutil.rmtree(folder, ignore_errors=True)
    return rows


def _count_on_s3(store: S3ObjectStore, folder: Path) -> int:
    """Rows by the footers of all objects; the objects are deleted."""
    rows: int = 0
    for item in list(store.list("")):
        if item.key.endswith(".parquet"):
            path = folder / re.sub(r"\W", "-", item.key)
            store.download(item.key, path)
            rows += pq.read_metadata(path).num_rows
            path.unlink()
        store.delete(item.key)
    return rows


def main() -> None:
    """Answer each line with `{"rows": …, "seconds": …}`, and once more when the rows are cleared away."""
    contestants = {"ours_disk": ours_disk, "ours_s3": ours_s3, "spark_disk": spark_disk, "spark_s3": spark_s3, "perf_test": perf_test}
    once: Landing | None = None
    for _ in sys.stdin:
        if once is None:
            once = contestants[sys.argv[1]](json.loads(sys.argv[2]))
        seconds, count = once()
        print(json.dumps({"seconds": seconds}), flush=True)
        print(json.dumps({"rows": count()}), flush=True)


if __name__ == "__main__":
    main()
