"""The contract's rules across orders, each at its border."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from data_pipeline.validation.history.judge_orders import count_unknown_refunds, judge_orders
from data_pipeline.validation.history.orders import ORDER_SCHEMA

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


def order(kind, event_id, total=100.0, at=NOON, currency="EUR", order_id="o1"):
    return {"order_id": order_id, "event_type": kind, "event_id": event_id, "occurred_at": at, "currency": currency, "total": total}


def frame(*rows):
    return pl.DataFrame(list(rows), schema=ORDER_SCHEMA)


def found(mine, others=()):
    return [(finding.check, finding.field) for finding in judge_orders(frame(*mine), frame(*others))]


BOUGHT = order("purchase", "p")
LONG_AFTER = datetime(2028, 3, 14, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("refunds", "expected"),
    [
        ([order("refund", "r")], []),
        ([order("refund", "r", at=NOON - timedelta(milliseconds=1))], [("refund_follows_purchase", "occurred_at")]),
        ([order("refund", "r", at=LONG_AFTER)], []),
        ([order("refund", "r", at=LONG_AFTER + timedelta(milliseconds=1))], [("refund_follows_purchase", "occurred_at")]),
        ([order("refund", "r", currency="USD")], [("refund_follows_purchase", "order.currency")]),
        ([order("refund", "r", total=100.01)], [("refund_follows_purchase", "order.total")]),
        ([order("refund", "r", 60.0), order("refund", "s", 40.0)], []),
        ([order("refund", "r", 60.0), order("refund", "s", 40.01)], [("refund_follows_purchase", "order.total")]),
        ([order("refund", "r", 60.0), order("refund", "r", 60.0)], []),
        ([order("refund", "r", order_id="unknown")], []),
    ],
)
@pytest.mark.parametrize("is_earlier", [True, False])
def test_refund_follows_purchase(refunds, expected, is_earlier):
    """Whether the purchase is in the window or in another one, of any source."""
    assert (found(refunds, [BOUGHT]) if is_earlier else found([BOUGHT, *refunds])) == expected


def test_earlier_refunds_count_towards_the_sum():
    assert found([order("refund", "s", 60.0)], [BOUGHT, order("refund", "r", 60.0)]) == [("refund_follows_purchase", "order.total")]
    assert found([order("purchase", "q", order_id="o2")], [BOUGHT, order("refund", "r", 600.0)]) == []


def test_one_order():
    assert found([BOUGHT, order("purchase", "q")]) == [("one_order", "order.order_id")]
    assert found([order("purchase", "q")], [BOUGHT]) == [("one_order", "order.order_id")]
    assert found([BOUGHT, BOUGHT], [BOUGHT]) == []
    assert found([order("purchase", "q", order_id="o2")], [BOUGHT, order("purchase", "z")]) == []


def test_unknown_refunds_are_counted():
    mine = frame(order("refund", "r"), order("refund", "s", order_id="o9"), order("refund", "t", order_id="o8"))
    cells = count_unknown_refunds(mine, frame(BOUGHT))
    assert cells.select("count", "total").rows() == [(2, 3)]
