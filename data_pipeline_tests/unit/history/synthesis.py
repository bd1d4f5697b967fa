"""Made-up windows for tests of the history: events as JSON values, and the staged frame that they become.

Independent of the devstack's generator on purpose, and of many shapes: a detector that is tuned to one
world is no detector.
"""

from __future__ import annotations

import hashlib
import json
import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

Event = dict[str, Any]

INSTANT = pl.Datetime("ms", "UTC")
_TEXT = pl.String
_ITEM = pl.Struct({"product_id": _TEXT, "name": _TEXT, "category": _TEXT, "quantity": pl.Int64, "unit_price": pl.Float64})
STAGED_SCHEMA: dict[str, Any] = {
    "event_id": _TEXT,
    "event_type": _TEXT,
    "schema_version": pl.Int32,
    "source": _TEXT,
    "occurred_at": INSTANT,
    "sent_at": INSTANT,
    "anonymous_id": _TEXT,
    "user_id": _TEXT,
    "context": pl.Struct(dict.fromkeys(("app_version", "locale", "country", "os", "device_type", "user_agent", "ip"), _TEXT)),
    "page": pl.Struct(dict.fromkeys(("url", "title", "referrer"), _TEXT)),
    "screen": pl.Struct({"name": _TEXT}),
    "campaign": pl.Struct(dict.fromkeys(("source", "medium", "name"), _TEXT)),
    "search": pl.Struct({"query": _TEXT, "result_count": pl.Int64}),
    "click": pl.Struct({"element_id": _TEXT}),
    "cart": pl.Struct({"currency": _TEXT, "items": pl.List(_ITEM)}),
    "order": pl.Struct(
        {
            "order_id": _TEXT,
            "currency": _TEXT,
            "items": pl.List(_ITEM),
            **dict.fromkeys(("discount", "tax", "shipping", "total"), pl.Float64),
            "payment_method": _TEXT,
            "refund_reason": _TEXT,
        }
    ),
    "duration_ms": pl.Int64,
    "content_hash": _TEXT,
    "received_at": INSTANT,
    "kafka_partition": pl.Int32,
    "kafka_offset": pl.Int64,
}

_COUNTRIES = (
    ("US", "en-US", "USD", 30),
    ("GB", "en-GB", "GBP", 20),
    ("DE", "de-DE", "EUR", 15),
    ("FR", "fr-FR", "EUR", 10),
    ("ES", "es-ES", "EUR", 8),
    ("NL", "nl-NL", "EUR", 6),
    ("SE", "sv-SE", "SEK", 4),
    ("PL", "pl-PL", "PLN", 3),
    ("JP", "ja-JP", "JPY", 3),
    ("NZ", "en-NZ", "NZD", 0.7),
    ("IS", "is-IS", "ISK", 0.3),
)
_AGENTS = (
    ("windows", "desktop", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/129.0", 40),
    ("macos", "desktop", "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Safari/605.1.15", 25),
    ("ios", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) Mobile/15E148", 18),
    ("android", "mobile", "Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/129.0", 12),
    ("linux", "desktop", "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0", 4),
    ("ios", "tablet", "Mozilla/5.0 (iPad; CPU OS 17_5) Mobile/15E148", 1),
)
_CAMPAIGNS = (
    ("newsletter", "email", "autumn"),
    ("google", "cpc", "brand"),
    ("facebook", "social", "retarget"),
    ("affiliate", "referral", None),
)
_PAGES = [
    (f"https://store.test/{kind}/{n}", f"{kind.title()} number {n} – Café Store") for kind in ("product", "list", "help") for n in range(40)
]
_PRODUCTS = [
    (
        f"SKU{1000 + n}",
        f"{('Oak', 'Pine', 'Steel', 'Élégant')[n % 4]} item {n}",
        ("chairs", "tables", "lamps", "décor", "toys")[n % 5],
        round(3 + (n * 37 % 200) + 0.99, 2),
    )
    for n in range(80)
]
_QUERIES = [
    f"{a} {b}" for a in ("red", "small", "cheap", "wooden", "für küche") for b in ("chair", "table", "lamp", "toy", "schrank", "é clair")
]
_HOURS = (2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 9, 10, 9, 9, 9, 9, 10, 11, 12, 12, 10, 7, 4)


@dataclass(frozen=True)
class World:
    """The shape of a made-up source.

    Attributes:
        source: web, ios, android or server.
        rows_a_day: mean.
        has_sessions: whether events come in visits, or each by itself.
        weekend: volume of a weekend day beside a weekday.
        growth: of the volume a day.
        noise: relative standard deviation of a day's volume.
        mix_noise: how much shares of countries and agents differ from day to day.
        seed: any integer.
    """

    source: str = "web"
    rows_a_day: int = 3000
    has_sessions: bool = True
    weekend: float = 0.8
    growth: float = 0.0
    noise: float = 0.04
    mix_noise: float = 0.05
    seed: int = 1

    def day(self, day: datetime) -> list[Event]:
        """Events that arrive on a day, each with `_received_at`, in order of arrival."""
        rng = random.Random(f"{self.seed}/{self.source}/{day.isoformat()}")
        number = (day - datetime(2026, 1, 1, tzinfo=UTC)).days
        factor = (self.weekend if day.weekday() >= 5 else 1.0) * (1 + self.growth) ** number * rng.lognormvariate(0, self.noise)
        target = max(1, int(self.rows_a_day * factor))
        countries = [weight * rng.lognormvariate(0, self.mix_noise) for *_, weight in _COUNTRIES]
        agents = [
            weight * rng.lognormvariate(0, self.mix_noise) * (1.5 if day.weekday() >= 5 and device != "desktop" else 1.0)
            for _, device, _, weight in _AGENTS
        ]
        events: list[Event] = []
        while len(events) < target:
            events += self._visit(rng, day, number, countries, agents)
        events += [self._again(rng, event) for event in events if rng.random() < 0.006]
        events.sort(key=lambda event: event["_received_at"])
        return events

    def _visit(self, rng: random.Random, day: datetime, number: int, countries: list[float], agents: list[float]) -> list[Event]:
        population = max(50, self.rows_a_day // 2)
        visitor = rng.randrange(population) + (number * population) // 20
        person = random.Random(f"{self.seed}/{self.source}/visitor/{visitor}")
        country, locale, currency, _ = rng.choices(_COUNTRIES, countries)[0]
        os, device, agent, _ = rng.choices(_AGENTS, agents)[0]
        if self.source in ("ios", "android"):
            os, device, agent = self.source, rng.choices(["mobile", "tablet"], [9, 1])[0], None
        anonymous = f"a{hashlib.md5(f'{self.seed}{visitor}'.encode()).hexdigest()[:14]}"
        user = f"u{100000 + visitor}" if person.random() < 0.4 else None
        if self.source == "server":
            anonymous, user, os, device, agent, locale = None, f"u{100000 + visitor}", None, None, None, None
        version = None
        if self.source in ("ios", "android"):
            version = rng.choices(["7.4.0", "7.3.1", "7.3.0", "6.9.2"], [60, 25, 12, 3])[0]
        base = {
            "schema_version": 1,
            "source": self.source,
            "anonymous_id": anonymous,
            "user_id": user,
            "context": {
                "app_version": version,
                "locale": locale,
                "country": country,
                "os": os,
                "device_type": device,
                "user_agent": agent,
                "ip": None if self.source == "server" or person.random() < 0.05 else f"10.{visitor % 250}.{visitor // 250 % 250}.0",
            },
        }
        campaign = rng.choices([*_CAMPAIGNS, None], [6, 5, 4, 2, 40])[0]
        kinds = self._kinds(rng)
        start = day + timedelta(hours=rng.choices(range(24), _HOURS)[0], milliseconds=rng.randrange(3_600_000))
        events, order = [], None
        for kind in kinds if self.has_sessions else [rng.choice(kinds)]:
            start += timedelta(milliseconds=int(rng.lognormvariate(9.5, 1.0)))
            lag = int(rng.lognormvariate(6, 0.8)) if rng.random() > 0.01 else int(rng.lognormvariate(14, 1.5))
            transit = int(rng.lognormvariate(5, 0.6))
            occurred = start - timedelta(milliseconds=lag) if lag > 60_000 else start
            sent = occurred + timedelta(milliseconds=lag)
            event: Event = {
                "event_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
                "event_type": kind,
                "occurred_at": iso(occurred),
                "sent_at": iso(sent),
                **base,
                "context": dict(base["context"]),
                "_received_at": sent + timedelta(milliseconds=transit),
            }
            if campaign and rng.random() < 0.5:
                event["campaign"] = {"source": campaign[0], "medium": campaign[1], "name": campaign[2]}
            self._fill(rng, event, kind, currency, number)
            order = event.get("order") or order
            events.append(event)
        return [event for event in events if event["_received_at"].date() == day.date()]

    def _kinds(self, rng: random.Random) -> list[str]:
        if self.source == "server":
            return [rng.choices(["purchase", "refund", "sign_up", "login"], [60, 5, 10, 25])[0]]
        view = "page_view" if self.source == "web" else "screen_view"
        kinds = [view] + [rng.choices([view, "click", "search"], [5, 4, 1.5])[0] for _ in range(min(25, int(rng.expovariate(0.25))))]
        draw = rng.random()
        if draw < 0.25:
            kinds.append("add_to_cart")
        if draw < 0.12:
            kinds.append("checkout_start")
        if draw < 0.08:
            kinds.append("purchase")
        return kinds

    def _fill(self, rng: random.Random, event: Event, kind: str, currency: str, number: int) -> None:
        if kind in ("page_view", "click") and self.source == "web":
            url, title = _PAGES[int(len(_PAGES) * rng.random() ** 2)]
            event["page"] = {"url": url, "title": title, "referrer": rng.choice(["https://google.test/", "https://store.test/", None])}
        if kind == "screen_view":
            event["screen"] = {"name": rng.choices(["Home", "Product", "Cart", "Profile", "Search"], [5, 4, 2, 1, 2])[0]}
        if kind == "click":
            event["click"] = {"element_id": rng.choices(["buy", "menu", "next", "filter", "logo"], [3, 5, 6, 2, 1])[0]}
        if kind == "search":
            event["search"] = {"query": rng.choice(_QUERIES), "result_count": 0 if rng.random() < 0.08 else int(rng.lognormvariate(3, 1))}
        if kind in ("page_view", "screen_view"):
            event["duration_ms"] = int(rng.lognormvariate(9, 1.2))
        if kind in ("add_to_cart", "checkout_start"):
            event["cart"] = {"currency": currency, "items": _items(rng, 1 if kind == "add_to_cart" else rng.choice([1, 1, 2, 3]))}
        if kind == "purchase":
            event["order"] = _order(rng, currency, f"{self.source[0]}{number:05d}{rng.randrange(10**7):07d}")
        if kind == "refund":
            # Orders of an earlier world: older than any history at hand.
            event["order"] = {
                **_order(rng, currency, f"old{rng.randrange(10**9)}"),
                "refund_reason": rng.choice(["broken", "too late", None]),
            }

    def _again(self, rng: random.Random, event: Event) -> Event:
        sent = event["_received_at"] + timedelta(milliseconds=rng.randrange(100, 4000))
        return {**event, "context": dict(event["context"]), "sent_at": iso(sent), "_received_at": sent + timedelta(milliseconds=120)}


def _items(rng: random.Random, count: int) -> list[Event]:
    chosen = [_PRODUCTS[int(len(_PRODUCTS) * rng.random() ** 1.7)] for _ in range(count)]
    return [
        {
            "product_id": sku,
            "name": name,
            "category": category,
            "quantity": rng.choices([1, 2, 3, 6], [70, 18, 8, 4])[0],
            "unit_price": price,
        }
        for sku, name, category, price in chosen
    ]


def _order(rng: random.Random, currency: str, order_id: str) -> Event:
    items = _items(rng, rng.choice([1, 1, 1, 2, 2, 3, 4]))
    subtotal = round(sum(item["quantity"] * item["unit_price"] for item in items), 2)
    discount = round(subtotal * 0.1, 2) if rng.random() < 0.2 else 0.0
    shipping = rng.choices([0.0, 4.9, 9.9], [40, 50, 10])[0]
    tax = round((subtotal - discount) * 0.2, 2)
    return {
        "order_id": order_id,
        "currency": currency,
        "items": items,
        "discount": discount,
        "tax": tax,
        "shipping": shipping,
        "total": round(subtotal - discount + tax + shipping, 2),
        "payment_method": rng.choices(["card", "paypal", "invoice", None], [60, 30, 8, 2])[0],
    }


def iso(instant: datetime) -> str:
    """As the contract writes instants."""
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}Z"


def staged(events: list[Event]) -> pl.DataFrame:
    """What the row rules make of events that are all right."""
    rows = []
    for offset, event in enumerate(events):
        value = {name: part for name, part in event.items() if name not in ("_received_at", "sent_at")}
        digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
        rows.append(
            {
                **{name: event.get(name) for name in STAGED_SCHEMA},
                "occurred_at": datetime.fromisoformat(event["occurred_at"]),
                "sent_at": datetime.fromisoformat(event["sent_at"]),
                "content_hash": digest,
                "received_at": event["_received_at"],
                "kafka_partition": 0,
                "kafka_offset": offset,
            }
        )
    return pl.DataFrame(rows, schema=STAGED_SCHEMA, strict=False)
