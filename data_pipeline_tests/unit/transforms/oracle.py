"""What the day's tables have to be, in plain Python over all rows at once: slow, short, and written apart from the Spark code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Row = Mapping[str, Any]
GAP = timedelta(minutes=30)
REACH = timedelta(days=31)


def _received(row: Row) -> tuple[Any, ...]:
    return (row["received_at"], row["source"], row["kafka_partition"], row["kafka_offset"])


def _happened(row: Row) -> tuple[Any, ...]:
    return (row["occurred_at"], *_received(row))


def judge(rows: Iterable[Row]) -> tuple[list[Row], list[Row], list[tuple[Row, Row]]]:
    """Kept rows, duplicates, and conflicts with the row that was first."""
    by_id = defaultdict(list)
    for row in rows:
        by_id[row["event_id"]].append(row)
    kept, duplicates, conflicts = [], [], []
    for same in by_id.values():
        for row in same:
            before = [other for other in same if row["received_at"] - REACH <= other["received_at"] <= row["received_at"]]
            first = min(before, key=_received)
            if first is row:
                kept.append(row)
            elif first["content_hash"] == row["content_hash"]:
                duplicates.append(row)
            else:
                conflicts.append((row, first))
    return kept, duplicates, conflicts


def cut(kept: Iterable[Row]) -> list[list[Row]]:
    """Sessions: lists of rows in order."""
    by_visitor = defaultdict(list)
    for row in kept:
        if row["anonymous_id"] is not None:
            by_visitor[row["anonymous_id"]].append(row)
    sessions: list[list[Row]] = []
    for rows in by_visitor.values():
        last = None
        for row in sorted(rows, key=_happened):
            if last is None or row["occurred_at"] - last >= GAP:
                sessions.append([])
            sessions[-1].append(row)
            last = row["occurred_at"]
    return sessions


def money(number: float | Decimal) -> Decimal:
    return Decimal(str(number)).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def _path(row: Row) -> str | None:
    if row["page"]:
        rest = row["page"]["url"].split("://", 1)[1]
        rest = rest.split("#")[0].split("?")[0]
        return "/" + rest.split("/", 1)[1] if "/" in rest else "/"
    return row["screen"]["name"] if row["screen"] else None


def _first(values: Iterable[Any]) -> Any:
    return next((value for value in values if value is not None), None)


def session_row(rows: list[Row]) -> dict[str, Any]:
    """The session's row, without its identifier and `is_final`."""

    def count(event_type: str) -> int:
        return sum(row["event_type"] == event_type for row in rows)

    views = [row for row in rows if row["event_type"] in ("page_view", "screen_view")]
    pages = [row for row in rows if row["event_type"] == "page_view"]
    purchases = [row["order"] for row in rows if row["event_type"] == "purchase"]
    currencies = {order["currency"] for order in purchases}
    campaign = _first(row["campaign"] for row in rows) or {}
    length = (rows[-1]["occurred_at"] - rows[0]["occurred_at"]) // timedelta(milliseconds=1)
    measured = sum(row["duration_ms"] or 0 for row in rows)
    return {
        "session_date": rows[0]["occurred_at"].date(),
        "anonymous_id": rows[0]["anonymous_id"],
        "user_id": _first(row["user_id"] for row in rows),
        "source": rows[0]["source"],
        "started_at": rows[0]["occurred_at"],
        "ended_at": rows[-1]["occurred_at"],
        "duration_ms": length,
        "engaged_ms": min(measured, length) if len(rows) > 1 else measured,
        "event_count": len(rows),
        "page_view_count": count("page_view"),
        "screen_view_count": count("screen_view"),
        "search_count": count("search"),
        "add_to_cart_count": count("add_to_cart"),
        "checkout_count": count("checkout_start"),
        "purchase_count": len(purchases),
        "purchase_amount": sum((money(order["total"]) for order in purchases), Decimal(0)) if len(currencies) == 1 else None,
        "currency": currencies.pop() if len(currencies) == 1 else None,
        "landing_page": _path(views[0]) if views else None,
        "exit_page": _path(views[-1]) if views else None,
        "referrer": pages[0]["page"].get("referrer") if pages else None,
        **{f"campaign_{name}": campaign.get(name) for name in ("source", "medium", "name")},
        **{name: _first(row["context"].get(name) for row in rows) for name in ("country", "os", "device_type")},
        "is_bounce": len(views) <= 1 and len(rows) == len(views),
    }


def tables(rows: list[Row]) -> dict[str, list[dict[str, Any]]]:
    """All tables over all days; of `events` the columns that take thought."""
    kept, duplicates, conflicts = judge(rows)
    sessions = cut(kept)
    session_of = {row["event_id"]: (session[0]["anonymous_id"], session[0]["occurred_at"]) for session in sessions for row in session}
    pairs: dict[tuple[date, str, str], list[Any]] = defaultdict(list)
    for row in kept:
        if row["anonymous_id"] and row["user_id"]:
            pairs[(row["occurred_at"].date(), row["anonymous_id"], row["user_id"])].append(row["occurred_at"])
    return {
        "events": [
            {
                "event_id": row["event_id"],
                "event_date": row["occurred_at"].date(),
                "kafka_offset": row["kafka_offset"],
                "source": row["source"],
                "visitor_id": row["anonymous_id"] or f"user:{row['user_id']}",
                "session": session_of.get(row["event_id"]),
                "total_amount": money(row["order"]["total"]) if row["event_type"] in ("purchase", "refund") else None,
            }
            for row in kept
        ],
        "duplicates": [{"event_date": row["occurred_at"].date(), "kafka_offset": row["kafka_offset"]} for row in duplicates],
        "conflicts": [
            {
                "event_date": row["occurred_at"].date(),
                "event_id": row["event_id"],
                "kafka_offset": row["kafka_offset"],
                "kept_source": first["source"],
                "kept_kafka_offset": first["kafka_offset"],
            }
            for row, first in conflicts
        ],
        "sessions": [session_row(session) for session in sessions],
        "order_items": [
            {
                "event_id": row["event_id"],
                "line_number": number,
                "event_date": row["occurred_at"].date(),
                "product_id": item["product_id"],
                "line_amount": money(Decimal(item["quantity"]) * Decimal(str(item["unit_price"]))),
            }
            for row in kept
            if row["event_type"] in ("purchase", "refund")
            for number, item in enumerate(row["order"]["items"], 1)
        ],
        "identities": [
            {
                "event_date": day,
                "anonymous_id": anonymous_id,
                "user_id": user_id,
                "first_seen_at": min(seen),
                "last_seen_at": max(seen),
                "event_count": len(seen),
            }
            for (day, anonymous_id, user_id), seen in pairs.items()
        ],
    }
