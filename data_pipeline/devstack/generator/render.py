"""From columns of numbers to the bytes of records.

Belongs here: JSON of correct events, keys. Does not: breaking it (`faults.py`).

Each value is one join of few Arrow columns: parts of fixed width are filled by numpy, the others are taken from pools.
Only carts and orders are put together one by one.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from data_pipeline.devstack.generator import catalogue as shop
from data_pipeline.devstack.generator.events import Events
from data_pipeline.devstack.generator.hashing import I64, hash64
from data_pipeline.devstack.generator.order_json import render_cart, render_purchase, render_refund, traffic_id_of
from data_pipeline.devstack.generator.orders import orders_of
from data_pipeline.devstack.generator.pools import pools_of
from data_pipeline.devstack.generator.rhythm import SOURCE_SHARES, Traffic
from data_pipeline.devstack.generator.visitors import NO_ONE

U8 = npt.NDArray[np.uint8]

_DAY_MS = 86_400_000
_ID_HEAD = b'{"event_id":"00000000-0000-4000-8000-000000000000","event_type":"'
_TIMES = b',"occurred_at":"2026-01-01T00:00:00.000Z","sent_at":"2026-01-01T00:00:00.000Z","anonymous_id":'
_ANONYMOUS = b'"a_00000000000000","user_id":'
_USER = b'"u_00000000"'


@dataclass(frozen=True)
class Rendered:
    """Values and keys of records, one each event."""

    values: pa.BinaryArray
    keys: pa.BinaryArray


def render(traffic: Traffic, source: str, events: Events) -> Rendered:
    """The records of these events, in their order."""
    pools = pools_of(source)
    anonymous = _matrix(_ANONYMOUS, len(events))
    _write_hex(anonymous, 3, hash64(traffic.key("visitor"), events.visitors * len(SOURCE_SHARES) + events.order_sources), 14)
    anonymous_json = _binary(anonymous)
    anonymous_ids = _binary(anonymous[:, 1:17])
    user = _matrix(_USER, len(events))
    _write_digits(user, 3, events.accounts, 8)
    user_json = _binary(user)
    has_visitor, has_account = events.visitors != NO_ONE, events.accounts != NO_ONE
    if not has_visitor.all():
        anonymous_json = pc.if_else(pa.array(has_visitor), anonymous_json, pa.scalar(b'null,"user_id":', pa.binary()))
        anonymous_ids = pc.if_else(pa.array(has_visitor), anonymous_ids, _binary(user[:, 1:11]))
    user_json = pc.if_else(pa.array(has_account), user_json, pa.scalar(b"null", pa.binary()))
    values = pc.binary_join_element_wise(
        _binary(_heads(traffic, source, events)),
        _type_chunks(source).take(pa.array(events.types)),
        _binary(_times(events)),
        anonymous_json,
        user_json,
        pools.contexts.take(pa.array(events.profiles)),
        _payloads(traffic, source, events),
        pools.campaigns.take(pa.array(events.campaigns)),
        pools.durations.take(pa.array(events.durations)),
        pa.scalar(b"}", pa.binary()),
        pa.scalar(b"", pa.binary()),
    )
    return Rendered(values, anonymous_ids)


def event_ids(traffic: Traffic, source: str, serials: I64) -> list[str]:
    """The event_id of each serial."""
    head = _matrix(_ID_HEAD, len(serials))
    _write_ids(head, traffic, source, serials)
    return [bytes(row).decode() for row in head[:, 13:49]]


def _heads(traffic: Traffic, source: str, events: Events) -> U8:
    head = _matrix(_ID_HEAD, len(events))
    _write_ids(head, traffic, source, events.serials)
    return head


def _write_ids(head: U8, traffic: Traffic, source: str, serials: I64) -> None:
    key = traffic.key("event id", source)
    high, low = hash64(key, serials), hash64(key ^ 0x5BD1E995, serials)
    digits = np.empty((len(serials), 32), dtype=np.uint8)
    _write_hex(digits, 0, high, 16)
    _write_hex(digits, 16, low, 16)
    # 8-4-4-4-12; the version digit and the variant digit of a random UUID (RFC 9562) stay as in the pattern.
    for at, start, width in ((13, 0, 8), (22, 8, 4), (28, 13, 3), (33, 17, 3), (37, 20, 12)):
        head[:, at : at + width] = digits[:, start : start + width]


def _times(events: Events) -> U8:
    times = _matrix(_TIMES, len(events))
    _write_instant(times, _TIMES.index(b"2026"), events.occurred_at)
    _write_instant(times, _TIMES.rindex(b"2026"), events.sent_at)
    return times


def _payloads(traffic: Traffic, source: str, events: Events) -> pa.BinaryArray:
    pools = pools_of(source)
    rows = np.flatnonzero(events.payloads < 0)
    if not len(rows):
        return pools.payloads.take(pa.array(events.payloads))
    carts = _cart_chunks(traffic, source, events.take(rows))
    numbers = events.payloads.copy()
    numbers[rows] = len(pools.payloads) + np.arange(len(rows))
    return pa.concat_arrays([pools.payloads, pa.array(carts, pa.binary())]).take(pa.array(numbers))


def _cart_chunks(traffic: Traffic, source: str, events: Events) -> list[bytes]:
    chunks: list[bytes] = [b""] * len(events)
    traffic_id = traffic_id_of(traffic)
    for number, seller in enumerate(SOURCE_SHARES):
        mine = np.flatnonzero(events.order_sources == number)
        if not len(mine):
            continue
        orders = orders_of(traffic, seller, events.order_refs[mine], events.profiles[mine]).rows
        types, parts = events.types[mine].tolist(), events.parts[mine].tolist()
        for position, kind, part, order in zip(mine.tolist(), types, parts, orders, strict=True):
            if kind == shop.ADD_TO_CART:
                chunks[position] = render_cart(order, range(part, part + 1))
            elif kind == shop.CHECKOUT:
                chunks[position] = render_cart(order, range(order.item_count))
            elif kind == shop.PURCHASE:
                chunks[position] = render_purchase(traffic_id, seller, order)
            else:
                chunks[position] = render_refund(traffic_id, seller, order, part)
    return chunks


@functools.cache
def _type_chunks(source: str) -> pa.BinaryArray:
    return pa.array([f'{name}","schema_version":1,"source":"{source}"'.encode() for name in shop.EVENT_TYPES], pa.binary())


def _matrix(pattern: bytes, count: int) -> U8:
    return np.tile(np.frombuffer(pattern, dtype=np.uint8), (count, 1))


def _binary(matrix: U8) -> pa.BinaryArray:
    count, width = matrix.shape
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    return pa.BinaryArray.from_buffers(pa.binary(), count, [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(matrix))])


def _write_hex(matrix: U8, at: int, values: npt.NDArray[np.uint64], width: int) -> None:
    parts = values.astype(">u8").view(np.uint8)
    digits = _hex_table()[parts].view(np.uint8).reshape(-1, 16)
    matrix[:, at : at + width] = digits[:, :width]


def _write_digits(matrix: U8, at: int, values: I64, width: int) -> None:
    table = _four_digits()
    high, low = np.divmod(np.maximum(values, 0), 10_000)
    matrix[:, at : at + width - 4] = table[high % 10_000]
    matrix[:, at + width - 4 : at + width] = table[low]


def _write_instant(matrix: U8, at: int, instants: I64) -> None:
    days, in_day = np.divmod(instants, _DAY_MS)
    seconds, milliseconds = np.divmod(in_day, 1000)
    first = int(days.min()) if len(days) else 0
    last = int(days.max()) if len(days) else 0
    dates = np.datetime_as_string(np.arange(first, last + 1).astype("datetime64[D]")).astype("S10")
    matrix[:, at : at + 10] = dates.view(np.uint8).reshape(-1, 10)[days - first]
    matrix[:, at + 11 : at + 19] = _second_table()[seconds]
    matrix[:, at + 20 : at + 23] = _four_digits()[milliseconds][:, 1:]


@functools.cache
def _hex_table() -> npt.NDArray[np.uint16]:
    # Two digits at a time, as one number of 16 bits whose bytes are the two characters.
    return np.frombuffer(b"".join(b"%02x" % value for value in range(256)), dtype=np.uint16)


@functools.cache
def _four_digits() -> U8:
    return np.frombuffer(b"".join(b"%04d" % value for value in range(10_000)), dtype=np.uint8).reshape(-1, 4)


@functools.cache
def _second_table() -> U8:
    text = b"".join(b"%02d:%02d:%02d" % (second // 3600, second // 60 % 60, second % 60) for second in range(86_400))
    return np.frombuffer(text, dtype=np.uint8).reshape(-1, 8)
