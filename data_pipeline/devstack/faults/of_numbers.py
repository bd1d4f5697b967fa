"""Faults of numbers and clocks: units, precision, shifts, constants.

Belongs here: one entry a fault, valid by every rule of a row wherever that is possible. Does not: helpers (`kit.py`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

from data_pipeline.devstack.faults import kit
from data_pipeline.devstack.faults.kit import Event, Events, Fault, change, change_event

_ORDER = ("order.discount", "order.tax", "order.shipping", "order.total", "order.items.unit_price")


def numbers_faults() -> list[Fault]:
    """Faults of numbers."""

    def scale(path: str, factor: float, whole: bool = False) -> Callable[..., Events]:
        return change(path, lambda rng, value: int(value * factor) if whole else round(value * factor, 4))

    def scale_order(factor: float) -> Callable[..., Events]:
        def edit(rng: random.Random, event: Event) -> None:
            for name in ("discount", "tax", "shipping", "total"):
                event["order"][name] = round(event["order"][name] * factor, 2)
            for item in event["order"]["items"]:
                item["unit_price"] = round(item["unit_price"] * factor, 4)
            kit.rebalance(event["order"])

        return change_event(kit.is_type("purchase"), edit)

    def edit_order(edit: Callable[[random.Random, Event], None]) -> Callable[..., Events]:
        def both(rng: random.Random, event: Event) -> None:
            edit(rng, event["order"])
            kit.rebalance(event["order"])

        return change_event(kit.is_type("purchase"), both)

    def set_amount(name: str, amount: Callable[[Event], float]) -> Callable[..., Events]:
        return edit_order(lambda rng, order: order.__setitem__(name, amount(order)))

    def set_items(edit: Callable[[random.Random, Event], None]) -> Callable[..., Events]:
        def each(rng: random.Random, order: Event) -> None:
            for item in order["items"]:
                edit(rng, item)

        return edit_order(each)

    return [
        Fault("duration in s", ("duration_ms",), scale("duration_ms", 0.001, True), needs="duration_ms"),
        Fault("duration in us", ("duration_ms",), change("duration_ms", lambda r, v: min(v * 1000, 86_400_000)), needs="duration_ms"),
        Fault("duration doubled", ("duration_ms",), scale("duration_ms", 2, True), (1.0,), "duration_ms"),
        Fault("duration halved", ("duration_ms",), scale("duration_ms", 0.5, True), (1.0,), "duration_ms"),
        Fault("duration in whole s", ("duration_ms",), change("duration_ms", lambda r, v: v // 1000 * 1000), needs="duration_ms"),
        Fault("duration capped", ("duration_ms",), change("duration_ms", lambda r, v: min(v, 10_000)), (1.0,), "duration_ms"),
        Fault("duration mean", ("duration_ms",), change("duration_ms", lambda r, v: 9000 + r.randrange(200)), (0.3, 1.0), "duration_ms"),
        Fault(
            "duration tail",
            ("duration_ms",),
            change("duration_ms", lambda r, v: 80_000_000 + r.randrange(10**6)),
            (0.02, 0.1),
            "duration_ms",
        ),
        Fault("results x10", ("search.result_count",), scale("search.result_count", 10, True), (0.3, 1.0), "search.result_count"),
        Fault("orders in cents", _ORDER, scale_order(100), needs="purchase"),
        Fault("orders in thousands", _ORDER, scale_order(0.001), needs="purchase"),
        Fault("orders in another currency", _ORDER, scale_order(1.9), (0.5, 1.0), "purchase"),
        Fault("carts in cents", ("cart.items.unit_price",), scale("cart.items.unit_price", 100), needs="cart.items.unit_price"),
        Fault("cart prices +25 %", ("cart.items.unit_price",), scale("cart.items.unit_price", 1.25), (1.0,), "cart.items.unit_price"),
        Fault("tax gone", ("order.tax", "order.total"), set_amount("tax", lambda o: 0.0), (0.3, 1.0), "purchase"),
        Fault("shipping gone", ("order.shipping", "order.total"), set_amount("shipping", lambda o: 0.0), (0.5, 1.0), "purchase"),
        Fault("tax equals shipping", ("order.tax", "order.shipping"), set_amount("tax", lambda o: o["shipping"]), (0.5, 1.0), "purchase"),
        Fault("discount everywhere", ("order.discount", "order.total"), set_amount("discount", lambda o: 1.0), (0.3, 1.0), "purchase"),
        Fault(
            "quantity x10",
            ("order.items.quantity", "order.total"),
            set_items(lambda r, i: i.__setitem__("quantity", i["quantity"] * 10)),
            (0.1, 1.0),
            "purchase",
        ),
        Fault(
            "cart quantity x12",
            ("cart.items.quantity",),
            change("cart.items.quantity", lambda r, v: v * 12),
            (0.1, 1.0),
            "cart.items.quantity",
        ),
        Fault(
            "prices rounded",
            ("order.items.unit_price",),
            set_items(lambda r, i: i.__setitem__("unit_price", float(round(i["unit_price"])))),
            (0.2, 1.0),
            "purchase",
        ),
        Fault(
            "prices of float noise",
            ("order.items.unit_price",),
            set_items(lambda r, i: i.__setitem__("unit_price", i["unit_price"] + 0.0003)),
            (0.2, 1.0),
            "purchase",
        ),
        Fault(
            "cart prices cut to tenths",
            ("cart.items.unit_price",),
            change("cart.items.unit_price", lambda r, v: int(v * 10) / 10),
            (0.3, 1.0),
            "cart.items.unit_price",
        ),
        Fault(
            "cart prices net of tax", ("cart.items.unit_price",), scale("cart.items.unit_price", 1 / 1.2), (1.0,), "cart.items.unit_price"
        ),
        Fault(
            "one item an order",
            ("order.items", "order.items.product_id", "order.total"),
            edit_order(lambda r, o: o.__setitem__("items", o["items"][:1])),
            (1.0,),
            "purchase",
        ),
    ]


def clocks_faults() -> list[Fault]:
    """Faults of clocks."""

    def earlier_by(names: tuple[str, ...], by: timedelta) -> Callable[..., Events]:
        return change_event(kit.always, lambda rng, event: kit.shift(event, names, -by))

    def floor(name: str, **parts: int) -> Callable[..., Events]:
        return change(name, lambda rng, value: kit.iso(kit.instant(value).replace(**parts)))  # type: ignore[arg-type]

    def constant(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
        when = min(event["occurred_at"] for event in events)
        return change("occurred_at", lambda r, v: when)(rng, events, earlier, share)

    def local_midnight(rng: random.Random, event: Event) -> None:
        event["occurred_at"] = kit.iso(kit.instant(event["occurred_at"]).replace(hour=0, minute=0, second=0, microsecond=0))

    return [
        Fault("occurred 1 h early", ("occurred_at",), earlier_by(("occurred_at",), timedelta(hours=1))),
        Fault("occurred 8 h early", ("occurred_at",), earlier_by(("occurred_at",), timedelta(hours=8))),
        Fault("both clocks 2 h early", ("occurred_at", "sent_at"), earlier_by(("occurred_at", "sent_at"), timedelta(hours=2))),
        Fault(
            "both clocks 3 min late", ("occurred_at", "sent_at"), earlier_by(("occurred_at", "sent_at"), timedelta(minutes=-3)), (0.3, 1.0)
        ),
        Fault(
            "both clocks 90 s early", ("occurred_at", "sent_at"), earlier_by(("occurred_at", "sent_at"), timedelta(seconds=90)), (0.3, 1.0)
        ),
        Fault("days late", ("occurred_at", "sent_at"), earlier_by(("occurred_at",), timedelta(days=3)), (0.03, 0.2)),
        Fault("milliseconds lost", ("occurred_at",), floor("occurred_at", microsecond=0), (0.3, 1.0)),
        Fault("minutes only", ("occurred_at",), floor("occurred_at", second=0, microsecond=0), (0.2, 1.0)),
        Fault("days only", ("occurred_at",), change_event(kit.always, local_midnight), (0.1, 1.0)),
        Fault("occurred constant", ("occurred_at",), constant, (0.1, 1.0)),
        Fault(
            "occurred is sent",
            ("occurred_at", "sent_at"),
            change_event(kit.always, lambda r, e: e.__setitem__("occurred_at", e["sent_at"])),
            (0.3, 1.0),
        ),
        Fault(
            "sent is occurred",
            ("occurred_at", "sent_at"),
            change_event(kit.always, lambda r, e: e.__setitem__("sent_at", e["occurred_at"])),
            (0.3, 1.0),
        ),
        Fault(
            "one os 1 h early",
            ("occurred_at",),
            kit.in_one("context.os", earlier_by(("occurred_at",), timedelta(hours=1))),
            (1.0,),
            "context.os",
        ),
    ]
