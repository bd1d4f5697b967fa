"""Hand-made marts: tables as dbt's YAML declares them, filled with the rows that a test gives.

So a test says what is in a mart and works out what a page must show, without dbt, and a column that is renamed there breaks it here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import yaml

from data_pipeline.serving.tables import DIMENSIONS, MARTS

MODELS = Path(__file__).parents[3] / "dbt_project" / "models"
EVENT_COLUMNS = {
    "event_date": "date",
    "source": "varchar",
    "kafka_partition": "integer",
    "kafka_offset": "bigint",
    "received_at": "timestamp",
}
"""What publishing reads of the events."""
Row = Mapping[str, Any]


@cache
def declared_columns() -> dict[str, dict[str, str]]:
    """Types by column of each mart and dimension, as the dbt project declares them."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted((*(MODELS / "marts").glob("*.yml"), *(MODELS / "core").glob("*.yml"))):
        for model in yaml.safe_load(path.read_text()).get("models", []):
            found[model["name"]] = {column["name"]: column["data_type"] for column in model["columns"]}
    return {name: found[name] for name in (*MARTS, *DIMENSIONS)}


def write_warehouse(path: Path, rows: Mapping[str, Iterable[Row]]) -> Path:
    """A DuckDB warehouse with all marts (in `marts`) and the events (in `core`); tables that no rows are given for are empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(str(path))
    connection.execute("create schema if not exists marts")
    connection.execute("create schema if not exists core")
    tables = {**{f"marts.{name}": columns for name, columns in declared_columns().items()}, "core.fct_events": EVENT_COLUMNS}
    for table, columns in tables.items():
        connection.execute(f"create or replace table {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
        given = [dict(row) for row in rows.get(table.split(".")[1], ())]
        if given:
            frame = pl.DataFrame(given, infer_schema_length=None)
            connection.register("given_rows", frame.to_arrow())
            connection.execute(f"insert into {table} by name from given_rows")
    unknown = set(rows) - {table.split(".")[1] for table in tables}
    assert not unknown, f"there are no marts called {unknown}"
    connection.close()
    return path


def volume(day: date, hour: int, source: str, kind: str, events: int, **more: Any) -> Row:
    """A row of mart_event_volume."""
    at = datetime(day.year, day.month, day.day, hour)
    row = {"event_date": day, "hour_at": at, "source": source, "event_type": kind, "event_count": events}
    zeros = {"conflict_count": 0, "late_event_count": 0, "delivery_s_sum": 0}
    return {**row, **zeros, "newest_occurred_at": at, "newest_received_at": at, **more}


def arrival(day: date, hour: int, source: str, landed: int, rejected: int, control: int = 0, **more: Any) -> Row:
    """A row of mart_data_quality whose equations hold, unless more is said."""
    return {
        "arrival_date": day,
        "hour_at": datetime(day.year, day.month, day.day, hour),
        "source": source,
        "offset_count": landed + control,
        "landed_count": landed,
        "control_or_gap_count": control,
        "raw_bytes": landed * 400,
        "staged_count": landed - rejected,
        "quarantined_count": rejected,
        "is_validated": True,
        "landing_difference": 0,
        "validation_difference": 0,
        "broken_rule_count": rejected,
        "distinct_rule_count": min(rejected, 1),
        **more,
    }


def funnel(day: date, source: str, *steps: int, device: str = "desktop") -> Row:
    """A row of mart_funnel: sessions, viewed, cart, checkout, purchase."""
    names = ("session_count", "viewed_session_count", "cart_session_count", "checkout_session_count", "purchase_session_count")
    return {"session_date": day, "source": source, "device_type": device, **dict(zip(names, steps, strict=True))}


def revenue(day: date, source: str, currency: str, orders: int, amount: str, refunds: int = 0, refunded: str = "0") -> Row:
    """A row of mart_revenue without discount, tax and shipping."""
    from decimal import Decimal

    return {
        "revenue_date": day,
        "source": source,
        "currency": currency,
        "order_count": orders,
        "item_count": orders * 2,
        "items_amount": Decimal(amount),
        "discount_amount": 0,
        "tax_amount": 0,
        "shipping_amount": 0,
        "order_amount": Decimal(amount),
        "refund_count": refunds,
        "refund_amount": Decimal(refunded),
        "net_amount": Decimal(amount) - Decimal(refunded),
    }


def active(day: date, combination: str, visitors: int, users: int = 0, week: int | None = None) -> Row:
    """A row of mart_active_users; longer periods have `week` visitors, or as many as the day."""
    periods = ("rolling_7d", "rolling_28d", "week_to_date", "month_to_date")
    longer = visitors if week is None else week
    row: dict[str, Any] = {"activity_date": day, "source_combination": combination, "active_visitors_day": visitors}
    row |= {f"active_visitors_{period}": longer for period in periods}
    return row | {f"active_users_{period}": users for period in ("day", *periods)}
