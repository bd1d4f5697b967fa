"""What the traffic is like: the same every time, fitting together at every border, and like that of a shop."""

import itertools
import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.windows import Hour, hours_of_day
from data_pipeline.devstack.generator.generate import generate_hours
from data_pipeline.devstack.generator.rhythm import SOURCE_SHARES, hour_share, quotas, traffic_of

DAY = hours_of_day(date(2026, 3, 14))


def days_from(first, count):
    return [hour for number in range(count) for hour in hours_of_day(first + timedelta(days=number))]


def rows_of(batches):
    return [row for batch in batches for row in batch.table.to_pylist()]


def events_of(batches):
    return [json.loads(value) for batch in batches for value in batch.table["value"].to_pylist()]


def test_same_arguments_give_the_same_bytes_and_another_seed_gives_others():
    def run(seed):
        return rows_of(generate_hours("web", DAY[9:12], 3000, seed, fault_rate=0.05))

    assert run(7) == run(7)
    assert not {row["value"] for row in run(7)} & {row["value"] for row in run(8) if row["value"]}


@settings(max_examples=6, deadline=None)
@given(source=st.sampled_from(list(SOURCE_SHARES)), cut=st.integers(1, 23), batch_rows=st.sampled_from([7, 100, 100_000]))
def test_hours_do_not_depend_on_where_a_run_begins_or_how_it_is_batched(source, cut, batch_rows):
    def key(row):
        return row["received_at"], row["key"], row["value"]

    whole = [key(row) for row in rows_of(generate_hours(source, DAY, 800, 3))]
    first = [key(row) for row in rows_of(generate_hours(source, DAY[:cut], 800, 3, max_batch_rows=batch_rows))]
    rest = [key(row) for row in rows_of(generate_hours(source, DAY[cut:], 800, 3))]
    assert first + rest == whole


@settings(max_examples=8, deadline=None)
@given(source=st.sampled_from(list(SOURCE_SHARES)), count=st.integers(1, 3000), days=st.integers(1, 2))
def test_exact_count_is_exact(source, count, days):
    batches = list(generate_hours(source, days_from(date(2026, 3, 14), days), count, 3, exact_count=count * days))
    assert sum(len(batch) for batch in batches) == count * days
    for batch in batches:
        received_at = batch.table["received_at"].to_pylist()
        assert received_at == sorted(received_at)
        assert all(Hour.containing(moment) == batch.hour for moment in received_at)


def test_offsets_count_up_without_gap_in_each_partition_and_a_visitor_stays_in_one():
    rows = rows_of(generate_hours("ios", DAY, 3000, 3, partition_count=3))
    by_partition = defaultdict(list)
    partitions_of = defaultdict(set)
    for row in rows:
        by_partition[row["partition"]].append(row["offset"])
        partitions_of[row["key"]].add(row["partition"])
    assert sorted(by_partition) == [0, 1, 2]
    assert all(offsets == list(range(len(offsets))) for offsets in by_partition.values())
    assert all(len(partitions) == 1 for partitions in partitions_of.values())


def test_key_is_anonymous_id_or_else_user_id():
    for source in SOURCE_SHARES:
        for row in rows_of(generate_hours(source, DAY[10:14], 2000, 3)):
            event = json.loads(row["value"])
            assert row["key"].decode() == (event["anonymous_id"] or event["user_id"])


def test_event_ids_are_unique_but_for_re_sends_which_differ_in_sent_at_alone():
    by_id = defaultdict(list)
    for event in events_of(generate_hours("android", DAY, 30_000, 3)):
        by_id[event["event_id"]].append(event)
    copies = [same for same in by_id.values() if len(same) > 1]
    assert 0.003 < len(copies) / len(by_id) < 0.009
    for first, second in copies:
        assert first["sent_at"] < second["sent_at"]
        assert {**first, "sent_at": ""} == {**second, "sent_at": ""}


def test_every_refund_follows_its_purchase_in_its_currency_and_never_exceeds_it():
    hours = days_from(date(2026, 3, 9), 7)
    traffic = traffic_of(list(SOURCE_SHARES), 20_000, hours[::24], 3)
    purchases, refunds = {}, defaultdict(list)
    for source in SOURCE_SHARES:
        for batch in generate_hours(source, hours, 0, 0, traffic=traffic):
            for value, is_copy in zip(batch.table["value"].to_pylist(), batch.is_duplicate, strict=True):
                event = json.loads(value, parse_float=Decimal)
                if event["event_type"] == "purchase" and not is_copy:
                    assert event["order"]["order_id"] not in purchases
                    purchases[event["order"]["order_id"]] = event
                elif event["event_type"] == "refund" and not is_copy:
                    refunds[event["order"]["order_id"]].append(event)
    judged = Counter()
    for order_id, events in refunds.items():
        purchase = purchases.get(order_id)
        if purchase is None:
            # Bought before the first hour, as the identifier says.
            assert order_id[:11] < "20260309-00"
            continue
        judged["orders"] += 1
        judged["twice"] += len(events) > 1
        judged["by server"] += events[0]["source"] == "server" != purchase["source"]
        assert all(event["order"]["currency"] == purchase["order"]["currency"] for event in events)
        assert all(event["occurred_at"] > purchase["occurred_at"] for event in events)
        assert sum(Decimal(event["order"]["total"]) for event in events) <= Decimal(purchase["order"]["total"])
        assert all(event["user_id"] == purchase["user_id"] for event in events)
    assert judged["orders"] > 100
    assert judged["twice"] > 2
    assert judged["by server"] > 5


def test_separate_runs_of_a_size_share_their_orders():
    """Saturday and Monday are generated apart; refunds of Monday know the orders of Saturday."""
    bought = set()
    for first in (date(2026, 3, 14), date(2026, 3, 15)):
        hours = hours_of_day(first)
        traffic = traffic_of(["web"], 40_000, hours[:1], 3)
        batches = generate_hours("web", hours, 0, 0, traffic=traffic, exact_count=40_000)
        for event in events_of(batches):
            if event["event_type"] == "purchase":
                bought.add(event["order"]["order_id"])
            elif event["event_type"] == "refund" and event["order"]["order_id"][:8] == "20260314":
                assert event["order"]["order_id"] in bought


def test_late_events_reach_back_up_to_30_days_and_are_few():
    rows = rows_of(generate_hours("android", DAY, 30_000, 3))
    ages = [row["received_at"] - datetime.fromisoformat(json.loads(row["value"])["occurred_at"]) for row in rows]
    late = [age for age in ages if age > timedelta(minutes=55)]
    assert 0.002 < len(late) / len(rows) < 0.03
    assert timedelta(days=2) < max(late) <= timedelta(days=30)


def test_sessions_cross_midnight_and_visitors_log_in_on_the_way():
    hours = days_from(date(2026, 3, 14), 2)[20:28]
    by_visitor = defaultdict(list)
    for event in events_of(generate_hours("web", hours, 60_000, 3)):
        by_visitor[event["anonymous_id"]].append(event)
    midnight = datetime(2026, 3, 15, tzinfo=UTC)
    crossing = logged_in = 0
    for events in by_visitor.values():
        events.sort(key=lambda event: event["occurred_at"])
        moments = [datetime.fromisoformat(event["occurred_at"]) for event in events]
        pairs = list(itertools.pairwise(moments))
        crossing += any(a < midnight <= b and b - a < timedelta(minutes=30) for a, b in pairs)
        users = [event["user_id"] for event in events]
        logged_in += users[0] is None and users[-1] is not None
    assert crossing > 5
    assert logged_in > 20


def test_visitors_come_back_on_later_days_and_fewer_of_them_each_day():
    days = [
        {event["anonymous_id"] for event in events_of(generate_hours("web", hours_of_day(date(2026, 3, day)), 8000, 3))}
        for day in (2, 3, 16, 30)
    ]
    kept = [len(days[0] & later) / len(days[0]) for later in days[1:]]
    assert kept[0] > kept[1] > kept[2] > 0
    assert kept[0] > 0.05


def test_steps_of_a_session_are_in_order():
    """No checkout without a cart and no purchase without a checkout by the same visitor before it."""
    done = defaultdict(set)
    needs = {"checkout_start": "add_to_cart", "purchase": "checkout_start"}
    hours = days_from(date(2026, 3, 13), 2)
    events = sorted(events_of(generate_hours("ios", hours, 8000, 3)), key=lambda event: event["occurred_at"])
    judged = 0
    for event in events:
        if event["occurred_at"] > "2026-03-13T06" and event["event_type"] in needs:
            judged += 1
            assert needs[event["event_type"]] in done[event["anonymous_id"]]
        done[event["anonymous_id"]].add(event["event_type"])
    assert judged > 200


def test_shares_and_prices_are_alike_on_every_day_and_with_every_seed():
    """A history of generated days is calm: what drift checks see between them is chance alone."""
    runs = []
    for seed, day in ((1, 2), (2, 9), (3, 16), (4, 4)):
        events = events_of(generate_hours("web", hours_of_day(date(2026, 3, day)), 20_000, seed))
        count = len(events)
        types = Counter(event["event_type"] for event in events)
        prices = [event["order"]["total"] for event in events if event["event_type"] == "purchase" and event["order"]["currency"] == "EUR"]
        runs.append(
            {
                "views": types["page_view"] / count,
                "searches": types["search"] / count,
                "carts": types["add_to_cart"] / count,
                "purchases": types["purchase"] / count,
                "no account": sum(event["user_id"] is None for event in events) / count,
                "german": sum(event["context"]["country"] == "DE" for event in events) / count,
                "median": float(np.median(prices)),
            }
        )
    for name, tolerance in {
        "views": 0.02,
        "searches": 0.06,
        "carts": 0.1,
        "purchases": 0.35,
        "no account": 0.04,
        "german": 0.2,
        "median": 0.4,
    }.items():
        values = [run[name] for run in runs]
        assert max(values) - min(values) < tolerance * max(values), (name, values)


def test_values_have_the_size_of_real_events():
    sizes = [
        len(value)
        for source in SOURCE_SHARES
        for batch in generate_hours(source, DAY[:6], 3000, 3)
        for value in batch.table["value"].to_pylist()
    ]
    assert 420 < np.mean(sizes) < 560


def test_text_has_letters_of_many_languages():
    text = b"".join(value for batch in generate_hours("web", DAY[18:20], 8000, 3) for value in batch.table["value"].to_pylist()).decode()
    for sample in "üé茶ラم🎄":
        assert sample in text


def test_day_has_a_rhythm_and_a_week_sums_to_seven():
    hours = days_from(date(2026, 3, 9), 7)
    shares = [hour_share(hour) for hour in hours]
    assert sum(shares) == pytest.approx(7.0, rel=0.01)
    assert max(shares[:24]) > 5 * min(shares[:24])
    assert sum(shares[120:144]) > sum(shares[24:48])


@given(total=st.integers(0, 10_000), weights=st.lists(st.floats(0.01, 100), min_size=1, max_size=30))
def test_quotas_sum_to_the_total_and_are_fair(total, weights):
    found = quotas(total, weights)
    assert sum(found) == total
    assert all(abs(count - total * weight / sum(weights)) < 1.001 for count, weight in zip(found, weights, strict=True))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"source": "tv"}, "'tv' cannot be generated"),
        ({"events_per_day": 0}, "0 events a day"),
        ({"fault_rate": 1.5}, "fault rate of 1.5"),
        ({"faults": ["rust"]}, "'rust' is not a fault"),
        ({"hours": [DAY[0], DAY[2]]}, "without a gap"),
        ({"partition_count": 0}, "partition_count 0"),
    ],
)
def test_senseless_arguments_are_refused_by_name(arguments, words):
    with pytest.raises(PermanentError, match=words):
        list(generate_hours(**{"source": "web", "hours": DAY[:2], "events_per_day": 100, "seed": 1, **arguments}))
