"""Sessionizing the same Parquet objects in Spark (ours), DuckDB and polars (peers), in turns, to the same table.

Belongs here: the peers' queries, the comparison of their results. Does not: printing (the command).
"""

from __future__ import annotations

import os
import platform
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import psutil
from pyspark.sql import SparkSession

from data_pipeline.transforms.sessions import sessions_table, with_sessions

GAP_MS = 30 * 60_000

_COUNTS = {
    "page_view_count": "page_view", "screen_view_count": "screen_view", "search_count": "search", "add_to_cart_count": "add_to_cart",
    "checkout_count": "checkout_start", "purchase_count": "purchase",
}  # fmt: skip

_DUCKDB = f"""
COPY (
  WITH flagged AS (
    SELECT * EXCLUDE (session_id),
      CASE WHEN coalesce(epoch_ms(occurred_at) - epoch_ms(lag(occurred_at) OVER w) >= {GAP_MS}, true) THEN occurred_at END AS start
    FROM read_parquet({{paths}}) WINDOW w AS (PARTITION BY anonymous_id ORDER BY occurred_at)
  ), cut AS (
    SELECT *, max(start) OVER (PARTITION BY anonymous_id ORDER BY occurred_at ROWS UNBOUNDED PRECEDING) AS started_at FROM flagged
  ), grouped AS (
    SELECT anonymous_id, started_at, max(occurred_at) AS ended_at, count(*) AS event_count,
      arg_min(user_id, {{order}}) FILTER (user_id IS NOT NULL) AS user_id, arg_min(source, {{order}}) AS source,
      sum(duration_ms) AS measured_ms,
      {", ".join(f"count(*) FILTER (event_type = '{kind}') AS {name}" for name, kind in _COUNTS.items())},
      sum(total_amount) FILTER (event_type = 'purchase') AS purchase_amount,
      min(currency) FILTER (event_type = 'purchase') AS first_currency, max(currency) FILTER (event_type = 'purchase') AS last_currency,
      arg_min(coalesce(page_path, screen_name), {{order}}) FILTER (event_type IN ('page_view', 'screen_view')) AS landing_page,
      arg_max(coalesce(page_path, screen_name), {{order}}) FILTER (event_type IN ('page_view', 'screen_view')) AS exit_page,
      arg_min(page_referrer, {{order}}) FILTER (event_type = 'page_view') AS referrer,
      arg_min(struct_pack(campaign_source, campaign_medium, campaign_name), {{order}}) FILTER (campaign_source IS NOT NULL) AS campaign,
      arg_min(country, {{order}}) FILTER (country IS NOT NULL) AS country, arg_min(os, {{order}}) FILTER (os IS NOT NULL) AS os,
      arg_min(device_type, {{order}}) FILTER (device_type IS NOT NULL) AS device_type
    FROM cut GROUP BY anonymous_id, started_at
  )
  SELECT md5(anonymous_id || '@' || epoch_ms(started_at)) AS session_id, started_at::DATE AS session_date,
    * EXCLUDE (campaign, measured_ms, first_currency, last_currency), epoch_ms(ended_at) - epoch_ms(started_at) AS duration_ms,
    CASE WHEN event_count > 1 THEN least(measured_ms, duration_ms) ELSE measured_ms END AS engaged_ms, first_currency AS currency,
    campaign.campaign_source, campaign.campaign_medium, campaign.campaign_name,
    page_view_count + screen_view_count <= 1 AND event_count = page_view_count + screen_view_count AS is_bounce, false AS is_final
  FROM grouped
) TO '{{out}}' (FORMAT parquet, COMPRESSION zstd)
""".replace("{order}", "(occurred_at, received_at, source, kafka_partition, kafka_offset)")


@dataclass
class _Measured:
    name: str
    kind: str
    run: Callable[[Path], None]
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    peak_rss_mib: float = 0.0


def bench_sessionize(spark: SparkSession, folder: Path, data: list[str], events: int, runs: int = 3) -> dict[str, Any]:
    """Measure the three, `runs` times each, in turns; the first turn of each is warm-up and is shown apart.

    Args:
        spark: session.
        folder: for the results.
        data: Parquet objects with the columns of the lake's table `events`.
        events: rows in them.
        runs: turns.

    Returns:
        The bench's document: `stage`, `machine`, `events`, `entries`, `ratios`.

    Raises:
        AssertionError: the engines found different sessions.
    """
    threads = os.cpu_count() or 1
    entries = [
        _Measured("spark", "ours", lambda out: _spark(spark, data, out)),
        _Measured("duckdb", "peer", lambda out: _duckdb(data, out, threads)),
        _Measured("polars", "peer", lambda out: _polars(data, out)),
    ]
    cold = {entry.name: _measure(entry, folder / f"{entry.name}-cold") for entry in entries}
    for run in range(runs):
        for entry in entries:
            entry.seconds.append(_measure(entry, folder / f"{entry.name}-{run}"))
    sessions = {entry.name: _summary(folder / f"{entry.name}-0") for entry in entries}
    assert len(set(sessions.values())) == 1, f"the engines found different sessions: {sessions}"
    return {
        "stage": "sessionize",
        "machine": f"{platform.machine()}, {threads} cores, {psutil.virtual_memory().total >> 30} GiB",
        "events": events,
        "sessions": sessions["spark"][0],
        "entries": [
            {
                "name": entry.name,
                "kind": entry.kind,
                "events_per_s": {
                    "min": events / max(entry.seconds),
                    "median": events / statistics.median(entry.seconds),
                    "max": events / min(entry.seconds),
                },
                "cold_s": cold[entry.name],
                "cpu_s_per_million": statistics.median(entry.cpu_seconds[1:]) / events * 1e6,
                "peak_rss_mib": entry.peak_rss_mib,
            }
            for entry in entries
        ],
        "ratios": {
            peer.name: statistics.median(peer.seconds) / statistics.median(entries[0].seconds) for peer in entries if peer.kind == "peer"
        },
    }  # fmt: skip


def _spark(spark: SparkSession, data: list[str], out: Path) -> None:
    events = spark.read.parquet(*data).drop("session_id")
    size = sum(Path(path).stat().st_size for path in data)
    spark.conf.set("spark.sql.shuffle.partitions", str(max(spark.sparkContext.defaultParallelism, size >> 25)))
    sessions_table(with_sessions(events), None, is_final=False).write.parquet(str(out))


def _duckdb(data: list[str], out: Path, threads: int) -> None:
    out.mkdir()
    with duckdb.connect(config={"threads": threads}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(_DUCKDB.format(paths=data, out=out / "part.parquet"))


def _polars(data: list[str], out: Path) -> None:
    out.mkdir()
    order = ["occurred_at", "received_at", "source", "kafka_partition", "kafka_offset"]
    is_view, is_purchase = pl.col("event_type").is_in(["page_view", "screen_view"]), pl.col("event_type") == "purchase"
    path = pl.coalesce("page_path", "screen_name")

    def first(value: pl.Expr, where: pl.Expr) -> pl.Expr:
        return value.filter(where).first()

    started = pl.when(
        (pl.col("anonymous_id") != pl.col("anonymous_id").shift()).fill_null(True)
        | (pl.col("occurred_at") - pl.col("occurred_at").shift() >= pl.duration(minutes=30)).fill_null(True)
    )
    campaign = ["campaign_source", "campaign_medium", "campaign_name"]
    (
        pl.scan_parquet(data)
        .sort("anonymous_id", *order)
        .with_columns(started.then("occurred_at").forward_fill().alias("started_at"))
        .group_by("anonymous_id", "started_at", maintain_order=True)
        .agg(
            pl.col("occurred_at").last().alias("ended_at"),
            pl.len().alias("event_count"),
            pl.col("user_id").drop_nulls().first(),
            pl.col("source").first(),
            pl.col("duration_ms").sum().alias("measured_ms"),
            *((pl.col("event_type") == kind).sum().alias(name) for name, kind in _COUNTS.items()),
            pl.col("total_amount").filter(is_purchase).sum().alias("purchase_amount"),
            pl.col("currency").filter(is_purchase).min(),
            first(path, is_view).alias("landing_page"),
            path.filter(is_view).last().alias("exit_page"),
            first(pl.col("page_referrer"), pl.col("event_type") == "page_view").alias("referrer"),
            *(first(pl.col(name), pl.col("campaign_source").is_not_null()) for name in campaign),
            *(pl.col(name).drop_nulls().first() for name in ("country", "os", "device_type")),
        )
        .with_columns((pl.col("ended_at") - pl.col("started_at")).dt.total_milliseconds().alias("duration_ms"))
        .with_columns(
            pl.when(pl.col("event_count") > 1)
            .then(pl.min_horizontal("measured_ms", "duration_ms"))
            .otherwise("measured_ms")
            .alias("engaged_ms")
        )
        .sink_parquet(out / "part.parquet", compression="zstd")
    )


def _summary(out: Path) -> tuple[Any, ...]:
    """Numbers that agree only if the sessions do."""
    query = f"""
        SELECT count(*), sum(event_count), sum(duration_ms), sum(engaged_ms), sum(purchase_count),
          sum(coalesce(purchase_amount, 0))::DECIMAL(38, 2),
          sum(hash(landing_page) % 1000003), sum(hash(exit_page) % 1000003), count(user_id), count(campaign_source)
        FROM read_parquet('{out}/*.parquet')"""
    return duckdb.sql(query).fetchall()[0]


def _measure(entry: _Measured, out: Path) -> float:
    process = psutil.Process()
    stop = threading.Event()
    watcher = threading.Thread(target=_watch_memory, args=(entry, process, stop))
    watcher.start()
    cpu, started = _cpu_seconds(process), time.perf_counter()
    entry.run(out)
    seconds = time.perf_counter() - started
    entry.cpu_seconds.append(_cpu_seconds(process) - cpu)
    stop.set()
    watcher.join()
    return seconds


def _members(process: psutil.Process, name: str) -> list[psutil.Process]:
    # Spark works in a Java process beside us, the peers in this one: each is charged for its own.
    return process.children(recursive=True) if name == "spark" else [process]


def _cpu_seconds(process: psutil.Process) -> float:
    return sum(times.user + times.system for member in [process, *process.children(recursive=True)] for times in [member.cpu_times()])


def _watch_memory(entry: _Measured, process: psutil.Process, stop: threading.Event) -> None:
    while not stop.wait(0.1):
        rss = sum(member.memory_info().rss for member in _members(process, entry.name))
        entry.peak_rss_mib = max(entry.peak_rss_mib, rss / 2**20)
