"""Carts, purchases and refunds as JSON, right to the cent.

Belongs here: amounts of refunds, identifiers and text of orders. Does not: what is in an order (`orders.py`).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from data_pipeline.devstack.generator import catalogue as shop
from data_pipeline.devstack.generator.hashing import key_of
from data_pipeline.devstack.generator.orders import FIRST_LINE, FULL, NUMBER_BITS, Row, price_table
from data_pipeline.devstack.generator.pools import encode
from data_pipeline.devstack.generator.rhythm import Traffic


def order_id(traffic_id: int, source: str, ref: int) -> str:
    """`20260314-09-w1f3a2b-17`: day, hour, source and traffic, number. No two runs share one unless they share the order."""
    hour, number = ref >> NUMBER_BITS, ref & ((1 << NUMBER_BITS) - 1)
    return f"{_hour_text(hour)}-{source[0]}{traffic_id:06x}-{number}"


def traffic_id_of(traffic: Traffic) -> int:
    """24 bits that tell this traffic's orders from those of others."""
    return traffic.key("order id") & 0xFFFFFF


@functools.lru_cache(maxsize=1024)
def _hour_text(hour: int) -> str:
    return f"{str(np.datetime64(hour, 'h'))[:10].replace('-', '')}-{hour % 24:02d}"


def money(minor: int, digits: int) -> str:
    """An amount as JavaScript writes it: `47.27`, `4.5`, `12`."""
    if digits == 0:
        return str(minor)
    whole, rest = divmod(minor, 10**digits)
    return f"{whole}.{rest:0{digits}d}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Refund:
    """What one refund gives back, in smallest units."""

    lines: tuple[int, ...]
    discount: int
    tax: int
    shipping: int
    total: int


def refund_of(order: Row, part: int) -> Refund:
    """Amounts of a refund; all refunds of an order together stay within its total."""
    if part == FULL:
        lines = tuple(range(order.item_count))
        total = sum(order.line_amounts) - order.discount + order.tax + order.shipping
        return Refund(lines, order.discount, order.tax, order.shipping, total)
    line = 0 if part == FIRST_LINE else 1
    amount = order.line_amounts[line]
    discount = min(order.discount, amount)
    return Refund((line,), discount, 0, 0, amount - discount)


def render_cart(order: Row, lines: range) -> bytes:
    """`,"cart":{…}` with these items of the order."""
    items = _render_items(order, lines)
    return b',"cart":{"currency":"%b","items":[%b]}' % (shop.CURRENCIES[order.currency].code.encode(), items)


def render_purchase(traffic_id: int, source: str, order: Row) -> bytes:
    """`,"order":{…}` of a purchase."""
    return _render_order(traffic_id, source, order, refund_of(order, FULL), b"")


def render_refund(traffic_id: int, source: str, order: Row, part: int) -> bytes:
    """`,"order":{…}` of a refund; `source` is that of the purchase."""
    reason = shop.REFUND_REASONS[key_of(order.ref, part) % len(shop.REFUND_REASONS)]
    return _render_order(traffic_id, source, order, refund_of(order, part), b',"refund_reason":' + encode(reason))


def _render_order(traffic_id: int, source: str, order: Row, amounts: Refund, extra: bytes) -> bytes:
    currency = shop.CURRENCIES[order.currency]
    digits = currency.digits
    items = _render_items(order, amounts.lines)
    payment = shop.PAYMENT_METHODS[order.payment][0]
    numbers = (
        f'"discount":{money(amounts.discount, digits)},"tax":{money(amounts.tax, digits)},"shipping":{money(amounts.shipping, digits)},'
        f'"total":{money(amounts.total, digits)},"payment_method":"{payment}"'
    )
    head = f',"order":{{"order_id":"{order_id(traffic_id, source, order.ref)}","currency":"{currency.code}","items":['
    return b"%b%b],%b%b}" % (head.encode(), items, numbers.encode(), extra)


def _render_items(order: Row, lines: range | tuple[int, ...]) -> bytes:
    heads, tails = _item_chunks(order.currency)
    products, quantities = order.products, order.quantities
    return b",".join([b"%b%d%b" % (heads[products[line]], quantities[line], tails[products[line]]) for line in lines])


@functools.cache
def _item_chunks(currency: int) -> tuple[list[bytes], list[bytes]]:
    heads = [
        encode({"product_id": product, "name": name, "category": category})[:-1] + b',"quantity":'
        for product, name, category, _ in shop.PRODUCTS
    ]
    digits = shop.CURRENCIES[currency].digits
    return heads, [b',"unit_price":%b}' % money(int(price), digits).encode() for price in price_table()[currency]]
