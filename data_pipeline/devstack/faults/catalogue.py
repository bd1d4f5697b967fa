"""The faults, by family.

Belongs here: one entry a fault, valid by every rule of a row wherever that is possible. Does not: helpers (`kit.py`).
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from data_pipeline.devstack.faults import kit
from data_pipeline.devstack.faults.kit import RECEIVED, Event, Events, Fault, change, change_event, drop

_CONTEXT = ("context.country", "context.locale", "context.os", "context.device_type", "context.ip")
_ORDER = ("order.discount", "order.tax", "order.shipping", "order.total", "order.items.unit_price")


def faults() -> list[Fault]:
    """All faults."""
    return [*_nulls(), *_categories(), *_floods(), *_numbers(), *_clocks(), *_texts(), *_identifiers(), *_rows(), *_relations(), *_orders()]


def _always(event: Event) -> bool:
    return True


def _is(kind: str) -> Callable[[Event], bool]:
    return lambda event: event["event_type"] == kind


def _nulls() -> list[Fault]:
    paths = (*_CONTEXT, "user_id", "page.title", "page.referrer", "campaign.medium", "order.payment_method", "duration_ms")
    found = [Fault(f"null {path}", (path,), change(path, lambda rng, value: None), needs=path) for path in paths]

    def remove_campaign(rng: random.Random, event: Event) -> None:
        event.pop("campaign", None)

    def rename(path: str, name: str) -> Callable[..., Events]:
        def edit(rng: random.Random, event: Event) -> None:
            for holder, leaf in kit.holders(event, path):
                if leaf in holder:
                    holder[name] = holder.pop(leaf)

        return change_event(lambda event: bool(kit.values(event, path)), edit)

    found += [
        Fault(
            "campaign gone",
            ("campaign", "campaign.source"),
            change_event(lambda e: bool(e.get("campaign")), remove_campaign),
            needs="campaign.source",
        ),
        Fault("title renamed", ("page.title", "page.name"), rename("page.title", "name"), needs="page.title"),
        Fault("duration renamed", ("duration_ms", "duration"), rename("duration_ms", "duration"), needs="duration_ms"),
        Fault(
            "null country in one os",
            ("context.country",),
            _in_one("context.os", change("context.country", lambda r, v: None)),
            (1.0,),
            "context.os",
        ),
        Fault(
            "null locale in one version",
            ("context.locale",),
            _in_one("context.app_version", change("context.locale", lambda r, v: None)),
            (1.0,),
            "context.app_version",
        ),
        Fault("null user on purchases", ("user_id",), _where(_is("purchase"), change("user_id", lambda r, v: None)), (1.0,), "purchase"),
    ]
    return found


def _where(condition: Callable[[Event], bool], apply: Callable[..., Events]) -> Callable[..., Events]:
    def applied(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
        return [apply(rng, [event], earlier, share)[0] if condition(event) else event for event in events]

    return applied


def _in_one(path: str, apply: Callable[..., Events]) -> Callable[..., Events]:
    """The fault in the second most frequent value of a field only."""

    def applied(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
        chosen = _frequent(events, path)[-1]
        return _where(lambda event: chosen in kit.values(event, path), apply)(rng, events, earlier, share)

    return applied


def _frequent(events: Events, path: str) -> list[Any]:
    """The two most frequent values of a field."""
    counts: dict[Any, int] = {}
    for event in events:
        for value in kit.values(event, path):
            counts[value] = counts.get(value, 0) + 1
    return sorted(counts, key=lambda value: -counts[value])[:2]


def _categories() -> list[Fault]:
    def lose_second(path: str) -> Callable[..., Events]:
        def apply(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
            lost = _frequent(events, path)[-1]
            return drop(lambda event: lost in kit.values(event, path))(rng, events, earlier, share)

        return apply

    found = [
        Fault(f"lose a {path}", (), lose_second(path), (1.0,), path)
        for path in ("context.country", "context.os", "context.app_version", "event_type", "campaign.source")
    ]
    found += [
        Fault("new country", ("context.country",), change("context.country", lambda r, v: "KZ"), needs="context.country"),
        Fault("new version", ("context.app_version",), change("context.app_version", lambda r, v: "9.0.0"), needs="context.app_version"),
        Fault(
            "new element",
            ("click.element_id",),
            change("click.element_id", lambda r, v: f"el-{r.randrange(400)}"),
            needs="click.element_id",
        ),
        Fault("os other", ("context.os",), change("context.os", lambda r, v: "other"), needs="context.os"),
        Fault("device bot", ("context.device_type",), change("context.device_type", lambda r, v: "bot"), needs="context.device_type"),
        Fault("device tablet", ("context.device_type",), change("context.device_type", lambda r, v: "tablet"), needs="context.device_type"),
        Fault("currency EUR to USD", ("order.currency",), change("order.currency", lambda r, v: "USD"), needs="order.currency"),
        Fault(
            "payment other", ("order.payment_method",), change("order.payment_method", lambda r, v: "other"), needs="order.payment_method"
        ),
        Fault("locale lower", ("context.locale",), change("context.locale", lambda r, v: v.split("-")[0]), needs="context.locale"),
        Fault("campaign source upper", ("campaign.source",), change("campaign.source", lambda r, v: v.upper()), needs="campaign.source"),
        Fault("screen translated", ("screen.name",), change("screen.name", lambda r, v: f"screen_{v.lower()}"), needs="screen.name"),
    ]
    return found


def _floods() -> list[Fault]:
    floods: tuple[tuple[str, Any], ...] = (
        ("context.country", "US"),
        ("context.locale", "en-US"),
        ("context.ip", "0.0.0.0"),
        ("context.user_agent", "unknown"),
        ("context.user_agent", ""),
        ("page.title", ""),
        ("page.title", "undefined"),
        ("page.referrer", "https://store.test/"),
        ("page.url", "https://store.test/"),
        ("campaign.source", "unknown"),
        ("campaign.medium", "(not set)"),
        ("screen.name", "Home"),
        ("click.element_id", "root"),
        ("search.query", "test"),
        ("search.result_count", 0),
        ("duration_ms", 0),
        ("duration_ms", 1000),
        ("user_id", "0"),
        ("user_id", "anonymous"),
        ("anonymous_id", "00000000"),
        ("anonymous_id", "undefined"),
        ("order.items.name", "null"),
        ("order.items.category", "default"),
        ("cart.items.category", "other"),
        ("order.items.product_id", "0"),
        ("cart.items.quantity", 1),
        ("order.payment_method", "card"),
        ("cart.currency", "EUR"),
    )
    return [Fault(f"flood {path} with {value!r}", (path,), kit.fill(path, value), (0.1, 0.4, 1.0), path) for path, value in floods]


def _numbers() -> list[Fault]:
    def scale(path: str, factor: float, whole: bool = False) -> Callable[..., Events]:
        return change(path, lambda rng, value: int(value * factor) if whole else round(value * factor, 4))

    def scale_order(factor: float) -> Callable[..., Events]:
        def edit(rng: random.Random, event: Event) -> None:
            for name in ("discount", "tax", "shipping", "total"):
                event["order"][name] = round(event["order"][name] * factor, 2)
            for item in event["order"]["items"]:
                item["unit_price"] = round(item["unit_price"] * factor, 4)
            kit.rebalance(event["order"])

        return change_event(_is("purchase"), edit)

    def edit_order(edit: Callable[[random.Random, Event], None]) -> Callable[..., Events]:
        def both(rng: random.Random, event: Event) -> None:
            edit(rng, event["order"])
            kit.rebalance(event["order"])

        return change_event(_is("purchase"), both)

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


def _clocks() -> list[Fault]:
    def earlier_by(names: tuple[str, ...], by: timedelta) -> Callable[..., Events]:
        return change_event(_always, lambda rng, event: kit.shift(event, names, -by))

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
        Fault("days only", ("occurred_at",), change_event(_always, local_midnight), (0.1, 1.0)),
        Fault("occurred constant", ("occurred_at",), constant, (0.1, 1.0)),
        Fault(
            "occurred is sent",
            ("occurred_at", "sent_at"),
            change_event(_always, lambda r, e: e.__setitem__("occurred_at", e["sent_at"])),
            (0.3, 1.0),
        ),
        Fault(
            "sent is occurred",
            ("occurred_at", "sent_at"),
            change_event(_always, lambda r, e: e.__setitem__("sent_at", e["occurred_at"])),
            (0.3, 1.0),
        ),
        Fault(
            "one os 1 h early",
            ("occurred_at",),
            _in_one("context.os", earlier_by(("occurred_at",), timedelta(hours=1))),
            (1.0,),
            "context.os",
        ),
    ]


def _texts() -> list[Fault]:
    def ascii_only(value: str) -> str:
        return "".join(letter if ord(letter) < 128 else "?" for letter in value)

    def plain(value: str) -> str:
        return "".join(letter for letter in unicodedata.normalize("NFKD", value) if ord(letter) < 128)

    edits: tuple[tuple[str, str, Callable[[str], str]], ...] = (
        ("cut at 10", "page.title", lambda v: v[:10]),
        ("cut at 20", "context.user_agent", lambda v: v[:20]),
        ("cut at 3", "search.query", lambda v: v[:3]),
        ("ASCII", "page.title", ascii_only),
        ("accents lost", "order.items.name", plain),
        ("upper", "page.title", str.upper),
        ("lower", "campaign.source", lambda v: v.capitalize()),
        ("space at the end", "search.query", lambda v: v + " "),
        ("space at the start", "click.element_id", lambda v: " " + v),
        ("entities", "page.title", lambda v: v.replace("–", "&ndash;").replace(" ", "&nbsp;")),
        ("plus for space", "search.query", lambda v: v.replace(" ", "+")),
        ("percent", "search.query", lambda v: v.replace(" ", "%20")),
        ("quoted", "search.query", lambda v: f'"{v}"'),
        ("http", "page.url", lambda v: v.replace("https://", "http://")),
        ("another host", "page.url", lambda v: v.replace("https://", "https://staging.")),
        ("query string added", "page.url", lambda v: v + "?utm=1"),
        ("path lost", "page.url", lambda v: "/".join(v.split("/")[:3])),
        ("dashes lost", "context.locale", lambda v: v.split("-")[0]),
        ("lower", "search.query", str.title),
        ("names as ids", "order.items.name", lambda v: v.replace(" ", "_").lower()),
        ("prefix", "order.items.product_id", lambda v: "P-" + v),
        ("prefix", "cart.items.product_id", lambda v: "P-" + v),
    )
    return [Fault(f"{path}: {name}", (path,), kit.rewrite(path, edit), (0.1, 0.4, 1.0), path) for name, path, edit in edits]


def _identifiers() -> list[Fault]:
    def swap(left: str, right: str) -> Callable[..., Events]:
        def edit(rng: random.Random, event: Event) -> None:
            (holder, leaf), (other, other_leaf) = next(kit.holders(event, left)), next(kit.holders(event, right))
            holder[leaf], other[other_leaf] = other[other_leaf], holder[leaf]

        return change_event(lambda event: bool(kit.values(event, left) and kit.values(event, right)), edit)

    def shuffle(path: str) -> Callable[..., Events]:
        def apply(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
            pool = [value for event in events for value in kit.values(event, path)]
            return change(path, lambda r, v: r.choice(pool))(rng, events, earlier, share)

        return apply

    def one_for_all(path: str) -> Callable[..., Events]:
        def apply(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
            chosen = next(value for event in events for value in kit.values(event, path))
            return change(path, lambda r, v: chosen)(rng, events, earlier, share)

        return apply

    def fresh(path: str, make: Callable[[random.Random], str]) -> Callable[..., Events]:
        return change(path, lambda rng, value: make(rng))

    ids = ("user_id", "anonymous_id")
    has_both = "user_id"
    return [
        Fault("user and anonymous swapped", ids, swap("user_id", "anonymous_id"), (0.05, 0.3, 1.0), "both ids"),
        Fault(
            "anonymous for user",
            ids,
            change_event(
                lambda e: bool(e.get("user_id") and e.get("anonymous_id")), lambda r, e: e.__setitem__("user_id", e["anonymous_id"])
            ),
            (0.05, 1.0),
            "both ids",
        ),
        Fault("users shuffled", ids, shuffle("user_id"), (0.1, 0.5, 1.0), "both ids"),
        Fault("one user for all", ("user_id",), one_for_all("user_id"), (0.1, 1.0), has_both),
        Fault("one visitor for all", ("anonymous_id",), one_for_all("anonymous_id"), (0.1, 1.0), "anonymous_id"),
        Fault(
            "new visitor each event",
            ("anonymous_id", "rows"),
            fresh("anonymous_id", lambda r: f"a{r.getrandbits(56):014x}"),
            (0.3, 1.0),
            "anonymous_id",
        ),
        Fault("uuid visitors", ("anonymous_id",), fresh("anonymous_id", kit.new_id), (0.05, 0.5), "anonymous_id"),
        Fault("upper visitors", ("anonymous_id",), change("anonymous_id", lambda r, v: v.upper()), (0.05, 0.5), "anonymous_id"),
        Fault("user prefix", ("user_id",), change("user_id", lambda r, v: "user-" + v), (0.05, 0.5), "user_id"),
        Fault("title and url swapped", ("page.title", "page.url", "rows"), swap("page.title", "page.url"), (0.05, 1.0), "page.title"),
        Fault(
            "source and medium swapped",
            ("campaign.source", "campaign.medium"),
            swap("campaign.source", "campaign.medium"),
            (0.1, 1.0),
            "campaign.medium",
        ),
        Fault(
            "medium and name swapped",
            ("campaign.medium", "campaign.name"),
            swap("campaign.medium", "campaign.name"),
            (0.1, 1.0),
            "campaign.name",
        ),
        Fault("referrer and url swapped", ("page.referrer", "page.url"), swap("page.referrer", "page.url"), (0.1, 1.0), "page.referrer"),
        Fault(
            "title and referrer swapped", ("page.title", "page.referrer"), swap("page.title", "page.referrer"), (0.1, 1.0), "page.referrer"
        ),
        Fault("tax and shipping swapped", ("order.tax", "order.shipping"), swap("order.tax", "order.shipping"), (0.3, 1.0), "purchase"),
        Fault("country shuffled", ("context.country", "context.locale"), shuffle("context.country"), (0.3, 1.0), "context.country"),
        Fault("locale shuffled", ("context.country", "context.locale"), shuffle("context.locale"), (0.2, 1.0), "context.locale"),
        Fault(
            "os shuffled",
            ("context.os", "context.device_type", "context.user_agent"),
            shuffle("context.os"),
            (0.3, 1.0),
            "context.user_agent",
        ),
        Fault("ip shuffled", ("context.ip",), shuffle("context.ip"), (0.3, 1.0), "sessions"),
        Fault("titles shuffled", ("page.title", "page.url"), shuffle("page.title"), (0.2, 1.0), "page.title"),
        Fault("currency shuffled", ("cart.currency", "context.country"), shuffle("cart.currency"), (0.3, 1.0), "cart.currency"),
        Fault("prices shuffled", ("cart.items.unit_price",), shuffle("cart.items.unit_price"), (0.3, 1.0), "cart.items.unit_price"),
        Fault("names shuffled", ("order.items.name",), shuffle("order.items.name"), (0.5, 1.0), "purchase"),
        Fault("stuck query", ("search.query",), one_for_all("search.query"), (0.3, 1.0), "search.query"),
        Fault("stuck price", ("cart.items.unit_price",), one_for_all("cart.items.unit_price"), (0.3, 1.0), "cart.items.unit_price"),
    ]


def _rows() -> list[Fault]:
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
        Fault("rows lost", ("rows",), drop(_always), (0.3, 0.5, 0.9)),
        Fault("an hour lost", (), drop(lambda e: hours(e) in (14, 15)), (1.0,), "days"),
        Fault("a night and morning lost", (), drop(lambda e: hours(e) < 9), (1.0,), "days"),
        Fault("all after noon lost", (), drop(lambda e: hours(e) >= 12), (1.0,), "days"),
        Fault("views lost", (), drop(lambda e: e["event_type"] in ("page_view", "screen_view")), (0.4, 1.0), "views"),
        Fault("purchases lost", (), drop(_is("purchase")), (1.0,), "purchase"),
        Fault("checkouts lost", (), drop(_is("checkout_start")), (1.0,), "checkout_start"),
        Fault("searches lost", (), drop(_is("search")), (0.6, 1.0), "search"),
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


def _relations() -> list[Fault]:
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
        Fault("purchases before checkout", (), change_event(_is("purchase"), steps_late), (1.0,), "steps"),
    ]


def _orders() -> list[Fault]:
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
