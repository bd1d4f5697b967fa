"""From what happened to what arrives: delays, re-sends, and the hours of arrival.

Belongs here: `sent_at`, `received_at`, copies, cutting by arrival, exact sizes. Does not: JSON (`render.py`), faults.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from data_pipeline.common.windows import Hour
from data_pipeline.devstack.generator import catalogue as shop
from data_pipeline.devstack.generator.events import NOT_A_COPY, Events, join_events
from data_pipeline.devstack.generator.hashing import I64, hash64
from data_pipeline.devstack.generator.orders import is_returned
from data_pipeline.devstack.generator.rhythm import SOURCE_SHARES, Traffic
from data_pipeline.devstack.generator.server import make_account_events, make_refunds, make_server_events
from data_pipeline.devstack.generator.sessions import HOUR_MS, hour_number, make_bounces, make_sessions

RESEND_SHARE = 0.006
_WARM_UP_HOURS = 3
"""Sessions, delays and re-sends reach less than 3 hours beyond the hour in which the session began."""
_LONGEST_RESEND_MS = 15 * 60_000
_BATCHED_SHARE = {"web": 0.0, "ios": 0.08, "android": 0.1, "server": 0.0}


def arrivals(traffic: Traffic, source: str, hours: Sequence[Hour], counts: Sequence[int] | None = None) -> Iterator[tuple[Hour, Events]]:
    """What arrives in each of some consecutive hours, in order of `received_at`.

    Sessions that began before the first hour are there with their rest; what arrives after the last hour is left out.

    Args:
        traffic: how much.
        source: which source.
        hours: consecutive hours.
        counts: exactly how many events each hour shall have; as many as come where None.
    """
    if not hours:
        return
    first = hour_number(hours[0])
    pending = [_block(traffic, source, _hour(hours[0], number)) for number in range(first - _WARM_UP_HOURS, first)]
    for position, hour in enumerate(hours):
        number = hour_number(hour)
        events = join_events([*pending, _block(traffic, source, hour)])
        events = events.take(events.received_at >= number * HOUR_MS)
        is_now = events.received_at < (number + 1) * HOUR_MS
        pending = [events.take(~is_now)]
        now = events.take(is_now)
        if counts is not None:
            now = _fit(traffic, source, hour, now, counts[position])
        yield hour, now.take(np.argsort(now.received_at, kind="stable"))


def _hour(like: Hour, number: int) -> Hour:
    return Hour(like.start.fromtimestamp(number * 3600, tz=like.start.tzinfo))


def _block(traffic: Traffic, source: str, hour: Hour) -> Events:
    """All that begins in an hour, delivered, with its re-sends."""
    began = make_server_events(traffic, hour) if source == "server" else make_sessions(traffic, source, hour)
    rng = np.random.Generator(np.random.PCG64(traffic.key("delivery", source, hour_number(hour))))
    delivered = join_events([_deliver(began, source, rng), _deliver(make_refunds(traffic, source, hour), "server", rng)])
    return _resend(delivered, rng)


def _deliver(events: Events, source: str, rng: np.random.Generator) -> Events:
    count = len(events)
    wait = np.minimum(30 + rng.standard_exponential(count) * 400, 20_000)
    # Apps collect events and send them together to save the battery.
    wait = np.where(rng.random(count) < _BATCHED_SHARE[source], rng.random(count) * 60_000, wait).astype(np.int64)
    travel = (15 + np.minimum(rng.standard_exponential(count) * 120, 5_000)).astype(np.int64)
    return events.with_columns(sent_at=events.sent_at + wait, received_at=events.received_at + wait + travel)


def _resend(events: Events, rng: np.random.Generator) -> Events:
    is_sent_again = rng.random(len(events)) < RESEND_SHARE
    copies = events.take(is_sent_again)
    later = np.exp(np.log(1_000) + rng.random(len(copies)) * np.log(_LONGEST_RESEND_MS / 1_000)).astype(np.int64)
    copies = copies.with_columns(
        sent_at=copies.sent_at + later, received_at=copies.received_at + later, original_received_at=copies.received_at
    )
    return join_events([events.with_columns(has_copy=is_sent_again.astype(np.int64)), copies])


def _fit(traffic: Traffic, source: str, hour: Hour, events: Events, count: int) -> Events:
    """Exactly `count` events: views are left out where there are too many, short visits are added where too few."""
    missing = count - len(events)
    if missing > 0:
        more = make_account_events(traffic, hour, missing) if source == "server" else make_bounces(traffic, source, hour, missing)
        rng = np.random.Generator(np.random.PCG64(traffic.key("top up", source, hour_number(hour))))
        return join_events([events, _deliver(more, "server", rng)])
    if missing < 0:
        order = np.lexsort((hash64(traffic.key("trim"), events.serials), -_importance(traffic, events)))
        return events.take(np.sort(order[:count]))
    return events


def _importance(traffic: Traffic, events: Events) -> I64:
    """What is missed least goes first: views, then searches and logins, carts, orders, and last what others refer to."""
    by_type = np.zeros(len(shop.EVENT_TYPES), dtype=np.int64)
    by_type[[shop.SEARCH, shop.SIGN_UP, shop.LOGIN]] = 1
    by_type[[shop.ADD_TO_CART, shop.CHECKOUT]] = 2
    by_type[[shop.PURCHASE, shop.REFUND]] = 3
    importance = by_type[events.types] + 4 * events.has_copy
    importance = np.where(events.original_received_at != NOT_A_COPY, 0, importance)
    return np.where(refunded_purchases(traffic, events), 9, importance)


def refunded_purchases(traffic: Traffic, events: Events) -> np.ndarray:
    """True for each purchase that a refund refers to, some day."""
    result = np.zeros(len(events), dtype=bool)
    for number, source in enumerate(SOURCE_SHARES):
        rows = np.flatnonzero((events.types == shop.PURCHASE) & (events.order_sources == number))
        result[rows] = is_returned(traffic, source, events.order_refs[rows])
    return result
