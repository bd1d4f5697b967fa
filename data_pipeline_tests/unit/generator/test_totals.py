"""The generator's own counts equal a count straight from the bytes."""

import json
from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from data_pipeline.common.windows import hours_of_day
from data_pipeline.devstack.generator.batch import EVENT_ID_CONFLICT
from data_pipeline.devstack.generator.generate import generate_hours
from data_pipeline.devstack.generator.oracle import broken_rules
from data_pipeline.devstack.generator.rhythm import SOURCE_SHARES, traffic_of
from data_pipeline.devstack.generator.totals import EventTotals

HOURS = hours_of_day(date(2026, 3, 14))


@pytest.fixture(scope="module")
def sent():
    traffic = traffic_of(list(SOURCE_SHARES), 9000, HOURS[:1], 21)
    return [batch for source in SOURCE_SHARES for batch in generate_hours(source, HOURS, 0, 0, 0.05, traffic=traffic)]


def test_totals_equal_a_count_from_the_records_themselves(sent):
    totals = EventTotals()
    seen, events, orders, amounts, rules, duplicates, conflicts, arrivals = (
        {},
        Counter(),
        Counter(),
        Counter(),
        Counter(),
        Counter(),
        Counter(),
        Counter(),
    )
    for batch in sent:
        totals.add(batch)
        for received_at, value in zip(batch.table["received_at"].to_pylist(), batch.table["value"].to_pylist(), strict=True):
            arrivals[batch.source, f"{received_at:%Y-%m-%dT%H}"] += 1
            broken = broken_rules(batch.source, received_at, value)
            rules.update((batch.source, rule) for rule in broken)
            if broken:
                continue
            event = json.loads(value, parse_float=Decimal)
            content = {**event, "sent_at": None}
            if event["event_id"] in seen:
                (duplicates if seen[event["event_id"]] == content else conflicts)[batch.source] += 1
                continue
            seen[event["event_id"]] = content
            events[event["occurred_at"][:10], batch.source, event["event_type"]] += 1
            if "order" in event:
                place = event["occurred_at"][:10], batch.source, event["event_type"], event["order"]["currency"]
                orders[place] += 1
                amounts[place] += Decimal(event["order"]["total"])
    found = totals.to_json()
    assert found["records"] == sum(arrivals.values())
    assert {(row["source"], row["hour"]): row["records"] for row in found["arrivals"] if row["records"]} == arrivals
    assert {(row["date"], row["source"], row["event_type"]): row["events"] for row in found["events"]} == events
    assert {(row["date"], row["source"], row["event_type"], row["currency"]): row["orders"] for row in found["orders"]} == orders
    assert {(row["date"], row["source"], row["event_type"], row["currency"]): Decimal(row["amount"]) for row in found["orders"]} == amounts
    assert {(source, rule): count for source, by_rule in found["rules"].items() for rule, count in by_rule.items()} == rules
    for source, counts in found["by_source"].items():
        assert (counts["duplicates"], counts["conflicts"]) == (duplicates[source], conflicts[source])
        assert counts["records"] == counts["broken"] + counts["conflicts"] + counts["duplicates"] + counts["events"]
    assert sum(duplicates.values()) > 10
    assert sum(conflicts.values()) > 10
    assert json.loads(json.dumps(found)) == found


def test_rule_sets_count_every_broken_row_once(sent):
    totals = EventTotals()
    for batch in sent:
        totals.add(batch)
    found = totals.to_json()
    broken = sum(row["records"] for row in found["rule_sets"] if row["rules"] != [EVENT_ID_CONFLICT])
    assert broken == sum(counts["broken"] for counts in found["by_source"].values())
    assert any(len(row["rules"]) == 3 for row in found["rule_sets"])
