"""Made-up sources that no threshold was tuned on: their laws are drawn from a seed.

Neither the devstack's generator nor that of the tests: rows of their own or visits, any rhythm of the day and the week, any number of
countries, versions and products, any rate of nulls, late rows and re-sends.
Belongs here: clean windows. Does not: faults (`held_out_faults.py`), judging (`findings.py`).
"""

from __future__ import annotations

import math
import random
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from data_pipeline.devstack.faults.kit import RECEIVED, Event, Events, iso

_COUNTRIES = [
    "US",
    "GB",
    "DE",
    "FR",
    "ES",
    "IT",
    "NL",
    "SE",
    "PL",
    "JP",
    "BR",
    "IN",
    "CA",
    "AU",
    "MX",
    "PT",
    "AT",
    "CH",
    "BE",
    "DK",
    "NO",
    "FI",
    "IE",
    "CZ",
]
_CURRENCIES = {"US": "USD", "GB": "GBP", "JP": "JPY", "BR": "BRL", "IN": "INR", "CA": "CAD", "SE": "SEK", "PL": "PLN", "CH": "CHF"}
_AGENTS = [
    ("windows", "desktop", "Mozilla/5.0 (Windows NT 10.0) Chrome/130.0"),
    ("windows", "desktop", "Mozilla/5.0 (Windows NT 10.0) Firefox/131.0"),
    ("macos", "desktop", "Mozilla/5.0 (Macintosh) Safari/605.1"),
    ("linux", "desktop", "Mozilla/5.0 (X11; Linux) Firefox/131.0"),
    ("ios", "mobile", "Mozilla/5.0 (iPhone; iOS 17) Mobile"),
    ("android", "mobile", "Mozilla/5.0 (Linux; Android 14) Mobile"),
    ("ios", "tablet", "Mozilla/5.0 (iPad; iOS 17)"),
]
_WORDS = [
    "oak",
    "lamp",
    "chair",
    "sofa",
    "rug",
    "mug",
    "plate",
    "desk",
    "shelf",
    "clock",
    "mirror",
    "vase",
    "candle",
    "basket",
    "pillow",
    "blanket",
]
_SCREENS = ["Home", "Product", "Cart", "Profile", "Search", "Orders", "Settings", "Wishlist"]
_ELEMENTS = ["buy", "menu", "next", "filter", "logo", "footer", "help", "zoom", "share"]
_SENDERS = [
    ("google", "cpc", "brand"),
    ("newsletter", "email", "weekly"),
    ("facebook", "social", "retarget"),
    ("partner", "affiliate", None),
]
_KINDS = {
    "web": {"page_view": 55, "click": 22, "search": 8, "add_to_cart": 7, "checkout_start": 3, "purchase": 3, "login": 1.5, "sign_up": 0.5},
    "ios": {"screen_view": 60, "click": 20, "search": 7, "add_to_cart": 6, "checkout_start": 3, "purchase": 3, "login": 1},
    "server": {"purchase": 60, "refund": 8, "login": 22, "sign_up": 10},
}
_KINDS["android"] = _KINDS["ios"]
_NEXT = {"add_to_cart": "checkout_start", "checkout_start": "purchase"}


@dataclass(frozen=True)
class Law:
    """How a world behaves.

    Attributes:
        source: web, ios, android or server.
        rows: rows of a mean window.
        is_hourly: whether windows are hours, else days.
        has_visits: whether a visitor's rows come in visits, else each by itself.
        seed: any integer; all that is not said above follows from it.
    """

    source: str
    rows: int
    is_hourly: bool
    has_visits: bool
    seed: int


@dataclass
class World:
    """A source; windows have to be asked for in order, since refunds give earlier orders back."""

    law: Law
    bought: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = random.Random(f"world {self.law}")
        self._shape = [
            math.exp(rng.uniform(0.3, 1.1) * math.cos((hour - 15 - rng.uniform(-1, 1)) / 24 * 2 * math.pi)) for hour in range(24)
        ]
        self._week = [rng.uniform(0.85, 1.15) for _ in range(5)] + [rng.uniform(0.5, 1.4)] * 2
        self._growth = rng.uniform(-0.003, 0.006)
        self._noise = rng.uniform(0.02, 0.07)
        countries = rng.sample(_COUNTRIES, rng.randint(4, 16))
        self._countries = _zipf(countries, rng)
        self._agents = _zipf(rng.sample(_AGENTS, rng.randint(3, 7)), rng)
        self._versions = _zipf([f"{rng.randint(2, 9)}.{n}.{rng.randint(0, 9)}" for n in range(rng.randint(2, 6))], rng)
        self._kinds = {kind: weight * rng.uniform(0.7, 1.4) for kind, weight in _KINDS[self.law.source].items()}
        self._null = {name: rng.choice([0.0, 0.01, 0.05, 0.2]) for name in ("country", "locale", "ip", "title", "duration", "payment")}
        self._users = rng.uniform(0.2, 0.7)
        self._resends = rng.choice([0.0, 0.003, 0.01, 0.02])
        self._late = rng.choice([0.0, 0.005, 0.02])
        self._lag_s, self._transit_s = rng.uniform(0.3, 3), rng.uniform(0.05, 0.6)
        self._duration = (rng.uniform(7.5, 9.5), rng.uniform(0.6, 1.4))
        self._products = [
            (f"{rng.choice('AKPS')}{rng.randint(1000, 99999)}", f"{rng.choice(_WORDS)} {rng.choice(_WORDS)} {n}", rng.choice(_WORDS[:6]),
             round(rng.lognormvariate(3, 0.9), 2))
            for n in range(rng.randint(20, 250))
        ]  # fmt: skip
        self._pages = [
            (f"https://shop{self.law.seed}.test/{rng.choice(_WORDS)}/{n}", f"{rng.choice(_WORDS).title()} | shop")
            for n in range(rng.randint(10, 300))
        ]
        self._queries = [f"{rng.choice(_WORDS)} {rng.choice(_WORDS)}" for _ in range(rng.randint(20, 150))]
        self._shipping = rng.choice([[0.0, 4.9], [3.5, 7.0, 12.0], [0.0]])
        self._visitors = max(60, int(self.law.rows * (24 if self.law.is_hourly else 1) * rng.uniform(0.15, 0.6)))

    def window(self, start: datetime) -> Events:
        """Events that arrive in the hour or day from `start` on, in order of arrival."""
        rng = random.Random(f"{self.law} {start.isoformat()}")
        number = start.toordinal() - datetime(2026, 1, 1).toordinal()
        level = self.law.rows * self._week[start.weekday()] * (1 + self._growth) ** number * rng.lognormvariate(0, self._noise)
        if self.law.is_hourly:
            level *= self._shape[start.hour] / sum(self._shape) * 24
        target = max(1, round(rng.gauss(level, math.sqrt(level))))
        events: Events = []
        while len(events) < target:
            events += self._visit(rng, start, number)
        events = events[:target]
        events += [self._again(rng, event) for event in events if rng.random() < self._resends]
        end = start + timedelta(hours=1 if self.law.is_hourly else 24)
        events = sorted((event for event in events if event[RECEIVED] < end), key=lambda event: event[RECEIVED])
        known = {event["event_id"] for event in self.bought[-len(events) :]}
        self.bought += {e["event_id"]: e for e in events if e["event_type"] == "purchase" and e["event_id"] not in known}.values()
        return events

    def _visit(self, rng: random.Random, start: datetime, number: int) -> Events:
        visitor = int(self._visitors * rng.random() ** 1.5) + number * self._visitors // 12
        person = random.Random(f"{self.law.seed} {visitor}")
        source = self.law.source
        country = person.choices(*self._countries)[0]
        os, device, agent = person.choices(*self._agents)[0]
        if source in ("ios", "android"):
            os, device, agent = source, person.choices(["mobile", "tablet"], [9, 1])[0], None
        context: Event = {
            "country": None if rng.random() < self._null["country"] else country,
            "locale": None if rng.random() < self._null["locale"] else f"{person.choice(['en', country.lower()])}-{country}",
            "os": None if source == "server" else os,
            "device_type": None if source == "server" else device,
            "app_version": person.choices(*self._versions)[0] if source in ("ios", "android") else None,
            "user_agent": agent if source == "web" else None,
            "ip": None
            if source == "server" or rng.random() < self._null["ip"]
            else f"{person.randint(11, 99)}.{person.randint(0, 255)}.7.0",
        }
        has_user = source == "server" or person.random() < self._users
        user = f"u{40000 + visitor}" if has_user else None
        anonymous = None if source == "server" else f"d-{person.getrandbits(48):012x}"
        campaign = rng.choices([*_SENDERS, None], [3, 2, 2, 1, 25])[0]
        hours = [self._shape[hour] for hour in range(24)]
        at = (
            start
            + (timedelta() if self.law.is_hourly else timedelta(hours=rng.choices(range(24), hours)[0]))
            + timedelta(seconds=rng.uniform(0, 3600))
        )
        events: Events = []
        for kind in self._steps(rng):
            at += timedelta(seconds=rng.lognormvariate(2.5, 0.8) if self.law.has_visits else 0)
            lag = (
                rng.lognormvariate(math.log(self._lag_s), 0.9)
                if kind == "refund" or rng.random() >= self._late
                else rng.uniform(4000, 200_000)
            )
            transit = rng.lognormvariate(math.log(self._transit_s), 0.5)
            event: Event = {
                "event_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)), "event_type": kind, "schema_version": 1, "source": source,
                "occurred_at": iso(at - timedelta(seconds=lag + transit)), "sent_at": iso(at - timedelta(seconds=transit)),
                "anonymous_id": anonymous, "user_id": user or (f"u{40000 + visitor}" if kind in ("login", "sign_up") else None),
                "context": dict(context), RECEIVED: at.replace(microsecond=at.microsecond // 1000 * 1000),
            }  # fmt: skip
            if campaign and source != "server":
                event["campaign"] = dict(zip(("source", "medium", "name"), campaign, strict=True))
            self._fill(rng, event, kind, _CURRENCIES.get(country, "EUR"), number)
            events.append(event)
        return events

    def _steps(self, rng: random.Random) -> list[str]:
        kinds, weights = list(self._kinds), list(self._kinds.values())
        if not self.law.has_visits:
            return rng.choices(kinds, weights)
        kind = kinds[0]
        steps = [kind, *rng.choices(kinds[:3], weights[:3], k=min(20, int(rng.expovariate(0.35))))]
        if rng.random() < 0.22:
            steps.append("add_to_cart")
            while (following := _NEXT.get(steps[-1])) and rng.random() < 0.55:
                steps.append(following)
        return steps

    def _fill(self, rng: random.Random, event: Event, kind: str, currency: str, number: int) -> None:
        if kind == "page_view" or (kind == "click" and self.law.source == "web"):
            url, title = self._pages[int(len(self._pages) * rng.random() ** 2)]
            event["page"] = {
                "url": url,
                "title": None if rng.random() < self._null["title"] else title,
                "referrer": rng.choice(["https://google.test/", "https://bing.test/", None]),
            }
        if kind == "screen_view":
            event["screen"] = {"name": _SCREENS[int(len(_SCREENS) * rng.random() ** 1.6)]}
        if kind == "click":
            event["click"] = {"element_id": _ELEMENTS[int(len(_ELEMENTS) * rng.random() ** 1.4)]}
        if kind == "search":
            event["search"] = {
                "query": self._queries[int(len(self._queries) * rng.random() ** 2)],
                "result_count": 0 if rng.random() < 0.06 else int(rng.lognormvariate(3, 1)),
            }
        if kind in ("page_view", "screen_view") and rng.random() >= self._null["duration"]:
            event["duration_ms"] = min(86_400_000, int(rng.lognormvariate(*self._duration)))
        if kind in ("add_to_cart", "checkout_start"):
            event["cart"] = {"currency": currency, "items": self._items(rng)}
        if kind == "purchase":
            event["order"] = self._order(rng, currency, f"{self.law.source[0]}{number}-{rng.getrandbits(40):010x}")
        if kind == "refund":
            if self.bought:
                given = rng.choice(self.bought[-2000:])
                event["order"] = {**_copy(given["order"]), "refund_reason": rng.choice(["broken", "too late", None])}
                self.bought.remove(given)
            else:
                event["event_type"] = "login"

    def _items(self, rng: random.Random) -> list[Event]:
        chosen = [
            self._products[int(len(self._products) * rng.random() ** 1.5)] for _ in range(rng.choices([1, 2, 3, 5], [60, 25, 10, 5])[0])
        ]
        return [
            {
                "product_id": code,
                "name": name,
                "category": category,
                "quantity": rng.choices([1, 2, 3, 6], [70, 18, 8, 4])[0],
                "unit_price": price,
            }
            for code, name, category, price in chosen
        ]

    def _order(self, rng: random.Random, currency: str, order_id: str) -> Event:
        items = self._items(rng)
        subtotal = sum(item["quantity"] * item["unit_price"] for item in items)
        discount = round(subtotal * 0.1, 2) if rng.random() < 0.15 else 0.0
        tax, shipping = round((subtotal - discount) * 0.19, 2), rng.choice(self._shipping)
        payment = None if rng.random() < self._null["payment"] else rng.choices(["card", "paypal", "invoice"], [6, 3, 1])[0]
        return {
            "order_id": order_id, "currency": currency, "items": items, "discount": discount, "tax": tax, "shipping": shipping,
            "total": round(subtotal - discount + tax + shipping, 2), "payment_method": payment,
        }  # fmt: skip

    def _again(self, rng: random.Random, event: Event) -> Event:
        received = event[RECEIVED] + timedelta(milliseconds=rng.randrange(200, 60_000))
        return {**event, "sent_at": iso(received - timedelta(milliseconds=100)), RECEIVED: received}


def _zipf(values: list[Any], rng: random.Random) -> tuple[list[Any], list[float]]:
    power = rng.uniform(0.5, 1.5)
    return values, [1 / (rank + 1) ** power for rank in range(len(values))]


def _copy(order: Event) -> Event:
    return {**order, "items": [dict(item) for item in order["items"]]}
