"""A day of staged events through `build_day`: seconds and rows/s by size, and the exponent of growth.

Belongs here: the generated day and its measurement. Does not: the other day stages, printing.
"""

from __future__ import annotations

import hashlib
import math
import time
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from data_pipeline.common.layout import hour_partition, hour_prefix
from data_pipeline.common.manifest import Entry, Manifest, publish_manifest
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.common.windows import hours_of_day
from data_pipeline.transforms import build_day

DAY = date(2026, 3, 14)

_HOUR = """
COPY (
  SELECT uuid()::VARCHAR AS event_id,
    (['page_view', 'page_view', 'page_view', 'click', 'search', 'add_to_cart', 'checkout_start', 'purchase'])[kind] AS event_type,
    1::INTEGER AS schema_version, 'web' AS source,
    (TIMESTAMPTZ '{start}+00' + to_milliseconds((hash(i, {hour}, 2) % 3600000)::BIGINT)) AS occurred_at, occurred_at AS sent_at,
    'visitor-' || lpad((hash(i // 9, {hour}) % {visitors})::VARCHAR, 9, '0') AS anonymous_id,
    CASE WHEN i % 5 = 0 THEN 'u-' || (hash(i // 9, {hour}) % {visitors})::VARCHAR END AS user_id,
    struct_pack(app_version := NULL::VARCHAR, locale := 'en-GB', country := 'GB', os := 'macos', device_type := 'desktop',
      user_agent := 'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_4) AppleWebKit/605.1.15 Safari/605.' || (i % 40),
      ip := '203.0.113.0') AS context,
    CASE WHEN kind <= 4 THEN struct_pack(url := 'https://shop.example/p/' || (hash(i, 4) % 5000) || '?sort=price',
      title := 'Page ' || (hash(i, 4) % 5000), referrer := 'https://search.example/') END AS page,
    NULL::STRUCT(name VARCHAR) AS screen,
    CASE WHEN i % 4 = 0 THEN struct_pack(source := 'mail', medium := 'email', name := 'spring') END AS campaign,
    CASE WHEN kind = 5 THEN struct_pack(query := 'lamp ' || (hash(i, 5) % 900), result_count := (i % 50)::BIGINT) END AS search,
    CASE WHEN kind = 4 THEN struct_pack(element_id := 'buy') END AS click,
    CASE WHEN kind IN (6, 7) THEN struct_pack(currency := 'GBP', items := items) END AS cart,
    CASE WHEN kind = 8 THEN struct_pack(order_id := 'o' || i, currency := 'GBP', items := items, discount := 0.0::DOUBLE,
      tax := 0.0::DOUBLE, shipping := 0.0::DOUBLE, total := 22.97::DOUBLE,
      payment_method := 'card', refund_reason := NULL::VARCHAR) END AS "order",
    (hash(i, 6) % 60000)::BIGINT AS duration_ms, md5(i::VARCHAR) AS content_hash,
    occurred_at AS received_at, (i % 24)::INTEGER AS kafka_partition, ({hour} * 10000000000 + i)::BIGINT AS kafka_offset
  FROM (SELECT i, (1 + hash(i, 1) % 8)::BIGINT AS kind,
    [struct_pack(product_id := 'p1', name := 'Lamp', category := 'home', quantity := 2::BIGINT, unit_price := 9.99::DOUBLE),
     struct_pack(product_id := 'p2', name := 'Bulb', category := 'home', quantity := 1::BIGINT, unit_price := 2.99::DOUBLE)] AS items
    FROM range({events}) r(i))
) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""


def bench_transform_day(spark: SparkSession, folder: Path, sizes: list[int]) -> dict[str, Any]:
    """Build one day of each size, after a small one that warms up.

    Returns:
        `sizes`: by number of events seconds, rows/s and bytes; `exponent`: growth of the seconds with the size, by the
        first and last one; None for a single size.
    """
    _build(spark, folder, 20_000)
    measured = {events: _build(spark, folder, events) for events in sizes}
    first, last = min(sizes), max(sizes)
    ratio = measured[last]["seconds"] / measured[first]["seconds"]
    return {
        "stage": "transform_day",
        "sizes": measured,
        "exponent": math.log(ratio) / math.log(last / first) if last > first else None,
    }


def _build(spark: SparkSession, folder: Path, events: int) -> dict[str, float]:
    store = LocalObjectStore(folder / str(events))
    staged_bytes = make_day(store, events)
    started = time.perf_counter()
    built = build_day(DAY, store, spark, run_id="bench", sources=["web"])
    seconds = time.perf_counter() - started
    assert built.manifests["events"].row_count == built.manifests["events"].counts["rows_in"]
    return {
        "seconds": seconds,
        "rows_per_s": events / seconds,
        "staged_bytes": staged_bytes,
        "lake_bytes": sum(manifest.size_bytes for manifest in built.manifests.values()),
    }


def make_day(store: LocalObjectStore, events: int) -> int:
    """Publish a staged day of about so many events; returns its bytes."""
    an_hour = max(events // 24, 1)
    total = 0
    for number, hour in enumerate(hours_of_day(DAY)):
        prefix = hour_prefix("staged", "web", hour)
        path = store.root / prefix / "part-00000.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = f"{hour.start:%Y-%m-%d %H:%M:%S}"
        duckdb.sql(_HOUR.format(start=text, hour=number, visitors=max(events // 60, 1), events=an_hour, path=path))
        rows = pq.read_metadata(path).num_rows
        total += path.stat().st_size
        with path.open("rb") as file:
            entry = Entry(f"{prefix}/{path.name}", path.stat().st_size, rows, hashlib.file_digest(file, "sha256").hexdigest())
        counts = {"rows_in": rows, "rows_staged": rows, "rows_quarantined": 0}
        manifest = Manifest("staged", hour_partition("web", hour), [entry], counts, {"event_days": {DAY.isoformat(): rows}})
        publish_manifest(store, prefix, manifest, None)
    return total
