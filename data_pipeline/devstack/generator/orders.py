"""Orders and carts: a pure function of source, hour and number, right to the cent.

Belongs here: contents, amounts and identifiers of orders, which of them come back, and their JSON.
Does not: when they happen within their session (`sessions.py`).
Amounts are whole numbers of the currency's smallest unit, so that sums are exact.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from data_pipeline.devstack.generator import catalogue as shop
from data_pipeline.devstack.generator.hashing import I64, U64, hash64, key_of, unit, unit_of
from data_pipeline.devstack.generator.pools import pools_of
from data_pipeline.devstack.generator.rhythm import Traffic
from data_pipeline.devstack.generator.visitors import accounts_of, choose_visitors, profiles_of

ORDER_RATES = {"web": 0.011, "ios": 0.010, "android": 0.009, "server": 0.55}
"""Purchases for each event of the source."""
REFUNDABLE_SHARE = 0.85
"""The first orders of an hour, of which some come back. Other runs of the same traffic make at least these."""
NUMBER_BITS = 22
ABANDONED = 1 << 21
"""Numbers from here on are carts that were never bought."""
MAX_ITEMS = 5

FULL, FIRST_LINE, SECOND_LINE = 0, 1, 2
_RETURN_CYCLE = 96
_RETURNS: tuple[tuple[int, int, int], ...] = (
    (0, 5, FULL),
    (1, 20, FULL),
    (2, 47, FULL),
    (3, 98, FULL),
    (4, 170, FIRST_LINE),
    (5, 265, FIRST_LINE),
    (6, 26, FIRST_LINE),
    (6, 73, SECOND_LINE),
    (7, 410, FULL),
)
"""Residue of an order in the cycle, hours until its refund, and how much comes back."""
_RETURN_RESIDUES = 8
_SHIPPING_PENCE = (0, 350, 450, 695)
_DISCOUNT_PERCENTS = (5, 10, 20)


class Row(NamedTuple):
    """One order, for rendering."""

    ref: int
    currency: int
    item_count: int
    discount: int
    tax: int
    shipping: int
    payment: int
    products: list[int]
    quantities: list[int]
    line_amounts: list[int]


@dataclass(frozen=True)
class Buyers:
    """Who has a cart: arrays with an entry for each order."""

    visitors: I64
    accounts: I64
    profiles: I64


@dataclass(frozen=True)
class Orders:
    """Arrays of orders; items are columns of two-dimensional arrays, of which the first `item_counts` count."""

    refs: I64
    currencies: I64
    item_counts: I64
    products: I64
    quantities: I64
    unit_prices: I64
    discounts: I64
    taxes: I64
    shippings: I64
    payments: I64

    @functools.cached_property
    def line_amounts(self) -> I64:
        """Amount of each line, 0 beyond the last item."""
        return self.quantities * self.unit_prices * (np.arange(MAX_ITEMS) < self.item_counts[:, None])

    @functools.cached_property
    def rows(self) -> list[Row]:
        """The same as plain integers, order by order: numpy is slow at one number at a time."""
        columns = (self.refs, self.currencies, self.item_counts, self.discounts, self.taxes, self.shippings, self.payments)
        scalars = zip(*(column.tolist() for column in columns), strict=True)
        arrays = zip(self.products.tolist(), self.quantities.tolist(), self.line_amounts.tolist(), strict=True)
        return [Row._make((*numbers, *lists)) for numbers, lists in zip(scalars, arrays, strict=True)]


def order_refs(hour_number: int, numbers: I64) -> I64:
    """Hour and number in one integer."""
    return np.int64(hour_number << NUMBER_BITS) | numbers.astype(np.int64)


def expected_orders(traffic: Traffic, source: str, hour_number: int, share: float) -> float:
    """Mean number of purchases in an hour."""
    return min(traffic.events_per_day[source] * share * ORDER_RATES[source], float(ABANDONED - 1))


def order_count(traffic: Traffic, source: str, hour_number: int, share: float) -> int:
    """Purchases whose session begins in an hour; `share` is the hour's part of an average day."""
    expected = expected_orders(traffic, source, hour_number, share)
    key = traffic.key("order count", source)
    # A deviation like a Poisson's, from a sum of three uniform numbers, never below what other runs refund.
    normal = 2.0 * (sum(unit_of(key, hour_number, part) for part in range(3)) - 1.5)
    wanted = expected + normal * expected**0.5 + unit_of(key, hour_number)
    return max(int(REFUNDABLE_SHARE * expected), int(max(wanted, 0.0)))


def refundable_count(traffic: Traffic, source: str, hour_number: int, share: float) -> int:
    """How many orders of an hour every run of this traffic makes."""
    return int(REFUNDABLE_SHARE * expected_orders(traffic, source, hour_number, share))


def return_lags() -> tuple[int, ...]:
    """Hours after which refunds come."""
    return tuple(lag for _, lag, _ in _RETURNS)


def returned_at(traffic: Traffic, source: str, hour_number: int, count: int, lag_number: int) -> tuple[I64, int]:
    """Which of an hour's first `count` orders come back after lag `lag_number`, and how much of each (FULL, …)."""
    residue, _, part = _RETURNS[lag_number]
    first = (residue - _phase(traffic, source, hour_number)) % _RETURN_CYCLE
    numbers = np.arange(first, count, _RETURN_CYCLE, dtype=np.int64)
    refs = order_refs(hour_number, numbers)
    if part == SECOND_LINE:
        orders = orders_of(traffic, source, refs, buyers_of(traffic, source, refs).profiles)
        # What both refunds give back stays within the total only where no discount has to be divided.
        refs = refs[(orders.item_counts > 1) & (orders.discounts == 0)]
    return refs, part


def is_returned(traffic: Traffic, source: str, refs: I64) -> np.ndarray:
    """True for each order that comes back, some day."""
    hours = refs >> NUMBER_BITS
    numbers = refs & ((1 << NUMBER_BITS) - 1)
    phases = np.array([_phase(traffic, source, int(hour)) for hour in np.unique(hours)], dtype=np.int64)
    phase = phases[np.searchsorted(np.unique(hours), hours)] if len(hours) else hours
    return (numbers < ABANDONED) & ((numbers + phase) % _RETURN_CYCLE < _RETURN_RESIDUES)


@functools.lru_cache(maxsize=4096)
def _phase_of(key: int, hour_number: int) -> int:
    return key_of(key, hour_number) % _RETURN_CYCLE


def _phase(traffic: Traffic, source: str, hour_number: int) -> int:
    return _phase_of(traffic.key("returns", source), hour_number)


def buyers_of(traffic: Traffic, source: str, refs: I64) -> Buyers:
    """Whose orders, or carts, or mere visits these are."""
    hashes = hash64(traffic.key("buyer", source), refs)
    visitors = choose_visitors(traffic, source, refs >> NUMBER_BITS, hashes)
    # Those who order by telephone, which the server reports, nearly all have an account.
    accounts = accounts_of(traffic, visitors, 0.96) if source == "server" else accounts_of(traffic, visitors)
    return Buyers(visitors, accounts, profiles_of(traffic, source, visitors))


def orders_of(traffic: Traffic, source: str, refs: I64, profiles: I64) -> Orders:
    """What is in them; `profiles` are the buyers'."""
    base = hash64(traffic.key("order", source), refs)

    def part(salt: int) -> U64:
        return hash64(salt, base)

    currencies = pools_of(source).currencies[profiles]
    item_counts = 1 + np.searchsorted([0.48, 0.74, 0.88, 0.96], unit(part(2)), side="right").astype(np.int64)
    columns = np.arange(MAX_ITEMS, dtype=np.uint64)
    spread_out = hash64(3, base[:, None] + columns)
    products = (len(shop.PRODUCTS) * unit(spread_out) ** 1.7).astype(np.int64)
    quantities = 1 + np.searchsorted([0.62, 0.8, 0.88, 0.92, 0.96], unit(hash64(4, spread_out)), side="right").astype(np.int64)
    unit_prices = price_table()[currencies[:, None], products]
    lines = (quantities * unit_prices * (np.arange(MAX_ITEMS) < item_counts[:, None])).sum(axis=1)
    draw = unit(part(5))
    percent = np.select([draw < 0.08, draw < 0.14, draw < 0.16], _DISCOUNT_PERCENTS, 0)
    discounts = lines * percent // 100
    tax_percents = np.array([currency.tax_percent for currency in shop.CURRENCIES], dtype=np.int64)[currencies]
    taxes = ((lines - discounts) * tax_percents + 50) // 100
    shippings = _shipping_table()[currencies, np.searchsorted([0.4, 0.6, 0.9], unit(part(6)), side="right")]
    weights = np.cumsum([weight for _, weight in shop.PAYMENT_METHODS])[:-1] / 100
    payments = np.searchsorted(weights, unit(part(7)), side="right").astype(np.int64)
    return Orders(refs, currencies, item_counts, products, quantities, unit_prices, discounts, taxes, shippings, payments)


@functools.cache
def price_table() -> I64:
    """Price of each product (column) in each currency (row), in smallest units."""
    pence = np.array([price for *_, price in shop.PRODUCTS], dtype=np.float64)
    rows = [np.rint(pence * currency.per_pound / 10 ** (2 - currency.digits)).astype(np.int64) for currency in shop.CURRENCIES]
    return np.array(rows)


@functools.cache
def _shipping_table() -> I64:
    pence = np.array(_SHIPPING_PENCE, dtype=np.float64)
    return np.array([np.rint(pence * c.per_pound / 10 ** (2 - c.digits)).astype(np.int64) for c in shop.CURRENCIES])
