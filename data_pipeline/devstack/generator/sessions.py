"""Visits to web and apps: what one hour's visitors do until they leave, perhaps past midnight.

Belongs here: sessions of web, ios and android, each as a run of events in a sensible order.
Does not: what the server reports (`server.py`), when it arrives (`delivery.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_pipeline.common.windows import Hour
from data_pipeline.devstack.generator import catalogue as shop
from data_pipeline.devstack.generator.events import Events, make_events
from data_pipeline.devstack.generator.hashing import I64, U64, hash64, unit
from data_pipeline.devstack.generator.orders import ABANDONED, buyers_of, order_count, order_refs, orders_of
from data_pipeline.devstack.generator.pools import DURATION_COUNT, pools_of
from data_pipeline.devstack.generator.rhythm import SOURCE_SHARES, Traffic, hour_share
from data_pipeline.devstack.generator.visitors import NO_ONE, choose_visitors, profiles_of

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LONGEST_SESSION_MS = 150 * 60_000
LONGEST_PAUSE_MS = 25 * 60_000.0
"""Below the 30 minutes that end a session."""

_BOUNCE, _BROWSE, _CART, _CHECKOUT = 0.30, 0.82, 0.94, 1.0
_BUYER_EVENTS = 12.9
_VISIT_EVENTS = 6.3
"""Mean events of a session with and without a purchase (measured): how many sessions fill an hour."""
_FILL = 0.965
"""Sessions are planned to be this part of the volume; re-sends, refunds and bounces fill the rest."""
_LOGS_IN_SHARE = 0.4
_SIGNS_UP_SHARE = 0.15
_SHARED_DEVICE_SHARE = 0.004
_CAMPAIGN_SHARE = 0.28
_LATE_SHARES = {"web": 0.001, "ios": 0.006, "android": 0.008}
_LATEST_MS = 29.5 * DAY_MS


@dataclass(frozen=True)
class _Plan:
    """One entry a session."""

    visitors: I64
    accounts: I64
    profiles: I64
    order_refs: I64
    browse_counts: I64
    cart_counts: I64
    has_checkout: I64
    has_purchase: I64
    may_be_shared: npt.NDArray[np.bool_]


def source_number(source: str) -> int:
    """Position in `SOURCE_SHARES`."""
    return list(SOURCE_SHARES).index(source)


def hour_number(hour: Hour) -> int:
    """Hours since 1970."""
    return int(hour.start.timestamp()) // 3600


def make_sessions(traffic: Traffic, source: str, hour: Hour) -> Events:
    """All events of the sessions that begin in an hour; instants are the client's, not yet delivered.

    `sent_at` and `received_at` equal `occurred_at` here; those of a session that was kept back while the device had no
    connection are later.
    """
    number = hour_number(hour)
    rng = np.random.Generator(np.random.PCG64(traffic.key("sessions", source, number)))
    plan = _plan_sessions(traffic, source, hour, number, rng)
    return _play_sessions(traffic, source, number, plan, rng)


def make_bounces(traffic: Traffic, source: str, hour: Hour, count: int) -> Events:
    """`count` visits of a single page or screen, inside an hour."""
    number = hour_number(hour)
    hashes = hash64(traffic.key("bounces", source, number), np.arange(count))
    visitors = choose_visitors(traffic, source, np.full(count, number, dtype=np.int64), hashes)
    # The last minute stays free, so that all of them arrive within the hour.
    occurred_at = number * HOUR_MS + (unit(hash64(1, hashes)) * (HOUR_MS - 60_000)).astype(np.int64)
    kind = shop.PAGE_VIEW if source == "web" else shop.SCREEN_VIEW
    types = np.full(count, kind, dtype=np.int64)
    return make_events(
        count,
        serials=np.int64(number << 32 | 1 << 30) + np.arange(count),
        types=types,
        occurred_at=occurred_at,
        sent_at=occurred_at,
        received_at=occurred_at,
        visitors=visitors,
        accounts=NO_ONE,
        profiles=profiles_of(traffic, source, visitors),
        payloads=choose_payloads(source, types, hash64(2, hashes)),
        campaigns=_campaigns(source, hash64(3, hashes)),
        durations=choose_durations(types, hash64(4, hashes)),
        order_sources=source_number(source),
    )


def choose_payloads(source: str, types: I64, hashes: U64) -> I64:
    """A piece of the pool for each event; -1 where it has to be rendered."""
    pools = pools_of(source)
    counts = pools.payload_counts[types]
    chosen = pools.payload_starts[types] + (unit(hashes) ** 1.5 * counts).astype(np.int64)
    is_rendered = (types >= shop.ADD_TO_CART) & (types <= shop.REFUND)
    return np.where(is_rendered, -1, chosen)


def choose_durations(types: I64, hashes: U64) -> I64:
    """Durations of views; other events have none, some clients write null instead."""
    draw = unit(hashes)
    is_view = types <= shop.SCREEN_VIEW
    measured = 2 + (draw * DURATION_COUNT).astype(np.int64)
    share = unit(hash64(5, hashes))
    return np.where(is_view & (share < 0.8), measured, np.where(share < 0.9, 0, 1))


def _campaigns(source: str, hashes: U64) -> I64:
    draw = unit(hashes)
    count = len(shop.CAMPAIGNS)
    chosen = 2 + ((draw / _CAMPAIGN_SHARE) ** 1.4 * count).astype(np.int64)
    return np.where(draw < _CAMPAIGN_SHARE, chosen, np.where(draw < 0.6, 0, 1))


def _plan_sessions(traffic: Traffic, source: str, hour: Hour, number: int, rng: np.random.Generator) -> _Plan:
    share = hour_share(hour)
    buyers = order_count(traffic, source, number, share)
    volume = traffic.events_per_day[source] * share * _FILL * float(np.exp(0.03 * rng.standard_normal()))
    visits = max(0, int((volume - buyers * _BUYER_EVENTS) / _VISIT_EVENTS + rng.random()))
    kinds = rng.random(visits)
    cart_numbers = ABANDONED + np.arange(visits, dtype=np.int64)
    refs = np.concatenate((order_refs(number, np.arange(buyers)), order_refs(number, cart_numbers)))
    count = buyers + visits
    is_buyer = np.arange(count) < buyers
    kind = np.concatenate((np.full(buyers, 2.0), kinds))
    has_cart = kind >= _BROWSE
    owners = buyers_of(traffic, source, refs)
    carts = np.flatnonzero(has_cart)
    item_counts = np.zeros(count, dtype=np.int64)
    item_counts[carts] = orders_of(traffic, source, refs[carts], owners.profiles[carts]).item_counts
    browse = 2 + np.minimum(rng.geometric(1 / 6, count), 30)
    return _Plan(
        visitors=owners.visitors,
        accounts=owners.accounts,
        profiles=owners.profiles,
        order_refs=np.where(has_cart, refs, -1),
        browse_counts=np.where(kind < _BOUNCE, 1, browse),
        cart_counts=item_counts,
        has_checkout=((kind >= _CART) | is_buyer).astype(np.int64),
        has_purchase=is_buyer.astype(np.int64),
        may_be_shared=kind < _BROWSE,
    )


def _play_sessions(traffic: Traffic, source: str, number: int, plan: _Plan, rng: np.random.Generator) -> Events:
    counts = plan.browse_counts + plan.cart_counts + plan.has_checkout + 2 * plan.has_purchase
    session_count, event_count = len(counts), int(counts.sum())
    session = np.repeat(np.arange(session_count), counts)
    first_rows = np.cumsum(counts) - counts
    position = np.arange(event_count) - first_rows[session]

    # Only those with an account log in, after at least one page, and stay so; the others are known from their first event.
    logs_in = (plan.accounts != NO_ONE) & (plan.browse_counts > 1) & (rng.random(session_count) < _LOGS_IN_SHARE)
    login_at = np.where(logs_in, 1 + (rng.random(session_count) * (plan.browse_counts - 1)).astype(np.int64), -1)
    login_kind = np.where(rng.random(session_count) < _SIGNS_UP_SHARE, shop.SIGN_UP, shop.LOGIN)
    is_shared = (rng.random(session_count) < _SHARED_DEVICE_SHARE) & plan.may_be_shared
    accounts = np.where(is_shared & (plan.accounts != NO_ONE), (plan.accounts + 1) % 100_000_000, plan.accounts)

    types = _event_types(source, plan, session, position, rng.random(event_count))
    types = np.where(position == login_at[session], login_kind[session], types)
    # Adding to the cart is never the first step: with position 0 always a view, the funnel stays in order.
    clock = _clock(number, counts, first_rows, session, rng)
    delay = _time_kept_back(source, plan, session_count, rng)
    occurred_at = clock - delay[0][session]
    hashes = rng.integers(0, 1 << 63, size=(3, event_count), dtype=np.uint64)
    is_first = position == 0
    campaigns = np.where(is_first, _campaigns(source, hashes[1]), (hashes[1] & np.uint64(1)).astype(np.int64))
    has_order = (types >= shop.ADD_TO_CART) & (types <= shop.PURCHASE)
    return make_events(
        event_count,
        serials=np.int64(number << 32) + np.arange(event_count),
        types=types,
        occurred_at=occurred_at,
        sent_at=clock - delay[1][session],
        received_at=clock,
        visitors=plan.visitors[session],
        accounts=np.where(position >= login_at[session], accounts[session], NO_ONE),
        profiles=plan.profiles[session],
        payloads=choose_payloads(source, types, hashes[0]),
        campaigns=campaigns,
        durations=choose_durations(types, hashes[2]),
        order_refs=np.where(has_order, plan.order_refs[session], -1),
        order_sources=source_number(source),
        parts=np.where(types == shop.ADD_TO_CART, position - plan.browse_counts[session], 0),
    )


def _event_types(source: str, plan: _Plan, session: I64, position: I64, draw: npt.NDArray[np.float64]) -> I64:
    view = shop.PAGE_VIEW if source == "web" else shop.SCREEN_VIEW
    browsing = np.where((position == 0) | (draw < 0.58), view, np.where(draw < 0.86, shop.CLICK, shop.SEARCH))
    step = position - plan.browse_counts[session]
    carts = plan.cart_counts[session]
    checkouts = plan.has_checkout[session]
    funnel = np.where(step < carts, shop.ADD_TO_CART, np.where(step < carts + checkouts, shop.CHECKOUT, shop.PURCHASE))
    # The page that thanks for the order.
    funnel = np.where(step > carts + checkouts, view, funnel)
    return np.where(step < 0, browsing, funnel)


def _clock(number: int, counts: I64, first_rows: I64, session: I64, rng: np.random.Generator) -> I64:
    pauses = np.minimum(1_500.0 + rng.standard_exponential(len(session)) * 42_000.0, LONGEST_PAUSE_MS)
    if len(counts):
        pauses[first_rows] = 0.0
    elapsed = np.cumsum(pauses)
    elapsed -= elapsed[first_rows][session] if len(counts) else 0.0
    last_rows = first_rows + counts - 1
    longest = elapsed[last_rows] if len(counts) else elapsed
    squeeze = np.minimum(1.0, LONGEST_SESSION_MS / np.maximum(longest, 1.0))
    start = number * HOUR_MS + rng.random(len(counts)) * HOUR_MS
    return np.asarray(start[session] + elapsed * squeeze[session]).astype(np.int64)


def _time_kept_back(source: str, plan: _Plan, count: int, rng: np.random.Generator) -> tuple[I64, I64]:
    """How long before arrival each session happened, and was sent, in milliseconds."""
    is_late = (rng.random(count) < _LATE_SHARES[source]) & (plan.has_purchase == 0)
    waited = np.exp(np.log(HOUR_MS) + rng.random(count) * (np.log(_LATEST_MS) - np.log(HOUR_MS)))
    occurred = np.where(is_late, waited, 0).astype(np.int64)
    # Two thirds had no connection and sent late; the rest was sent at once and got stuck on the way.
    sent = np.where(rng.random(count) < 1 / 3, occurred, 0)
    # A client's clock is a little off, seldom by minutes; shifting a whole session keeps its order.
    wrong = rng.random(count)
    skew = np.where(wrong < 0.01, rng.uniform(-200_000, 200_000, count), rng.uniform(-400, 400, count)).astype(np.int64)
    return occurred + skew, sent + skew
