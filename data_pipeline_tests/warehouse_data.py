"""A small, hand-made shop: three days of three visitors, in the catalogue's tables, and a DuckDB warehouse built from it.

Deterministic, without Spark or Kafka. Sessions and order items are worked out here by plain Python, so that dbt's models are
tested against something that is not the code that makes them in production.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data_pipeline.common.layout import lake_prefix
from data_pipeline.common.manifest import Entry, Manifest
from data_pipeline.common.object_store import LocalObjectStore, ObjectStore
from data_pipeline.contracts.columns import Table
from data_pipeline.contracts.render import arrow_schema
from data_pipeline.contracts.tables import WAREHOUSE_TABLES
from data_pipeline.warehouse.dbt_args import build_args, duckdb_target_env
from data_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse

DAYS = (date(2026, 3, 14), date(2026, 3, 15), date(2026, 3, 16))
"""A Saturday, a Sunday and the Monday of the next week."""
DBT_PROJECT = Path(__file__).parent.parent / "dbt_project"
Row = dict[str, Any]

# day, time, source, anonymous_id, user_id, type, and what else is set
_EVENTS: tuple[tuple[Any, ...], ...] = (
    (14, "09:00:00", "web", "anna-laptop", None, "page_view", {"page": "/", "referrer": "https://search.example/q?x=1"}),
    (14, "09:02:10", "web", "anna-laptop", None, "search", {"search": ("Lamp ", 12)}),
    (14, "09:03:00", "web", "anna-laptop", None, "page_view", {"page": "/p/lamp"}),
    (14, "09:05:00", "web", "anna-laptop", None, "add_to_cart", {"cart": ("EUR", [("lamp", 1, "49.90")])}),
    (14, "09:06:00", "web", "anna-laptop", "anna", "login", {}),
    (14, "09:07:00", "web", "anna-laptop", "anna", "checkout_start", {"cart": ("EUR", [("lamp", 1, "49.90")])}),
    (14, "09:08:00", "web", "anna-laptop", "anna", "purchase", {"order": ("o-1", "EUR", [("lamp", 1, "49.90"), ("bulb", 3, "4.00")])}),
    (14, "09:08:30", "server", None, "anna", "purchase", {"order": ("o-2", "GBP", [("mug", 2, "7.50")])}),
    (14, "10:00:00", "ios", "ben-phone", None, "screen_view", {"screen": "Home"}),
    (14, "10:01:00", "ios", "ben-phone", None, "search", {"search": ("lamp", 0)}),
    (14, "23:50:00", "ios", "ben-phone", None, "screen_view", {"screen": "Home", "campaign": ("newsletter", "email", "spring")}),
    (15, "00:10:00", "ios", "ben-phone", "ben", "login", {}),
    (15, "00:12:00", "ios", "ben-phone", "ben", "add_to_cart", {"cart": ("EUR", [("mug", 1, "9.00")])}),
    (15, "00:13:00", "ios", "ben-phone", "ben", "checkout_start", {"cart": ("EUR", [("mug", 1, "9.00")])}),
    (15, "00:14:00", "ios", "ben-phone", "ben", "purchase", {"order": ("o-3", "EUR", [("mug", 1, "9.00")])}),
    (15, "08:00:00", "web", "anna-laptop", "anna", "page_view", {"page": "/"}),
    (15, "08:01:00", "web", "anna-laptop", "carl", "login", {}),
    (15, "08:02:00", "web", "anna-laptop", "carl", "search", {"search": ("teapot", 0)}),
    (15, "12:00:00", "android", "dora-tablet", None, "screen_view", {"screen": "Home"}),
    (15, "12:30:00", "android", "dora-tablet", None, "screen_view", {"screen": "Offers"}),
    (15, "14:00:00", "server", None, "anna", "refund", {"order": ("o-1", "EUR", [("lamp", 1, "49.90")])}),
    (16, "09:00:00", "web", "anna-laptop", "anna", "page_view", {"page": "/"}),
    (16, "09:10:00", "ios", "ben-phone", "ben", "screen_view", {"screen": "Home"}),
    (16, "09:11:00", "web", "ben-phone", "ben", "page_view", {"page": "/app"}),
    (16, "15:00:00", "server", None, "ben", "refund", {"order": ("o-3", "EUR", [("mug", 1, "9.00")])}),
)
_DEVICE = {
    "anna-laptop": ("DE", "macos", "desktop"),
    "ben-phone": ("GB", "ios", "mobile"),
    "dora-tablet": (None, "android", "tablet"),
    None: (None, None, None),
}
_NAMES = {"lamp": ("Desk lamp", "lighting"), "bulb": ("Bulb", "lighting"), "mug": ("Café mug", None)}
_GAP = timedelta(minutes=30)
_REJECTED = (("web", "privacy", None), ("web", "schema", '{"event_type":"page_view"'), ("web", "types", '{"event_type":"page_view"'))


def sample_tables() -> dict[str, pa.Table]:
    """Every table of the catalogue, by name, all days together."""
    events = [_event(number, *spec) for number, spec in enumerate(_EVENTS)]
    sessions = _sessions(events)
    orders = {row["event_id"]: row.pop("_items") for row in events}
    rows: dict[str, list[Row]] = {
        "events": events,
        "sessions": sessions,
        "order_items": [line for row in events if row["event_type"] in ("purchase", "refund") for line in _lines(row, orders)],
        "identities": _identities(events),
        "conflicts": [_conflict(events[0])],
        "ingest_hours": _ingest_hours(events),
        "rejections": _rejections(),
    }
    return {
        table.name: pa.Table.from_pylist([{name: row.get(name) for name in table.column_names} for row in rows[table.name]])
        .select(table.column_names)
        .cast(arrow_schema(table))
        if rows[table.name]
        else arrow_schema(table).empty_table()
        for table in WAREHOUSE_TABLES
    }


def publish_day(store: ObjectStore, table: Table, day: date, rows: pa.Table, objects: int = 1) -> Manifest:
    """Write rows as the lake would, in so many objects, and return the manifest (not published)."""
    entries = []
    size = max(1, -(-rows.num_rows // objects))
    for start in range(0, rows.num_rows, size):
        buffer = io.BytesIO()
        pq.write_table(rows.slice(start, size), buffer)
        data = buffer.getvalue()
        digest = hashlib.sha256(data).hexdigest()
        key = f"{lake_prefix(table.name, day)}/run/part-{start:05d}-{digest[:16]}.parquet"
        store.put(key, data)
        entries.append(Entry(key, len(data), min(size, rows.num_rows - start), digest))
    return Manifest(f"lake/{table.name}", {"date": day.isoformat()}, entries, {"rows": rows.num_rows}, run_id="sample")


def rows_of_day(table: Table, rows: pa.Table, day: date) -> pa.Table:
    """The rows of one window."""
    return rows.filter(pc.equal(rows[table.window_column], pa.scalar(day)))


def load_sample(path: Path, tables: Mapping[str, pa.Table] | None = None, days: Iterable[date] = DAYS) -> None:
    """Load days of tables into a DuckDB warehouse through the adapter."""
    tables = sample_tables() if tables is None else tables
    warehouse = DuckDBWarehouse(path, wait_s=30)
    warehouse.ensure_tables(WAREHOUSE_TABLES)
    with tempfile.TemporaryDirectory() as folder:
        store = LocalObjectStore(Path(folder))
        for table in WAREHOUSE_TABLES:
            for day in days:
                manifest = publish_day(store, table, day, rows_of_day(table, tables[table.name], day), objects=2)
                warehouse.replace_window(table, day, manifest, store, run_id="sample")


def run_dbt(args: list[str], env: Mapping[str, str], target_path: Path) -> subprocess.CompletedProcess[str]:
    """Run dbt on the project with a target folder of its own; the output is in the answer."""
    command = [sys.executable, "-m", "dbt.cli.main", *args, "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    folders = {"DBT_TARGET_PATH": str(target_path), "DBT_LOG_PATH": str(target_path)}
    return subprocess.run(command, env={**os.environ, **env, **folders}, capture_output=True, text=True, check=False)


def build_sample_warehouse(path: Path, days: Iterable[date] = DAYS, target_path: Path | None = None) -> Path:
    """A DuckDB file with the sample loaded and every dbt model built and tested on it; about 15 s. Returns the path.

    Compiled SQL and dbt's manifest are left in `target_path`, where one is given.
    """
    load_sample(path, days=days)
    with tempfile.TemporaryDirectory() as folder:
        done = run_dbt(build_args(None), duckdb_target_env(path), target_path or Path(folder))
    if done.returncode != 0:
        raise AssertionError(f"dbt build failed:\n{done.stdout[-6000:]}{done.stderr[-2000:]}")
    return path


def _event(number: int, day: int, clock: str, source: str, visitor: str | None, user: str | None, kind: str, more: Row) -> Row:
    occurred = datetime.fromisoformat(f"2026-03-{day}T{clock}").replace(tzinfo=UTC)
    country, os_name, device = _DEVICE[visitor]
    currency, items = more["cart"] if "cart" in more else more["order"][1:] if "order" in more else (None, [])
    amount = sum((Decimal(price) * quantity for _, quantity, price in items), Decimal(0))
    campaign = more.get("campaign", (None, None, None))
    row: Row = {
        "event_id": str(uuid.UUID(int=number + 1)),
        "event_date": occurred.date(),
        "event_type": kind,
        "source": source,
        "schema_version": 1,
        "occurred_at": occurred,
        "sent_at": occurred + timedelta(milliseconds=400),
        "received_at": occurred + timedelta(seconds=2 if number % 5 else 7200),
        "visitor_id": visitor or f"user:{user}",
        "anonymous_id": visitor,
        "user_id": user,
        "country": country,
        "os": os_name,
        "device_type": device,
        "app_version": "5.12.0" if source in ("ios", "android") else None,
        "page_path": more.get("page"),
        "page_url": f"https://shop.example{more['page']}" if "page" in more else None,
        "page_referrer": more.get("referrer"),
        "screen_name": more.get("screen"),
        **dict(zip(("campaign_source", "campaign_medium", "campaign_name"), campaign, strict=True)),
        **dict(zip(("search_query", "search_result_count"), more.get("search", (None, None)), strict=True)),
        "currency": currency,
        "item_count": sum(quantity for _, quantity, _ in items) if items else None,
        "items_amount": amount if items else None,
        "duration_ms": 5_000 if kind in ("page_view", "screen_view") else None,
        "kafka_partition": number % 3,
        "kafka_offset": 100 + number,
        "_items": items,
    }
    if "order" in more:
        zero = Decimal(0)
        row |= {"order_id": more["order"][0], "total_amount": amount, "discount_amount": zero, "tax_amount": zero, "shipping_amount": zero}
    return row


def _sessions(events: list[Row]) -> list[Row]:
    """Group each visitor's events by gaps and write the session's id back onto them."""
    known = sorted((row for row in events if row["anonymous_id"]), key=lambda row: (row["anonymous_id"], row["occurred_at"]))
    groups: list[list[Row]] = []
    for _, of_visitor in groupby(known, key=lambda row: row["anonymous_id"]):
        previous = None
        for row in of_visitor:
            if previous is None or row["occurred_at"] - previous >= _GAP:
                groups.append([])
            groups[-1].append(row)
            previous = row["occurred_at"]
    return [_session(group) for group in groups]


def _session(group: list[Row]) -> Row:
    first, last = group[0], group[-1]
    session_id = hashlib.sha256(f"{first['anonymous_id']}{first['occurred_at']}".encode()).hexdigest()
    for row in group:
        row["session_id"] = session_id
    kinds = [row["event_type"] for row in group]
    places = [row["page_path"] or row["screen_name"] for row in group if row["page_path"] or row["screen_name"]]
    purchases = [row for row in group if row["event_type"] == "purchase"]
    currencies = {row["currency"] for row in purchases}
    duration = int((last["occurred_at"] - first["occurred_at"]).total_seconds() * 1000)
    return {
        **{name: first[name] for name in ("anonymous_id", "source", "country", "os", "device_type")},
        "session_id": session_id,
        "session_date": first["event_date"],
        "user_id": next((row["user_id"] for row in group if row["user_id"]), None),
        "started_at": first["occurred_at"],
        "ended_at": last["occurred_at"],
        "duration_ms": duration,
        "engaged_ms": min(duration, sum(row["duration_ms"] or 0 for row in group)) if len(group) > 1 else group[0]["duration_ms"] or 0,
        "event_count": len(group),
        "page_view_count": kinds.count("page_view"),
        "screen_view_count": kinds.count("screen_view"),
        "search_count": kinds.count("search"),
        "add_to_cart_count": kinds.count("add_to_cart"),
        "checkout_count": kinds.count("checkout_start"),
        "purchase_count": len(purchases),
        "purchase_amount": sum((row["total_amount"] for row in purchases), Decimal(0)) if len(currencies) == 1 else None,
        "currency": currencies.pop() if len(currencies) == 1 else None,
        "landing_page": places[0] if places else None,
        "exit_page": places[-1] if places else None,
        "referrer": next((row["page_referrer"] for row in group if row["event_type"] == "page_view"), None),
        **{name: first[name] for name in ("campaign_source", "campaign_medium", "campaign_name")},
        "is_bounce": len(group) == 1 and kinds[0] in ("page_view", "screen_view"),
        "is_final": first["event_date"] < DAYS[-1],
    }


def _lines(row: Row, items: Mapping[str, list[tuple[str, int, str]]]) -> Iterable[Row]:
    for number, (product, quantity, price) in enumerate(items[row["event_id"]], start=1):
        name, category = _NAMES[product]
        yield {
            **row,
            "line_number": number,
            "product_id": product,
            "product_name": name,
            "category": category,
            "quantity": quantity,
            "unit_price_amount": Decimal(price),
            "line_amount": Decimal(price) * quantity,
        }


def _identities(events: list[Row]) -> list[Row]:
    found: dict[tuple[Any, ...], list[datetime]] = {}
    for row in events:
        if row["anonymous_id"] and row["user_id"]:
            found.setdefault((row["event_date"], row["anonymous_id"], row["user_id"]), []).append(row["occurred_at"])
    return [
        {
            **dict(zip(("event_date", "anonymous_id", "user_id"), key, strict=True)),
            "first_seen_at": min(seen),
            "last_seen_at": max(seen),
            "event_count": len(seen),
        }
        for key, seen in found.items()
    ]


def _conflict(kept: Row) -> Row:
    return {
        **kept,
        "event_type": "click",
        "kept_source": kept["source"],
        "kept_kafka_partition": kept["kafka_partition"],
        "kept_kafka_offset": kept["kafka_offset"],
        "kafka_offset": 9_000,
    }


def _ingest_hours(events: list[Row]) -> list[Row]:
    counts: dict[tuple[datetime, str], int] = {}
    for row in events:
        hour = row["received_at"].replace(minute=0, second=0, microsecond=0)
        counts[hour, row["source"]] = counts.get((hour, row["source"]), 0) + 1
    rejected = {(_hour(day), "web"): 2 for day in (14, 15)}
    rows = []
    for hour, source in sorted({*counts, *rejected}):
        bad = rejected.get((hour, source), 0)
        staged = counts.get((hour, source), 0) + (1 if hour == _hour(14) and source == "web" else 0)
        rows.append(
            {
                "arrival_date": hour.date(),
                "hour_at": hour,
                "source": source,
                "offset_count": staged + bad + 1,
                "landed_count": staged + bad,
                "control_or_gap_count": 1,
                "raw_bytes": 480 * (staged + bad),
                "staged_count": staged,
                "quarantined_count": bad,
            }
        )
    return rows


def _rejections() -> list[Row]:
    rows = []
    for day in (14, 15):
        for number, (source, rule, excerpt) in enumerate(_REJECTED):
            rows.append(
                {
                    "arrival_date": date(2026, 3, day),
                    "hour_at": _hour(day),
                    "source": source,
                    "rule": rule,
                    "received_at": _hour(day) + timedelta(minutes=5),
                    "event_type": "page_view",
                    "value_excerpt": excerpt,
                    "kafka_partition": 0,
                    # The last two rules are broken by one row.
                    "kafka_offset": day * 1000 + min(number, 1),
                }
            )
    return rows


def _hour(day: int) -> datetime:
    return datetime(2026, 3, day, 9, tzinfo=UTC)
