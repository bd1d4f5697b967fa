"""Small random worlds: what a few visitors did around some midnights, with re-sends, conflicts and late arrivals.

Instants lie on a grid of ten minutes with a few off by a millisecond, so that gaps of exactly 30 minutes, equal instants
and chains over midnight are common instead of never.
"""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any

from data_pipeline_tests.staged_data import instant, resend, staged_row

FIRST_DAY = date(2026, 3, 13)
DAYS = [FIRST_DAY + timedelta(days=n) for n in range(4)]
SOURCES = ("server", "web")
_MIDNIGHT = instant("2026-03-13T00:00")
_TYPES = ("page_view", "page_view", "click", "search", "add_to_cart", "checkout_start", "purchase", "login", "screen_view", "refund")
_ITEMS = [{"product_id": "p1", "name": None, "category": None, "quantity": 3, "unit_price": 0.1}]


def make_world(seed: int, visitors: int = 40) -> list[dict[str, Any]]:
    """Staged rows over the days; the same for the same seed."""
    chance = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for visitor in range(visitors):
        for at in _timeline(chance):
            rows.append(_row(chance, f"visitor-{visitor:04d}", at, len(rows)))
    for _ in range(len(rows) // 6):
        rows.append(_again(chance, chance.choice(rows), len(rows)))
    return rows


def _timeline(chance: random.Random) -> list[datetime]:
    if chance.random() < 0.1:
        # Never away for half an hour, over several midnights.
        start = _MIDNIGHT + timedelta(hours=chance.randrange(12, 30))
        return [start + timedelta(minutes=20 * n) for n in range(chance.randrange(20, 160))]
    near_midnight = [_MIDNIGHT + timedelta(days=chance.randrange(1, 4), minutes=10 * chance.randrange(-9, 9)) for _ in range(7)]
    anywhere = [_MIDNIGHT + timedelta(minutes=10 * chance.randrange(4 * 144)) for _ in range(4)]
    jitter = [timedelta(milliseconds=chance.choice((-1, 0, 0, 0, 1))) for _ in range(11)]
    return [max(at + off, _MIDNIGHT) for at, off in zip(near_midnight + anywhere, jitter, strict=True)]


def _row(chance: random.Random, visitor: str, at: datetime, offset: int) -> dict[str, Any]:
    event_type = chance.choice(_TYPES)
    values: dict[str, Any] = {
        "source": chance.choice(SOURCES),
        "anonymous_id": visitor,
        "user_id": chance.choice((None, None, f"u-{visitor}", "u-shared")),
        "campaign": chance.choice((None, None, {"source": "mail", "medium": None, "name": f"c{offset % 3}"})),
        "context": {"country": chance.choice(("DE", "FR", None)), "os": chance.choice(("linux", None)), "device_type": "desktop"},
        "duration_ms": chance.choice((None, 0, 400_000)),
        "kafka_partition": chance.randrange(3),
    }
    if event_type == "page_view":
        urls = (
            "https://a.example",
            "https://a.example/?q=1",
            "http://a.example/x/y?z#f",
            "https://a.example/#/top",
            "https://a.example?x=/n",
        )
        values["page"] = {"url": chance.choice(urls), "title": None, "referrer": chance.choice((None, "https://r.example"))}
    if event_type in ("purchase", "refund"):
        price = chance.choice((0.1, 19.99, 0.00005, 1234567.125))
        values["order"] = {
            "order_id": f"o{offset}",
            "currency": chance.choice(("GBP", "GBP", "EUR")),
            "items": [*_ITEMS, {**_ITEMS[0], "product_id": "p2", "unit_price": price}],
            "discount": 0.0,
            "tax": 0.0,
            "shipping": 0.0,
            "total": round(0.3 + 3 * price, 2),
        }
    if values["source"] == "server" and chance.random() < 0.2:
        values |= {"anonymous_id": None, "user_id": f"u-{visitor}"}
    late = chance.choice((0, 0, 0, 0, 0.5, 5, 30, 20 * 24))
    return staged_row(event_type, at, offset=offset, received_at=at + timedelta(hours=late, seconds=chance.randrange(3)), **values)


def _again(chance: random.Random, row: dict[str, Any], offset: int) -> dict[str, Any]:
    later = row["received_at"] + timedelta(hours=chance.choice((0, 0, 1, 30, 6 * 24)))
    if chance.random() < 0.6:
        return resend(row, offset=offset, received_at=min(later, row["occurred_at"] + timedelta(days=30)))
    other = _row(chance, chance.choice(("visitor-0001", row["anonymous_id"])) or "visitor-0002", row["occurred_at"], offset)
    day_away = timedelta(days=chance.choice((0, 0, -1, 1, 2)))
    moved = min(max(row["occurred_at"] + day_away, _MIDNIGHT), _MIDNIGHT + timedelta(days=4, milliseconds=-1))
    return other | {"event_id": row["event_id"], "occurred_at": moved, "received_at": max(later, moved)}
