"""A day of staged events, made by DuckDB at a million rows in a few seconds, for measuring the day stages.

Visitors come in visits of nine events within ten minutes; one event in 200 is sent again a second later.
Belongs here: the data, and the manifests that the day stages read. Does not: measuring.
"""

from __future__ import annotations

import hashlib
from datetime import date

import duckdb
import pyarrow.parquet as pq

from data_pipeline.common.layout import hour_partition, hour_prefix
from data_pipeline.common.manifest import Entry, Manifest, publish_manifest
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.common.windows import Hour, hours_of_day

DAY = date(2026, 3, 14)
SOURCE = "web"
_RESENT_EVERY = 200

_HOUR = """
COPY (
  SELECT md5('{hour}-' || i)::UUID::VARCHAR AS event_id,
    (['page_view', 'page_view', 'page_view', 'click', 'search', 'add_to_cart', 'checkout_start', 'purchase'])[kind] AS event_type,
    1::INTEGER AS schema_version, 'web' AS source,
    (TIMESTAMPTZ '{start}+00' + to_milliseconds((hash(i // 9, {hour}, 3) % 3000000 + (i % 9) * 60000 + hash(i, {hour}, 2) % 60000)::BIGINT))
      AS occurred_at, occurred_at AS sent_at,
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
    occurred_at + to_milliseconds((copy * 1000 + hash(i, 7) % 900)::BIGINT) AS received_at, (i % 24)::INTEGER AS kafka_partition,
    ({hour} * 10000000000 + copy * 5000000000 + i)::BIGINT AS kafka_offset
  FROM (SELECT i, copy, (1 + hash(i, 1) % 8)::BIGINT AS kind,
    [struct_pack(product_id := 'p1', name := 'Lamp', category := 'home', quantity := 2::BIGINT, unit_price := 9.99::DOUBLE),
     struct_pack(product_id := 'p2', name := 'Bulb', category := 'home', quantity := 1::BIGINT, unit_price := 2.99::DOUBLE)] AS items
    FROM (SELECT i, 0 AS copy FROM range({events}) r(i) UNION ALL SELECT i, 1 FROM range(0, {events}, {resent_every}) r(i)))
) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""


def make_day(store: LocalObjectStore, events: int) -> tuple[int, int]:
    """Publish a day of about so many staged events; returns its rows and bytes."""
    an_hour = max(events // 24, 1)
    rows, size = 0, 0
    for number, hour in enumerate(hours_of_day(DAY)):
        prefix = hour_prefix("staged", SOURCE, hour)
        path = store.root / prefix / "part-00000.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        values = {"start": f"{hour.start:%Y-%m-%d %H:%M:%S}", "hour": number, "visitors": max(events // 60, 1), "events": an_hour}
        duckdb.sql(_HOUR.format(**values, resent_every=_RESENT_EVERY, path=path))
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        entry = Entry(f"{prefix}/{path.name}", path.stat().st_size, pq.read_metadata(path).num_rows, digest)
        _publish(store, hour, entry)
        rows, size = rows + entry.row_count, size + entry.size_bytes
    return rows, size


def _publish(store: LocalObjectStore, hour: Hour, entry: Entry) -> None:
    """The staged hour, and the raw and quarantine manifests that the audit of a day reads beside it."""
    rows = entry.row_count
    staged = {"rows_in": rows, "rows_staged": rows, "rows_quarantined": 0}
    landed = {"offset_count": rows, "landed_count": rows, "control_or_gap_count": 0}
    parts = (
        ("staged", [entry], staged, {"event_days": {DAY.isoformat(): rows}}),
        ("raw", [], landed, {}),
        ("quarantine", [], {"rows_quarantined": 0}, {}),
    )
    for stage, entries, counts, details in parts:
        manifest = Manifest(stage, hour_partition(SOURCE, hour), entries, counts, details)
        publish_manifest(store, hour_prefix(stage, SOURCE, hour), manifest, None)
