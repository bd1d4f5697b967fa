"""What the generator makes keeps the contract, and each fault breaks what it claims and nothing else."""

import json
from collections import Counter
from datetime import date, datetime

import pytest

from data_pipeline.common.windows import hours_of_day
from data_pipeline.devstack.generator.batch import EVENT_ID_CONFLICT, RAW_SCHEMA
from data_pipeline.devstack.generator.catalogue import EVENT_TYPES
from data_pipeline.devstack.generator.faults import BY_NAME, FAULTS, RULES
from data_pipeline.devstack.generator.generate import generate_hours
from data_pipeline.devstack.generator.oracle import SCHEMA_PATH, broken_rules
from data_pipeline.devstack.generator.rhythm import SOURCE_SHARES

HOURS = hours_of_day(date(2026, 3, 14))
CONTRACT = SCHEMA_PATH.parent


def rows_of(batches):
    for batch in batches:
        columns = (batch.table["received_at"].to_pylist(), batch.table["value"].to_pylist(), batch.rules.to_pylist())
        yield from zip(*columns, strict=True)


@pytest.mark.parametrize(
    "line", (CONTRACT / "invalid.ndjson").read_text().splitlines(), ids=lambda line: "-".join(json.loads(line)["rules"])
)
def test_oracle_finds_the_rules_that_the_contract_lists(line):
    example = json.loads(line)
    found = broken_rules(example["source"], datetime.fromisoformat(example["received_at"]), example["value"].encode())
    assert found == sorted(example["rules"])


@pytest.mark.parametrize("value", (CONTRACT / "examples.ndjson").read_bytes().splitlines())
def test_oracle_finds_nothing_in_the_contracts_valid_examples(value):
    event = json.loads(value)
    assert broken_rules(event["source"], datetime.fromisoformat(event["sent_at"]), value) == []


@pytest.mark.parametrize("source", SOURCE_SHARES)
def test_events_without_faults_break_no_rule(source):
    types = Counter()
    for received_at, value, rules in rows_of(generate_hours(source, HOURS, 2500, seed=11)):
        assert rules == []
        assert broken_rules(source, received_at, value) == [], value
        types[json.loads(value)["event_type"]] += 1
    expected = {"purchase", "refund", "login", "sign_up"}
    if source != "server":
        expected = set(EVENT_TYPES) - {"screen_view" if source == "web" else "page_view"}
    # A refund is rare enough to be missing from so small a day.
    assert expected - {"refund"} <= set(types) <= expected


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_breaks_the_rules_it_claims_and_no_others(fault):
    count = 0
    for source in SOURCE_SHARES:
        for received_at, value, rules in rows_of(generate_hours(source, HOURS[8:10], 1200, seed=5, fault_rate=1.0, faults=[fault.name])):
            if rules:
                count += 1
                assert sorted(rules) == list(fault.rules)
            assert broken_rules(source, received_at, value) == sorted(rules), value
    assert count > 0


def test_every_row_rule_of_the_contract_has_a_fault():
    text = (CONTRACT / "README.md").read_text()
    table = text.split("## What every row must satisfy")[1].split("## ")[0]
    rules = {line.split("|")[1].strip() for line in table.splitlines() if line.startswith("|")} - {"rule", "---"}
    assert rules == set(RULES)
    assert all(set(fault.rules) <= rules for fault in BY_NAME.values())


def test_conflict_carries_the_id_of_an_earlier_event_with_other_content():
    seen = {}
    conflicts = 0
    for received_at, value, rules in rows_of(generate_hours("web", HOURS[18:22], 6000, seed=5, fault_rate=0.1, faults=[EVENT_ID_CONFLICT])):
        event = json.loads(value)
        assert broken_rules("web", received_at, value) == []
        if rules:
            assert rules == [EVENT_ID_CONFLICT]
            first_at, first = seen[event["event_id"]]
            assert first_at < received_at
            assert {**event, "sent_at": None} != {**first, "sent_at": None}
            conflicts += 1
        seen.setdefault(event["event_id"], (received_at, event))
    assert conflicts > 20


def test_fault_rate_is_the_share_of_broken_rows_and_every_rule_gets_its_part():
    broken, total = Counter(), 0
    for source in SOURCE_SHARES:
        for _, _, rules in rows_of(generate_hours(source, HOURS, 6000, seed=1, fault_rate=0.1)):
            total += 1
            broken.update(rules)
            broken["any"] += bool(rules)
    assert 0.08 < broken["any"] / total < 0.12
    assert all(broken[rule] > 0.01 * broken["any"] for rule in [*RULES, EVENT_ID_CONFLICT]), broken


def test_batches_have_the_columns_of_the_raw_layer():
    for batch in generate_hours("ios", HOURS[:2], 2000, seed=1, fault_rate=0.2):
        assert batch.table.schema == RAW_SCHEMA
        assert len(batch.rules) == len(batch.event_types) == len(batch.event_days) == len(batch.is_duplicate) == len(batch) > 0
        for headers, key, value in zip(*(batch.table[name].to_pylist() for name in ("headers", "key", "value")), strict=True):
            assert headers == [{"key": "schema_version", "value": b"1"}]
            assert key is not None
            assert value is None or isinstance(value, bytes)
