"""Faults of identifiers and of fields that belong together: swaps, shuffles, one for all.

Belongs here: one entry a fault, valid by every rule of a row wherever that is possible. Does not: helpers (`kit.py`).
"""

from __future__ import annotations

import random
from collections.abc import Callable

from data_pipeline.devstack.faults import kit
from data_pipeline.devstack.faults.kit import Event, Events, Fault, change, change_event


def identifiers_faults() -> list[Fault]:
    """Faults of identifiers."""

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
