"""Faults of whole windows by the families that the checks are made for, drawn from a seed.

Which field, value, factor and part of the rows a fault hits is chance: no check was tuned on them.
Belongs here: one function a family, its faults valid by every rule of a row wherever that is possible. Does not: judging.
"""

# ruff: noqa: E501
from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from data_pipeline.devstack.faults import kit
from data_pipeline.devstack.faults.kit import RECEIVED, Event, Events, change, change_event, holders, is_type, values

Apply = Callable[..., Events]
SHARES = (0.05, 0.1, 0.3, 1.0)
ROWS = "rows"


@dataclass(frozen=True)
class HeldOut:
    """One fault.

    Attributes:
        family: of the list of families.
        name: what it does.
        fields: dotted paths, any of which a finding may name; empty where any finding will do.
        apply: see `kit.Fault`.
        shares: how much of what can be hit is hit.
        hits: whether an event can be hit; rows of the window are counted by it.
    """

    family: str
    name: str
    fields: tuple[str, ...]
    apply: Apply
    shares: tuple[float, ...] = SHARES
    hits: Callable[[Event], bool] = kit.always


_NULLABLE = ("context.country", "context.locale", "context.os", "context.device_type", "context.ip", "page.title", "page.referrer",
             "campaign.medium", "order.payment_method", "order.items.category", "cart.items.name", "duration_ms")  # fmt: skip
_CATEGORIES = ("context.country", "context.os", "context.device_type", "context.app_version", "context.locale", "screen.name", "click.element_id",
               "campaign.source", "order.payment_method", "cart.items.category")  # fmt: skip
_NEW: dict[str, Any] = {"context.country": "KZ", "context.os": "other", "context.device_type": "bot", "context.app_version": "11.0.1",
        "context.locale": "kk-KZ", "screen.name": "Checkout2", "click.element_id": "promo-banner", "campaign.source": "tiktok",
        "order.payment_method": "gift_card", "cart.items.category": "garden"}  # fmt: skip
_NUMBERS = ("duration_ms", "search.result_count", "cart.items.unit_price", "cart.items.quantity")
_FLOODS: tuple[tuple[str, Any], ...] = (("context.country", "US"), ("context.locale", "en-US"), ("context.ip", "0.0.0.0"), ("page.title", ""),
           ("campaign.source", "(not set)"), ("screen.name", "Home"), ("search.result_count", 0), ("duration_ms", 0), ("duration_ms", 30000),
           ("user_id", "0"), ("anonymous_id", "00000000-0000"), ("order.items.category", "unknown"), ("cart.items.quantity", 1), ("search.query", "null"),
           ("context.user_agent", "Mozilla/5.0"), ("cart.items.unit_price", 9.99))  # fmt: skip


def faults(seed: int, events: Events) -> Iterator[HeldOut]:
    """Faults that can hit at least 25 of these events, of every family."""
    rng = random.Random(f"faults {seed}")
    made = [*_nulls(rng, events), *_categories(rng, events), *_numbers(rng), *_money(rng), *_clocks(rng, events), *_floods(), *_volume(rng)]
    made += [*_rows(rng), *_identifiers(), *_columns(), *_fields(), *_orders(), *_steps()]
    return (fault for fault in made if sum(map(fault.hits, events)) >= 25)


def _has(path: str) -> Callable[[Event], bool]:
    return lambda event: bool(values(event, path))


def _round(value: float, like: Any) -> Any:
    return max(0, round(value)) if isinstance(like, int) else round(value, 2)


def _segments(rng: random.Random, events: Events) -> Iterator[tuple[str, Callable[[Event], bool]]]:
    """Parts of the rows: one value of a field."""
    for path in ("context.app_version", "context.country", "event_type"):
        common = kit.frequent(events, path)
        if common:
            chosen = rng.choice(common)
            yield f"{path}={chosen}", lambda event, path=path, chosen=chosen: chosen in values(event, path)


def _nulls(rng: random.Random, events: Events) -> Iterator[HeldOut]:
    for path in _NULLABLE:
        edit = change(path, lambda r, v: None)
        yield HeldOut("null rate", f"null {path}", (path,), edit, hits=_has(path))
    for segment, inside in _segments(rng, events):
        path = rng.choice([p for p in ("context.locale", "context.ip", "context.country", "duration_ms") if p not in segment])
        yield HeldOut(
            "null rate",
            f"null {path} where {segment}",
            (path,),
            kit.where(inside, change(path, lambda r, v: None)),
            (0.3, 1.0),
            lambda e, p=path, i=inside: i(e) and bool(values(e, p)),
        )


def _categories(rng: random.Random, events: Events) -> Iterator[HeldOut]:
    for path in _CATEGORIES:
        common = kit.frequent(events, path)
        related = (
            ("context.os", "context.device_type", "context.user_agent", "context.country", "context.locale")
            if path.startswith("context")
            else ()
        )
        fields = (path, "event_type", *related)
        new = _NEW[path]
        yield HeldOut("new category", f"{path} {new}", (path,), change(path, lambda r, v, new=new: new), hits=_has(path))
        if len(common) > 1:
            top, second = common[:2]

            def is_second(event: Event, path: str = path, second: Any = second) -> bool:
                return second in values(event, path)

            renamed = change(path, lambda r, v, t=top, s=second: t if v == s else v)
            yield HeldOut(
                "category shift",
                f"{path} {second} as {top}",
                (path,),
                renamed,
                (0.5,),
                is_second,
            )
            yield HeldOut(
                "category vanished",
                f"{path} {second} renamed",
                (path,),
                renamed,
                (1.0,),
                is_second,
            )
            yield HeldOut(
                "category vanished",
                f"rows of {path} {second} lost",
                (*fields, ROWS),
                kit.drop(is_second),
                (1.0,),
                is_second,
            )
            yield HeldOut(
                "category shift",
                f"rows of {path} {second} half lost",
                (*fields, ROWS),
                kit.drop(is_second),
                (0.6,),
                is_second,
            )


def _numbers(rng: random.Random) -> Iterator[HeldOut]:
    for path in _NUMBERS:
        factor = rng.choice([1.5, 1.8, 0.6])
        yield HeldOut(
            "drift of location",
            f"{path} x {factor}",
            (path,),
            change(path, lambda r, v, f=factor: _round(v * f, v)),
            (0.3, 1.0),
            _has(path),
        )
        yield HeldOut(
            "drift of tail",
            f"{path} tail x 40",
            (path,),
            change(path, lambda r, v: min(_round(v * 40, v), 86_400_000)),
            (0.03, 0.1),
            _has(path),
        )
    for path, centre in (("duration_ms", 5000.0), ("search.result_count", 20.0), ("cart.items.unit_price", 20.0)):
        power = rng.choice([1.8, 2.2, 0.4])
        yield HeldOut(
            "drift of spread",
            f"{path} to the power {power}",
            (path,),
            change(path, lambda r, v, c=centre, p=power: min(_round(c * (max(v, 0.01) / c) ** p, v), 86_400_000)),
            (0.5, 1.0),
            _has(path),
        )
    yield HeldOut(
        "unit change", "duration in seconds", ("duration_ms",), change("duration_ms", lambda r, v: v // 1000), hits=_has("duration_ms")
    )
    yield HeldOut(
        "unit change",
        "duration in microseconds",
        ("duration_ms",),
        change("duration_ms", lambda r, v: min(v * 1000, 86_400_000)),
        hits=_has("duration_ms"),
    )


_ORDER = ("order.items.unit_price", "order.total", "order.tax", "order.shipping", "order.discount")


def _scale_order(factor: float) -> Apply:
    def edit(rng: random.Random, event: Event) -> None:
        order = event["order"]
        for item in order["items"]:
            item["unit_price"] = round(item["unit_price"] * factor, 4)
        for name in ("discount", "tax", "shipping"):
            order[name] = round(order[name] * factor, 2)
        kit.rebalance(order)

    return change_event(is_type("purchase"), edit)


def _money(rng: random.Random) -> Iterator[HeldOut]:
    bought, cart = is_type("purchase"), "cart.items.unit_price"
    yield HeldOut("unit change", "orders in cents", _ORDER, _scale_order(100), hits=bought)
    yield HeldOut("unit change", "orders in hundreds", _ORDER, _scale_order(0.01), hits=bought)
    yield HeldOut("unit change", "carts in cents", (cart,), change(cart, lambda r, v: round(v * 100, 2)), hits=_has(cart))
    yield HeldOut("currency", "amounts in another currency", _ORDER, _scale_order(rng.choice([7.4, 11.2, 0.13])), (0.3, 1.0), bought)
    other = rng.choice(["SEK", "DKK", "HUF"])
    yield HeldOut(
        "currency", f"order.currency {other}", ("order.currency",), change("order.currency", lambda r, v: other), (0.1, 0.3, 1.0), bought
    )
    yield HeldOut("currency", "order.currency USD", ("order.currency",), change("order.currency", lambda r, v: "USD"), (0.3, 1.0), bought)


def _clocks(rng: random.Random, events: Events) -> Iterator[HeldOut]:
    def early(names: tuple[str, ...], by: timedelta) -> Apply:
        return change_event(kit.always, lambda r, event: kit.shift(event, names, -by))

    both = ("occurred_at", "sent_at")
    for hours in (1, rng.choice([2, 5, 8])):
        yield HeldOut("time zone", f"both clocks {hours} h early", both, early(both, timedelta(hours=hours)))
        yield HeldOut("time zone", f"occurred_at {hours} h early", both, early(("occurred_at",), timedelta(hours=hours)))
    for segment, inside in _segments(rng, events):
        yield HeldOut(
            "time zone", f"both clocks 1 h early where {segment}", both, kit.where(inside, early(both, timedelta(hours=1))), (1.0,), inside
        )
    minutes = rng.choice([4, 7, 12])
    yield HeldOut("clock shift", f"both clocks {minutes} min early", both, early(both, timedelta(minutes=minutes)))
    yield HeldOut("clock shift", "both clocks 3 min fast", both, early(both, -timedelta(minutes=3)), (0.1, 0.3, 1.0))
    yield HeldOut(
        "clock shift", "milliseconds lost", ("occurred_at",), change("occurred_at", lambda r, v: v[:20] + "000Z"), (0.1, 0.3, 1.0)
    )

    def late(low_h: float, high_h: float) -> Apply:
        return change_event(
            kit.always,
            lambda r, event: kit.shift(event, both if r.random() < 0.5 else both[:1], timedelta(hours=-r.uniform(low_h, high_h))),
        )

    yield HeldOut("late arrivals", "2 to 12 hours late", both, late(2, 12), (0.05, 0.1, 0.3))
    yield HeldOut("late arrivals", "1 to 5 days late", both, late(24, 120), (0.05, 0.1, 0.3))


def _floods() -> Iterator[HeldOut]:
    for path, value in _FLOODS:
        yield HeldOut("default flood", f"{path} {value!r}", (path,), change(path, lambda r, v, new=value: new), (0.1, 0.3, 1.0), _has(path))


def _volume(rng: random.Random) -> Iterator[HeldOut]:
    def more(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
        copies = []
        for event in rng.choices(events, k=int(len(events) * share)):
            copy = {**kit.copy_event(event), "event_id": kit.new_id(rng)}
            by = timedelta(milliseconds=rng.randrange(1, 30_000))
            kit.shift(copy, ("occurred_at", "sent_at"), -by)
            if copy.get("anonymous_id"):
                copy["anonymous_id"] = f"d-{rng.getrandbits(48):012x}"
            if copy.get("order"):
                copy["order"]["order_id"] = f"n{rng.getrandbits(40):010x}"
            copies.append(copy)
        return events + copies

    yield HeldOut("volume up", "more rows", (ROWS,), more, (0.8, 2.0))
    yield HeldOut("volume down", "rows lost", (ROWS,), kit.drop(kit.always), (0.4, 0.7, 0.95))
    first = rng.randrange(8, 20)
    yield HeldOut("missing hour", f"hour {first} lost", (), kit.drop(lambda e: e[RECEIVED].hour == first), (1.0,))
    minute = rng.randrange(5, 40)
    yield HeldOut("missing hour", "a quarter of each hour lost", (), kit.drop(lambda e: minute <= e[RECEIVED].minute < minute + 15), (1.0,))
    yield HeldOut("missing source", "no rows", (ROWS,), kit.drop(kit.always), (1.0,))


def _rows(rng: random.Random) -> Iterator[HeldOut]:
    def batch(fresh: bool) -> Apply:
        def apply(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
            start = rng.randrange(max(1, int(len(earlier) * (1 - share))))
            by = events[0][RECEIVED] - earlier[0][RECEIVED]
            copies = [{**event, RECEIVED: event[RECEIVED] + by} for event in earlier[start : start + int(len(events) * share)]]
            if fresh:
                copies = [{**copy, "event_id": kit.new_id(rng)} for copy in copies]
            return [event for event in events if rng.random() >= share] + copies

        return apply

    def again(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
        return events + [
            {**e, RECEIVED: e[RECEIVED] + timedelta(seconds=rng.randrange(1, 30))} for e in rng.sample(events, int(len(events) * share))
        ]

    def conflicts(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
        hit = set(rng.sample(range(1, len(events)), max(1, int(len(events) * share))))
        return [{**event, "event_id": events[n - 1]["event_id"]} if n in hit else event for n, event in enumerate(events)]

    def burst(field: str, value: Callable[[Event], Any]) -> Apply:
        def apply(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
            chosen = value(rng.choice([event for event in events if values(event, field)]))
            copies = []
            for event in rng.choices([event for event in events if values(event, field)], k=int(len(events) * share)):
                copy = {**kit.copy_event(event), "event_id": kit.new_id(rng)}
                holder, leaf = next(holders(copy, field))
                holder[leaf] = chosen
                copies.append(copy)
            return events + copies

        return apply

    yield HeldOut("repeated batch", "an earlier batch", (), batch(False), (0.05, 0.1, 0.5))
    yield HeldOut("repeated batch", "an earlier batch under new event_ids", (), batch(True), (0.1, 0.5))
    yield HeldOut("duplicates", "re-sent", ("event_id", ROWS), again, (0.05, 0.1, 0.5))
    yield HeldOut("conflicting event_ids", "another event's id", ("event_id", ROWS), conflicts, (0.01, 0.05))
    yield HeldOut("burst", "of a visitor", (), burst("anonymous_id", lambda e: e["anonymous_id"]), (0.05, 0.2), _has("anonymous_id"))
    yield HeldOut("burst", "of an account", (), burst("user_id", lambda e: e["user_id"]), (0.05, 0.2), _has("user_id"))
    yield HeldOut(
        "burst", "of an agent", (), burst("context.user_agent", lambda e: "python-requests/2.31"), (0.05, 0.2), _has("context.user_agent")
    )


def _swap(left: str, right: str) -> tuple[Apply, Callable[[Event], bool]]:
    def edit(rng: random.Random, event: Event) -> None:
        for (holder, leaf), (other, other_leaf) in zip(holders(event, left), holders(event, right), strict=True):
            holder[leaf], other[other_leaf] = other.get(other_leaf), holder.get(leaf)

    has_both = lambda event: bool(values(event, left) and values(event, right))  # noqa: E731
    return change_event(has_both, edit), has_both


def _identifiers() -> Iterator[HeldOut]:
    def shuffled(path: str) -> Apply:
        def apply(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
            pool = [value for event in events for value in values(event, path)]
            return change(path, lambda r, v: r.choice(pool))(rng, events, earlier, share)

        return apply

    ids = ("user_id", "anonymous_id")
    apply, hits = _swap(*ids)
    yield HeldOut("identifiers swapped", "user_id and anonymous_id", ids, apply, hits=hits)
    yield HeldOut(
        "identifiers swapped",
        "user_ids between people",
        ids,
        shuffled("user_id"),
        (0.1, 0.3, 1.0),
        lambda e: bool(e.get("user_id") and e.get("anonymous_id")),
    )
    yield HeldOut(
        "identifiers swapped",
        "anonymous_ids between people",
        (*ids, "context.ip", "context.country", "context.user_agent", "context.locale", "context.os"),
        shuffled("anonymous_id"),
        (0.3, 1.0),
        _has("anonymous_id"),
    )
    yield HeldOut(
        "identifiers swapped",
        "order_id is user_id",
        ("order.order_id",),
        change_event(lambda e: bool(e.get("order") and e.get("user_id")), lambda r, e: e["order"].__setitem__("order_id", e["user_id"])),
        (0.1, 0.3, 1.0),
        lambda e: bool(e.get("order") and e.get("user_id")),
    )


def _columns() -> Iterator[HeldOut]:
    pairs = [("campaign.source", "campaign.medium"), ("campaign.medium", "campaign.name"), ("page.title", "page.referrer"),
             ("order.items.name", "order.items.category"), ("cart.items.name", "cart.items.product_id"), ("order.tax", "order.shipping")]  # fmt: skip
    for left, right in pairs:
        apply, hits = _swap(left, right)
        yield HeldOut("column swap", f"{left} and {right}", (left, right), apply, (0.1, 0.3, 1.0), hits)


def _fields() -> Iterator[HeldOut]:
    def renamed(path: str, name: str) -> Apply:
        def edit(rng: random.Random, event: Event) -> None:
            for holder, leaf in holders(event, path):
                if leaf in holder:
                    holder[name] = holder.pop(leaf)

        return change_event(_has(path), edit)

    def added(rng: random.Random, event: Event) -> None:
        event["context"]["experiment"] = "b"

    yield HeldOut("field added", "context.experiment", ("context.experiment",), change_event(kit.always, added), (0.05, 0.3, 1.0))
    yield HeldOut(
        "field renamed",
        "duration_ms to duration",
        ("duration_ms", "duration"),
        renamed("duration_ms", "duration"),
        hits=_has("duration_ms"),
    )
    yield HeldOut(
        "field renamed", "page.title to page.name", ("page.title", "page.name"), renamed("page.title", "name"), hits=_has("page.title")
    )
    yield HeldOut(
        "field renamed",
        "items.category to items.kind",
        ("order.items.category", "order.items.kind"),
        renamed("order.items.category", "kind"),
        hits=_has("order.items.category"),
    )
    gone = change_event(_has("campaign.source"), lambda r, e: e.pop("campaign"))
    yield HeldOut("field gone", "campaign", ("campaign", "campaign.source"), gone, (0.3, 1.0), _has("campaign.source"))
    ip = change_event(_has("context.ip"), lambda r, e: e["context"].pop("ip"))
    yield HeldOut("field gone", "context.ip", ("context.ip",), ip, (0.1, 0.3, 1.0), _has("context.ip"))


def _orders() -> Iterator[HeldOut]:
    def bought_again(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
        bought = [event for event in events if event["event_type"] == "purchase"]
        return events + [{**event, "event_id": kit.new_id(rng)} for event in rng.sample(bought, max(1, int(len(bought) * share)))]

    def refund(edit: Callable[[Event], None], is_known: bool) -> Apply:
        def apply(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
            bought = [event for event in (earlier if is_known else events) if event["event_type"] == "purchase"]
            copies = []
            for event in rng.sample(bought, min(len(bought), max(3, int(len(bought) * share)))):
                like = rng.choice(events)
                copy = {**kit.copy_event(event), "event_id": kit.new_id(rng), "event_type": "refund"}
                copy.update({name: like[name] for name in ("occurred_at", "sent_at", RECEIVED)})
                edit(copy)
                copies.append(copy)
            return events + copies

        return apply

    def too_much(event: Event) -> None:
        event["order"]["items"][0]["quantity"] += 5
        kit.rebalance(event["order"])

    bought = is_type("purchase")
    yield HeldOut("order purchased twice", "under another event_id", ("order.order_id",), bought_again, (0.02, 0.1), bought)
    unknown = refund(lambda e: e["order"].__setitem__("order_id", "x" + e["event_id"][:8]), False)
    yield HeldOut("refund without purchase", "of unknown orders", (), unknown, (0.05, 0.2), bought)
    yield HeldOut("refund without purchase", "of too much", ("order.total",), refund(too_much, True), (0.05,), bought)


def _steps() -> Iterator[HeldOut]:
    def reverse(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
        kinds = {"add_to_cart": "checkout_start", "checkout_start": "add_to_cart"}
        return change("event_type", lambda r, v: kinds.get(v, v))(rng, events, earlier, share)

    early = change_event(is_type("purchase"), lambda r, e: kit.shift(e, ("occurred_at",), timedelta(minutes=-r.randrange(20, 50))))
    hits = lambda e: e["event_type"] == "purchase" and e["source"] != "server"  # noqa: E731
    yield HeldOut("steps out of order", "purchases before their checkout", (), early, (0.3, 1.0), hits)
    yield HeldOut("steps out of order", "carts and checkouts exchanged", (), reverse, (1.0,), is_type("checkout_start"))
    lost = kit.drop(is_type("checkout_start"))
    yield HeldOut("steps out of order", "no checkouts", (), lost, (1.0,), is_type("checkout_start"))
