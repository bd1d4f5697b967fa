"""Real lines become events as they are: shifted by whole weeks, nothing cleaned, nothing invented."""

import csv
import gzip
import itertools
import json
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from data_pipeline.devstack.generator.oracle import broken_rules
from data_pipeline.devstack.samples import real_counts, real_input, sample_events
from data_pipeline.devstack.samples.calendar import ACCESS_LOG_DAYS, ONLINE_RETAIL_DAYS
from data_pipeline.devstack.samples.records import DATA_DIR

SUNDAY = date(2026, 3, 15)


def rows_of(day, source):
    return [row for batch in sample_events(day, [source]) for row in batch.table.to_pylist()]


def retail_lines():
    with gzip.open(DATA_DIR / "online_retail_2010-12_2011-03.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("season", [ACCESS_LOG_DAYS, ONLINE_RETAIL_DAYS])
def test_days_keep_their_weekday_and_every_day_of_the_data_is_played_once_in_a_cycle(season):
    days = [season.anchor + timedelta(days=number) for number in range(7 * season.weeks)]
    played = [season.source_day(day) for day in days]
    assert all(
        found is None or (found.weekday() == day.weekday() and (day - found).days % 7 == 0) for day, found in zip(days, played, strict=True)
    )
    assert sorted(day for day in played if day) == [season.first + timedelta(days=n) for n in range((season.last - season.first).days + 1)]
    assert season.source_day(season.anchor - timedelta(days=7 * season.weeks)) == season.first


def test_every_line_of_the_log_becomes_a_page_view_but_the_one_that_is_cut():
    counts = real_counts([SUNDAY + timedelta(days=number) for number in range(7)])["web"]
    assert counts == {
        "lines": 10_000,
        "events": {"page_view": 9_999, "unreadable": 1},
        "broken": 191,
        "rules": {"json": 1, "required_by_source": 190},
    }


def test_a_line_of_the_log_is_told_as_it_is():
    row = rows_of(SUNDAY, "web")[0]
    event = json.loads(row["value"])
    assert event["occurred_at"] == event["sent_at"] == "2026-03-15T10:05:03.000Z"
    assert event["page"] == {
        "url": "http://semicomplete.com/presentations/logstash-monitorama-2013/images/kibana-search.png",
        "title": None,
        "referrer": "http://semicomplete.com/presentations/logstash-monitorama-2013/",
    }
    assert event["context"] == {
        "app_version": None,
        "locale": None,
        "country": None,
        "os": "macos",
        "device_type": "desktop",
        "user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/32.0.1700.77 Safari/537.36",
        "ip": "83.149.9.0",
    }
    assert event["user_id"] is None
    assert row["key"].decode() == event["anonymous_id"]


def test_lines_of_the_log_arrive_in_order_though_their_times_jump():
    rows = rows_of(SUNDAY + timedelta(days=1), "web")
    received = [row["received_at"] for row in rows]
    occurred = [datetime.fromisoformat(json.loads(row["value"])["occurred_at"]) for row in rows]
    assert received == sorted(received)
    assert sum(later < earlier for earlier, later in itertools.pairwise(occurred)) > 1000
    assert all(moment <= arrival for moment, arrival in zip(occurred, received, strict=True))


def test_every_invoice_becomes_one_event_with_all_its_lines_and_amounts():
    wanted = {}
    for line in retail_lines():
        wanted.setdefault(line["InvoiceNo"], []).append(line)
    found, lines = {}, Counter()
    for batch in real_input([ONLINE_RETAIL_DAYS.anchor + timedelta(days=n) for n in range(12)], ["server"])["server"]:
        for value in batch.table["value"].to_pylist():
            event = json.loads(value, parse_float=Decimal)
            found[event["order"]["order_id"]] = event
            lines[event["event_type"]] += len(event["order"]["items"])
    assert len(found) > 900
    for invoice, event in found.items():
        source = wanted[invoice]
        is_refund = invoice.startswith("C") or int(source[0]["Quantity"]) < 0
        assert event["event_type"] == ("refund" if is_refund else "purchase")
        assert [item["product_id"] for item in event["order"]["items"]] == [line["StockCode"] for line in source]
        assert [item["name"] for item in event["order"]["items"]] == [line["Description"] or None for line in source]
        amount = sum(abs(int(line["Quantity"])) * Decimal(line["UnitPrice"]) for line in source)
        assert Decimal(event["order"]["total"]) == amount
        assert event["user_id"] == (source[0]["CustomerID"].removesuffix(".0") or None)
        placed = datetime.fromisoformat(source[0]["InvoiceDate"])
        moved = datetime.fromisoformat(event["occurred_at"]).replace(tzinfo=None)
        assert (moved - placed).seconds == 0
        assert (moved - placed).days % 7 == 0
    assert lines["refund"] > 200


def test_faults_of_the_shop_are_sent_and_named():
    days = [date(2026, 3, 8) + timedelta(days=number) for number in range(3)]
    rules = Counter()
    for batch in real_input(days, ["server"])["server"]:
        expected = batch.rules.to_pylist()
        for row, reasons in zip(batch.table.to_pylist(), expected, strict=True):
            assert reasons == broken_rules("server", row["received_at"], row["value"])
            rules.update(reasons)
            event = json.loads(row["value"])
            assert ("required_by_source" in reasons) == (event["user_id"] is None) == (row["key"] is None)
            if len(event["order"]["items"]) > 200:
                assert "schema" in reasons or reasons == ["size"]
    assert {"required_by_source", "schema"} == set(rules)


def test_event_ids_are_the_same_each_time_and_another_on_another_day():
    def ids(day):
        return [json.loads(row["value"])["event_id"] for row in rows_of(day, "web")[:50]]

    assert ids(SUNDAY) == ids(SUNDAY)
    assert not set(ids(SUNDAY)) & set(ids(SUNDAY + timedelta(days=7)))


def test_a_day_without_data_has_empty_hours():
    saturday = SUNDAY - timedelta(days=1)
    batches = list(sample_events(saturday))
    assert len(batches) == 48
    assert sum(len(batch) for batch in batches) == 0
    assert ONLINE_RETAIL_DAYS.source_day(saturday) == date(2010, 12, 11)
