"""Five weeks of a shop as rows of the marts, seeded: enough for every chart to look as it does at work.

The numbers that a page must show are worked out from these rows by the tests, in plain Python.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from data_pipeline_tests.unit.serving.mart_rows import Row, active, arrival, funnel, revenue, volume

DAYS = 35
SOURCES = {"web": 900, "ios": 520, "android": 430, "server": 60}
"""Mean sessions a day; a server has none, but orders and refunds."""
_TYPES = {
    "web": {"page_view": 5.2, "click": 2.1, "search": 0.7, "add_to_cart": 0.4, "checkout_start": 0.16, "purchase": 0.07, "login": 0.2},
    "ios": {"screen_view": 6.1, "click": 2.6, "search": 0.6, "add_to_cart": 0.5, "checkout_start": 0.2, "purchase": 0.1, "login": 0.25},
    "android": {
        "screen_view": 5.7,
        "click": 2.2,
        "search": 0.6,
        "add_to_cart": 0.4,
        "checkout_start": 0.15,
        "purchase": 0.07,
        "login": 0.2,
    },
    "server": {"purchase": 1.6, "refund": 0.7, "sign_up": 0.3},
}
_DEVICES = {
    "web": {"desktop": 0.66, "mobile": 0.28, "tablet": 0.06},
    "ios": {"mobile": 0.9, "tablet": 0.1},
    "android": {"mobile": 0.95, "tablet": 0.05},
}
_COUNTRIES = {"DE": 0.42, "GB": 0.21, "FR": 0.14, "US": 0.12, "unknown": 0.11}
_OS = {"web": "windows", "ios": "ios", "android": "android"}
_CHANNELS = (
    ("direct", "(none)", "(none)", "(none)", "(none)", 0.52),
    ("campaign", "newsletter", "email", "spring-sale", "(none)", 0.13),
    ("campaign", "ads.example", "cpc", "lamps-search", "(none)", 0.09),
    ("campaign", "social.example", "paid-social", "new-arrivals", "(none)", 0.05),
    ("referral", "(none)", "(none)", "(none)", "search.example", 0.14),
    ("referral", "(none)", "(none)", "(none)", "blog.example", 0.05),
    ("referral", "(none)", "(none)", "(none)", "compare.example", 0.02),
)
_PRODUCTS = (
    ("p-01", "Desk lamp", "lighting", "49.90", 9),
    ("p-02", "Ceramic mug", "kitchen", "12.50", 22),
    ("p-03", "Wool blanket", "home", "89.00", 4),
    ("p-04", "Wall clock", "home", "34.95", 6),
    ("p-05", "Tea pot, cast iron", "kitchen", "64.00", 3),
    ("p-06", "Café au lait bowl", "kitchen", "9.80", 14),
    ("p-07", "Reading light", "lighting", "27.90", 8),
    ("p-08", "Picture frame 30×40", "home", "18.00", 11),
)
_TERMS = (
    ("teapot lid", 9, 9),
    ("lamp shade green", 7, 6),
    ("gift card", 6, 6),
    ("blanket xxl", 5, 3),
    ("mug", 30, 1),
    ("clock", 14, 0),
    ("led strip", 4, 4),
)
_RULES = (("types", 9), ("clocks", 6), ("schema", 5), ("money", 3), ("privacy", 2), ("text", 1))


def shop_rows(last_day: date) -> dict[str, list[Row]]:
    """Rows of every mart for the 35 days that end with `last_day`."""
    chance = random.Random(20260314)
    rows: dict[str, list[Row]] = {}

    def add(mart: str, row: Mapping[str, Any]) -> None:
        rows.setdefault(mart, []).append(dict(row))

    days = [last_day - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    for number, day in enumerate(days):
        for source, mean in SOURCES.items():
            week = 1.0 + 0.22 * math.cos((day.weekday() - 6) * 2 * math.pi / 7)
            sessions = int(mean * week * (1 + 0.004 * number) * chance.uniform(0.94, 1.06))
            _traffic(add, chance, day, source, sessions)
            if source != "server":
                _sessions(add, chance, day, source, sessions)
            _commerce(add, chance, day, source, sessions)
        _people(add, chance, day, number)
    for mart, row in _cohorts(days, chance):
        add(mart, row)
    for source in SOURCES:
        newest = datetime(last_day.year, last_day.month, last_day.day, 23, 41)
        hour = newest.replace(minute=0)
        add(
            "mart_freshness",
            {
                "source": source,
                "newest_occurred_at": newest,
                "newest_received_at": newest,
                "newest_event_date": last_day,
                "newest_hour_at": hour,
            },
        )
    for product, name, category, _, _ in _PRODUCTS:
        add("dim_products", {"product_id": product, "product_name": name, "category": category})
    return rows


def _traffic(add: Any, chance: random.Random, day: date, source: str, sessions: int) -> None:
    for hour in range(0, 24, 1):
        share = max(0.004, (1 - math.cos((hour - 3) * 2 * math.pi / 24)) / 24)
        total = 0
        for kind, each in _TYPES[source].items():
            events = round(sessions * each * share * chance.uniform(0.9, 1.1))
            if events:
                total += events
                late = round(events * 0.012)
                add(
                    "mart_event_volume",
                    volume(day, hour, source, kind, events, late_event_count=late, delivery_s_sum=events * 4 + late * 5000),
                )
        rejected = round(total * {"web": 0.011, "ios": 0.004, "android": 0.019, "server": 0.0}[source] * chance.uniform(0.5, 1.5))
        add("mart_data_quality", arrival(day, hour, source, total + rejected, rejected, control=total // 40))
        _rejections(add, day, hour, source, rejected)
        if total:
            for partition in range(2):
                first = day.toordinal() * 100_000 + hour * 4000
                for offset in (first, first + total // 2):
                    at = datetime(day.year, day.month, day.day, hour, 59)
                    add(
                        "fct_events",
                        {"event_date": day, "source": source, "kafka_partition": partition, "kafka_offset": offset, "received_at": at},
                    )


def _rejections(add: Any, day: date, hour: int, source: str, rejected: int) -> None:
    left = rejected
    turn = hour % len(_RULES)
    for rule, weight in (*_RULES[turn:], *_RULES[:turn]):
        part = min(left, math.ceil(rejected * weight / 26))
        if part:
            left -= part
            value = (
                None
                if rule == "privacy"
                else '{"event_id":"0190a5c2-7d1e-7c3b-9f10-3a5b2c4d6e7f","event_type":"page_view","schema_version":"1","source":"' + source
            )
            add(
                "mart_quarantine",
                {
                    "arrival_date": day,
                    "hour_at": datetime(day.year, day.month, day.day, hour),
                    "source": source,
                    "rule": rule,
                    "event_type": "page_view" if source == "web" else "screen_view",
                    "app_version": "unknown" if source == "web" else ("5.2.0" if rule == "types" else "5.1.3"),
                    "rejected_count": part,
                    "example_value": value,
                    "example_kafka_partition": 1,
                    "example_kafka_offset": day.toordinal() * 100_000 + hour * 4000 + 7,
                },
            )


def _sessions(add: Any, chance: random.Random, day: date, source: str, sessions: int) -> None:
    for device, device_share in _DEVICES[source].items():
        part = round(sessions * device_share)
        for country, country_share in _COUNTRIES.items():
            count = round(part * country_share)
            add(
                "mart_sessions",
                {
                    "session_date": day,
                    "source": source,
                    "device_type": device,
                    "country": country,
                    "os": _OS[source],
                    "session_count": count,
                    "bounce_count": round(count * chance.uniform(0.3, 0.4)),
                    "purchasing_session_count": round(count * 0.05),
                    "signed_in_session_count": round(count * 0.23),
                    "open_session_count": 0,
                    "duration_ms_sum": count * int(chance.uniform(150_000, 260_000)),
                    "engaged_ms_sum": count * 71_000,
                    "event_count": count * 9,
                    "page_view_count": count * 5,
                    "screen_view_count": 0,
                    "search_count": count,
                },
            )
        steps = [part]
        for low, high in ((0.94, 0.98), (0.2, 0.3), (0.42, 0.55), (0.4, 0.62)):
            steps.append(round(steps[-1] * chance.uniform(low, high)))
        add("mart_funnel", funnel(day, source, *steps, device=device))
    for channel, campaign, medium, name, host, share in _CHANNELS:
        count = round(sessions * share * chance.uniform(0.85, 1.15))
        ordering = round(count * 0.05)
        for currency, number in (("none", count - ordering), ("EUR", ordering)):
            add(
                "mart_acquisition",
                {
                    "session_date": day,
                    "source": source,
                    "channel": channel,
                    "campaign_source": campaign,
                    "campaign_medium": medium,
                    "campaign_name": name,
                    "referrer_host": host,
                    "currency": currency,
                    "session_count": number,
                    "bounce_count": round(number * 0.35) if currency == "none" else 0,
                    "purchasing_session_count": 0 if currency == "none" else number,
                    "order_count": 0 if currency == "none" else number,
                    "order_amount": Decimal(0) if currency == "none" else Decimal("57.35") * number,
                },
            )


def _commerce(add: Any, chance: random.Random, day: date, source: str, sessions: int) -> None:
    for currency, share in (("EUR", 0.05), ("GBP", 0.016)):
        orders = round(sessions * share * (6 if source == "server" else 1))
        refunds = round(orders * chance.uniform(0.02, 0.12)) if source == "server" else 0
        add(
            "mart_revenue",
            revenue(day, source, currency, orders, f"{orders * chance.uniform(52, 64):.2f}", refunds, f"{refunds * 41.5:.2f}"),
        )
        for product, name, category, price, popularity in _PRODUCTS:
            units = round(orders * popularity / 40 * chance.uniform(0.6, 1.4))
            back = round(units * 0.09) if source == "server" else 0
            if units:
                add(
                    "mart_product_performance",
                    {
                        "event_date": day,
                        "source": source,
                        "product_id": product,
                        "currency": currency,
                        "product_name": name,
                        "category": category,
                        "order_count": max(1, units // 2),
                        "units_sold": units,
                        "sales_amount": Decimal(price) * units,
                        "refund_count": back,
                        "units_refunded": back,
                        "refunded_amount": Decimal(price) * back,
                    },
                )
    if source != "server":
        for term, searches, without in _TERMS:
            add(
                "mart_search_without_result",
                {
                    "event_date": day,
                    "source": source,
                    "search_term": term,
                    "search_count": searches,
                    "search_without_result_count": without,
                    "result_count_sum": (searches - without) * 11,
                },
            )


def _people(add: Any, chance: random.Random, day: date, number: int) -> None:
    grown = 1 - math.exp(-(number + 3) / 9)
    for combination, mean in (
        ("|web|", 620),
        ("|ios|", 380),
        ("|android|", 320),
        ("|ios|web|", 70),
        ("|android|web|", 60),
        ("|server|", 25),
    ):
        visitors = int(mean * (1 + 0.2 * math.cos((day.weekday() - 6) * 2 * math.pi / 7)) * chance.uniform(0.95, 1.05))
        row = dict(active(day, combination, visitors, visitors // 4))
        for kind, base in (("visitors", visitors), ("users", visitors // 4)):
            row[f"active_{kind}_rolling_7d"] = int(base * (1 + 1.9 * grown))
            row[f"active_{kind}_rolling_28d"] = int(base * (1 + 4.6 * grown))
            row[f"active_{kind}_week_to_date"] = int(base * (1 + 0.32 * day.weekday()))
            row[f"active_{kind}_month_to_date"] = int(base * (1 + 0.16 * (day.day - 1)))
        add("mart_active_users", row)


def _cohorts(days: list[date], chance: random.Random) -> Iterator[tuple[str, Row]]:
    first, last = days[0], days[-1]
    weeks = sorted({day - timedelta(days=day.weekday()) for day in days})
    for cohort in weeks:
        for source, mean in (("web", 2100), ("ios", 1150), ("android", 960)):
            size = int(mean * chance.uniform(0.9, 1.1) * (1 if cohort >= first else 0.6))
            for since, week in enumerate(week for week in weeks if week >= cohort):
                kept = size if since == 0 else int(size * 0.31 / since**0.62 * chance.uniform(0.93, 1.07))
                yield (
                    "mart_retention_cohorts",
                    {
                        "cohort_week": cohort,
                        "source": source,
                        "weeks_since_first": since,
                        "active_week": week,
                        "cohort_visitor_count": size,
                        "active_visitor_count": kept,
                        "is_complete_week": week + timedelta(days=6) <= last,
                    },
                )
