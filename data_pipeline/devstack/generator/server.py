"""What the shop's own server reports: orders by telephone and subscription, refunds, logins.

Belongs here: events of source `server`, and refunds of every source. Does not: visits (`sessions.py`).
"""

from __future__ import annotations

import numpy as np

from data_pipeline.common.windows import Hour
from data_pipeline.devstack.generator import catalogue as shop
from data_pipeline.devstack.generator.events import Events, join_events, make_events
from data_pipeline.devstack.generator.hashing import I64, hash64, unit
from data_pipeline.devstack.generator.orders import (
    ORDER_RATES,
    buyers_of,
    order_count,
    order_refs,
    refundable_count,
    return_lags,
    returned_at,
)
from data_pipeline.devstack.generator.pools import pools_of
from data_pipeline.devstack.generator.rhythm import Traffic, hour_share
from data_pipeline.devstack.generator.sessions import HOUR_MS, hour_number, source_number
from data_pipeline.devstack.generator.visitors import NO_ONE, choose_visitors, profiles_of

_ACCOUNT_EVENT_SHARE = 1.0 - ORDER_RATES["server"] - 0.03
_REFUND_SERIALS = 1 << 29
_TOP_UP_SERIALS = 1 << 30


def make_server_events(traffic: Traffic, hour: Hour) -> Events:
    """Purchases, logins and sign-ups that the server sees in an hour."""
    number = hour_number(hour)
    share = hour_share(hour)
    rng = np.random.Generator(np.random.PCG64(traffic.key("server", number)))
    purchases = _purchases(traffic, number, order_count(traffic, "server", number, share), rng)
    expected = traffic.events_per_day["server"] * share * _ACCOUNT_EVENT_SHARE
    count = int(expected * float(np.exp(0.03 * rng.standard_normal())) + rng.random())
    return join_events([purchases, make_account_events(traffic, hour, count, first_serial=len(purchases))])


def make_account_events(traffic: Traffic, hour: Hour, count: int, first_serial: int = _TOP_UP_SERIALS) -> Events:
    """`count` logins and sign-ups inside an hour."""
    number = hour_number(hour)
    hashes = hash64(traffic.key("account events", number, first_serial), np.arange(count))
    visitors = choose_visitors(traffic, "server", np.full(count, number, dtype=np.int64), hashes)
    occurred_at = number * HOUR_MS + (unit(hash64(1, hashes)) * (HOUR_MS - 60_000)).astype(np.int64)
    return make_events(
        count,
        serials=np.int64(number << 32) + first_serial + np.arange(count),
        types=np.where(unit(hash64(2, hashes)) < 0.18, shop.SIGN_UP, shop.LOGIN),
        occurred_at=occurred_at,
        sent_at=occurred_at,
        received_at=occurred_at,
        visitors=np.where(unit(hash64(3, hashes)) < 0.3, visitors, NO_ONE),
        accounts=visitors % 100_000_000,
        profiles=profiles_of(traffic, "server", visitors),
        payloads=pools_of("server").payload_starts[shop.LOGIN],
        order_sources=source_number("server"),
    )


def make_refunds(traffic: Traffic, source: str, hour: Hour) -> Events:
    """Refunds that a source reports in an hour, of orders that this traffic made hours to weeks before.

    Where the server is generated too, it reports half of the other sources' refunds; else each source all of its own.
    """
    number = hour_number(hour)
    parts = []
    for lag_number, lag in enumerate(return_lags()):
        is_by_server = "server" in traffic.events_per_day and lag_number % 2 == 1
        made_at = Hour.containing(hour.start.fromtimestamp((number - lag) * 3600, tz=hour.start.tzinfo))
        for seller in traffic.events_per_day:
            if source != ("server" if is_by_server else seller):
                continue
            count = refundable_count(traffic, seller, number - lag, hour_share(made_at))
            refs, part = returned_at(traffic, seller, number - lag, count, lag_number)
            if len(refs):
                parts.append(_refunds(traffic, source, seller, number, refs, part, lag_number))
    refunds = join_events(parts)
    return refunds.with_columns(serials=np.int64(number << 32 | _REFUND_SERIALS) + np.arange(len(refunds)))


def _purchases(traffic: Traffic, number: int, count: int, rng: np.random.Generator) -> Events:
    refs = order_refs(number, np.arange(count))
    buyers = buyers_of(traffic, "server", refs)
    occurred_at = number * HOUR_MS + (rng.random(count) * HOUR_MS).astype(np.int64)
    visitors, accounts = _named(traffic, buyers.visitors, buyers.accounts)
    return make_events(
        count,
        serials=np.int64(number << 32) + np.arange(count),
        types=shop.PURCHASE,
        occurred_at=occurred_at,
        sent_at=occurred_at,
        received_at=occurred_at,
        visitors=visitors,
        accounts=accounts,
        profiles=buyers.profiles,
        order_refs=refs,
        order_sources=source_number("server"),
    )


def _refunds(traffic: Traffic, source: str, seller: str, number: int, refs: I64, part: int, salt: int) -> Events:
    buyers = buyers_of(traffic, seller, refs)
    when = unit(hash64(traffic.key("refund time", seller, number, salt), refs))
    occurred_at = number * HOUR_MS + (when * (HOUR_MS - 60_000)).astype(np.int64)
    visitors, accounts = buyers.visitors, buyers.accounts
    if source == "server":
        visitors, accounts = _named(traffic, visitors, accounts)
    return make_events(
        len(refs),
        types=shop.REFUND,
        occurred_at=occurred_at,
        sent_at=occurred_at,
        received_at=occurred_at,
        visitors=visitors,
        accounts=accounts,
        profiles=buyers.profiles,
        order_refs=refs,
        order_sources=source_number(seller),
        parts=part,
    )


def _named(traffic: Traffic, visitors: I64, accounts: I64) -> tuple[I64, I64]:
    """The server knows accounts, and the browser only now and then or where there is no account."""
    keeps_browser = unit(hash64(traffic.key("server sees browser"), visitors)) < 0.08
    return np.where((accounts == NO_ONE) | keeps_browser, visitors, NO_ONE), accounts
