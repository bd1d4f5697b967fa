"""Faults of values: nulls, categories, floods of one value, forms of texts.

Belongs here: one entry a fault, valid by every rule of a row wherever that is possible. Does not: helpers (`kit.py`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from data_pipeline.devstack.faults import kit
from data_pipeline.devstack.faults.kit import Event, Events, Fault, change, change_event, drop

_CONTEXT = ("context.country", "context.locale", "context.os", "context.device_type", "context.ip")


def nulls_faults() -> list[Fault]:
    """Faults of nulls."""
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
            kit.in_one("context.os", change("context.country", lambda r, v: None)),
            (1.0,),
            "context.os",
        ),
        Fault(
            "null locale in one version",
            ("context.locale",),
            kit.in_one("context.app_version", change("context.locale", lambda r, v: None)),
            (1.0,),
            "context.app_version",
        ),
        Fault(
            "null user on purchases",
            ("user_id",),
            kit.where(kit.is_type("purchase"), change("user_id", lambda r, v: None)),
            (1.0,),
            "purchase",
        ),
    ]
    return found


def categories_faults() -> list[Fault]:
    """Faults of categories."""

    def lose_second(path: str) -> Callable[..., Events]:
        def apply(rng: random.Random, events: Events, earlier: Events, share: float) -> Events:
            lost = kit.frequent(events, path)[-1]
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


def floods_faults() -> list[Fault]:
    """Faults of floods."""
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
