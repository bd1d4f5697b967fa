"""Faults of whole rows: lost, sent again, in bursts, in the wrong order; and of orders.

Belongs here: one entry a fault, valid by every rule of a row wherever that is possible. Does not: helpers (`kit.py`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

from data_pipeline.devstack.faults import kit
from data_pipeline.devstack.faults.kit import RECEIVED, Event, Events, Fault, change, change_event, drop


def rows_faults() -> list[Fault]:
    """Faults of rows."""

    def hours(event: Event) -> int:
        return int(event[RECEIVED].hour)

    def again(same_id: bool, same_content: bool) -> Callable[..., Events]:
        def apply(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
            copies = []
            for event in rng.sample(events, int(len(events) * share)):
                copy = kit.copy_event(event)
                if not same_id:
                    copy["event_id"] = kit.new_id(rng)
                if not same_content:
                    copy["context"]["country"] = "US" if copy["context"]["country"] != "US" else "DE"
                copies.append(copy)
            return events + copies

        return apply

    def earlier_batch(fresh_ids: bool) -> Callable[..., Events]:
        def apply(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
            batch = earlier[-int(len(events) * share) :]
            copies = []
            for event in batch:
                copy = {**event, RECEIVED: event[RECEIVED] + (events[0][RECEIVED] - earlier[0][RECEIVED])}
                if fresh_ids:
                    copy["event_id"] = kit.new_id(rng)
                copies.append(copy)
            return events[: len(events) - len(copies)] + copies

        return apply

    def burst(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
        first = rng.choice(events)
        copies = []
        for n in range(int(len(events) * share)):
            copy = kit.copy_event(first)
            copy["event_id"] = kit.new_id(rng)
            by = timedelta(milliseconds=50 * n)
            kit.shift(copy, ("occurred_at", "sent_at"), by)
            copy[RECEIVED] += by
            copies.append(copy)
        return [event for event in events + copies if event[RECEIVED].date() == events[0][RECEIVED].date()]

    def agent_burst(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
        copies = []
        for event in rng.sample(events, int(len(events) * share)):
            copy = kit.copy_event(event)
            copy["event_id"] = kit.new_id(rng)
            copy["anonymous_id"] = f"a{rng.getrandbits(56):014x}"
            copy["context"]["user_agent"] = "curl/8.5.0"
            copies.append(copy)
        return events + copies

    def one_minute(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
        when = events[len(events) // 2][RECEIVED]
        return [{**event, RECEIVED: when} if event[RECEIVED] < when and rng.random() < share else event for event in events]

    return [
        Fault("rows lost", ("rows",), drop(kit.always), (0.3, 0.5, 0.9)),
        Fault("an hour lost", (), drop(lambda e: hours(e) in (14, 15)), (1.0,), "days"),
        Fault("a night and morning lost", (), drop(lambda e: hours(e) < 9), (1.0,), "days"),
        Fault("all after noon lost", (), drop(lambda e: hours(e) >= 12), (1.0,), "days"),
        Fault("views lost", (), drop(lambda e: e["event_type"] in ("page_view", "screen_view")), (0.4, 1.0), "views"),
        Fault("purchases lost", (), drop(kit.is_type("purchase")), (1.0,), "purchase"),
        Fault("checkouts lost", (), drop(kit.is_type("checkout_start")), (1.0,), "checkout_start"),
        Fault("searches lost", (), drop(kit.is_type("search")), (0.6, 1.0), "search"),
        Fault("re-sent", ("event_id", "rows"), again(True, True), (0.05, 0.3, 1.0)),
        Fault("sent under new ids", (), again(False, True), (0.05, 0.3, 1.0)),
        Fault("conflicts", ("event_id",), again(True, False), (0.01, 0.1)),
        Fault("earlier batch", (), earlier_batch(False), (0.05, 0.3)),
        Fault("earlier batch under new ids", (), earlier_batch(True), (0.1, 0.3)),
        Fault("burst of a visitor", (), burst, (0.05, 0.2)),
        Fault("burst of an agent", (), agent_burst, (0.05, 0.2)),
        Fault("all in one minute", (), one_minute, (0.5,)),
        Fault("only registered users", (), drop(lambda e: not e.get("user_id")), (1.0,), "user_id"),
        Fault("every second visitor lost", (), drop(lambda e: hash(e.get("anonymous_id") or e.get("user_id")) % 2 == 0), (1.0,)),
        Fault("sample of a tenth", ("rows",), drop(lambda e: e["event_id"][-1] != "7"), (1.0,)),
    ]


def relations_faults() -> list[Fault]:
    """Faults of relations."""

    def order_reversed(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
        swapped = {"add_to_cart": "checkout_start", "checkout_start": "add_to_cart"}
        return change("event_type", lambda r, v: swapped.get(v, v))(rng, events, earlier, share)

    def relabel(old: str, new: str) -> Callable[..., Events]:
        return change("event_type", lambda rng, value: new if value == old else value)

    def steps_late(rng: random.Random, event: Event) -> None:
        kit.shift(event, ("occurred_at",), timedelta(minutes=-90))

    return [
        Fault("checkouts as carts", (), order_reversed, (1.0,), "checkout_start"),
        Fault("sign ups as logins", (), relabel("sign_up", "login"), (1.0,), "sign_up"),
        Fault("purchases before checkout", (), change_event(kit.is_type("purchase"), steps_late), (1.0,), "steps"),
    ]


def orders_faults() -> list[Fault]:
    """Faults of orders."""

    def bought_again(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
        bought = [event for event in events if event["event_type"] == "purchase"]
        copies = []
        for event in rng.sample(bought, max(1, int(len(bought) * share))):
            copy = kit.copy_event(event)
            copy["event_id"] = kit.new_id(rng)
            copies.append(copy)
        return events + copies

    def refund(edit: Callable[[Event], None]) -> Callable[..., Events]:
        def apply(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
            bought = [event for event in earlier if event["event_type"] == "purchase"]
            copies = []
            for event in rng.sample(bought, min(len(bought), max(2, int(len(bought) * share)))):
                copy = kit.copy_event(event)
                like = rng.choice(events)
                copy.update(event_id=kit.new_id(rng), event_type="refund", occurred_at=like["occurred_at"], sent_at=like["sent_at"])
                copy[RECEIVED] = like[RECEIVED]
                edit(copy)
                copies.append(copy)
            return events + copies

        return apply

    def too_much(event: Event) -> None:
        for item in event["order"]["items"]:
            item["quantity"] += 3
        kit.rebalance(event["order"])

    def other_currency(event: Event) -> None:
        event["order"]["currency"] = "CHF" if event["order"]["currency"] != "CHF" else "EUR"

    return [
        Fault("bought twice", ("order.order_id",), bought_again, (0.01, 0.2), "purchase"),
        Fault("refund of too much", ("order.total",), refund(too_much), (0.02,), "earlier purchase"),
        Fault("refund in another currency", ("order.currency",), refund(other_currency), (0.02,), "earlier purchase"),
        Fault(
            "refunds without purchase",
            (),
            refund(lambda e: e["order"].__setitem__("order_id", "x" + e["event_id"][:8])),
            (0.1, 0.5),
            "earlier purchase",
        ),
    ]
