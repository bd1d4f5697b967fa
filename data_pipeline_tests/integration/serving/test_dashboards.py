"""The dashboards in a real browser: numbers, filters, downloads, and clear words where there is nothing to show."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from data_pipeline.serving.pages import PAGES
from data_pipeline.serving.publish import publish_marts
from data_pipeline_tests.integration.serving.conftest import Shop
from data_pipeline_tests.integration.serving.dashboard_page import (
    between,
    choose_option,
    choose_sources,
    download,
    expect_number,
    key_number,
    leave,
    open_dashboard,
    settle,
    trust_line,
)
from data_pipeline_tests.integration.serving.dashboard_server import running_dashboards
from data_pipeline_tests.unit.serving.mart_rows import Row, write_warehouse

Keep = Callable[[Row], bool]


def total(rows: Iterable[Row], column: str, keep: Keep = lambda row: True) -> int:
    return sum(row[column] for row in rows if keep(row))


def in_days(column: str, first: date, last: date, *sources: str) -> Keep:
    return lambda row: first <= row[column] <= last and (not sources or row["source"] in sources)


@pytest.fixture
def four_weeks(last_day: date) -> tuple[date, date]:
    """The days that a page shows first."""
    return last_day - timedelta(days=27), last_day


def expected_numbers(shop: Shop, first: date, last: date) -> dict[str, dict[str, str]]:
    """Key numbers by page, from the rows alone."""
    events = total(shop["mart_event_volume"], "event_count", in_days("event_date", first, last))
    sessions = total(shop["mart_sessions"], "session_count", in_days("session_date", first, last))
    funnel = [row for row in shop["mart_funnel"] if first <= row["session_date"] <= last]
    euros = [row for row in shop["mart_revenue"] if first <= row["revenue_date"] <= last and row["currency"] == "EUR"]
    ordered, refunded = sum(Decimal(row["order_amount"]) for row in euros), sum(Decimal(row["refund_amount"]) for row in euros)
    units = [row for row in shop["mart_product_performance"] if first <= row["event_date"] <= last and row["currency"] == "EUR"]
    searches = [row for row in shop["mart_search_without_result"] if first <= row["event_date"] <= last]
    without = total(searches, "search_without_result_count")
    arrivals = [row for row in shop["mart_data_quality"] if first <= row["arrival_date"] <= last]
    visits = total(shop["mart_acquisition"], "session_count", in_days("session_date", first, last))
    campaign = total(
        shop["mart_acquisition"], "session_count", lambda row: first <= row["session_date"] <= last and row["channel"] == "campaign"
    )
    week_of_first = first - timedelta(days=first.weekday())
    cohorts = [
        row for row in shop["mart_retention_cohorts"] if week_of_first <= row["cohort_week"] <= last and row["weeks_since_first"] == 0
    ]
    conversion = total(funnel, "purchase_session_count") / total(funnel, "session_count")
    visitors = total(shop["mart_active_users"], "active_visitors_day", lambda row: row["activity_date"] == last)
    return {
        "": {"Events": f"{events:,}", "Sessions": f"{sessions:,}", "Daily visitors": f"{visitors:,}", "Conversion": f"{conversion:.2%}"},
        "event_volume": {"Events": f"{events:,}", "Events a day": f"{events / 28:,.0f}", "Conflicts": "0"},
        "sessions": {"Sessions": f"{sessions:,}"},
        "active_users": {"Daily active": f"{visitors:,}"},
        "acquisition": {"Sessions": f"{visits:,}", "From campaigns": f"{campaign / visits:.1%}"},
        "retention": {"New visitors": f"{total(cohorts, 'cohort_visitor_count'):,}"},
        "funnel": {"Sessions": f"{total(funnel, 'session_count'):,}", "Conversion": f"{conversion:.2%}"},
        "revenue": {"Ordered": f"{ordered:,.2f} EUR", "Net": f"{ordered - refunded:,.2f} EUR"},
        "products": {"Units sold": f"{total(units, 'units_sold'):,}"},
        "search": {
            "Searches": f"{total(searches, 'search_count'):,}",
            "Share without result": f"{without / total(searches, 'search_count'):.1%}",
        },
        "data_quality": {
            "Kafka offsets": f"{total(arrivals, 'offset_count'):,}",
            "Rejected": f"{total(arrivals, 'quarantined_count'):,}",
            "Lost or doubled": "0",
        },
        "lineage": {
            "Events": f"{total(({'n': 1} for row in shop['fct_events'] if first <= row['event_date'] <= last), 'n'):,}",
            "Topics": "4",
        },
    }


def test_each_page_shows_the_numbers_of_the_marts(
    page: Page, address: str, shop: Shop, four_weeks: tuple[date, date], pictures: Callable[[Page, str], None]
) -> None:
    expected = expected_numbers(shop, *four_weeks)
    assert set(expected) == {"", "lineage", *(entry.name for entry in PAGES)}
    arrivals = [row for row in shop["mart_data_quality"] if four_weeks[0] <= row["arrival_date"] <= four_weeks[1]]
    rejected = total(arrivals, "quarantined_count") / total(arrivals, "landed_count")
    open_dashboard(page, address)
    for name, numbers in expected.items():
        if name:
            page.locator(f"[data-testid=stSidebarNav] a[href$='/{name}']").click()
            page.wait_for_url(f"**/{name}*")
        settle(page)
        for label, value in numbers.items():
            expect_number(page, label, value)
        line = trust_line(page)
        assert "Newest event" in line, f"{name}: {line}"
        assert "hours ago" in line, f"{name}: {line}"
        assert f"Rejected rows {rejected:.2%}" in line, f"{name}: {line}"
        assert page.locator("[data-testid=stDownloadButton]").count() > 0, f"{name} has nothing to download"
        expect(page.get_by_text("No rows for these days and sources")).to_have_count(0)
        pictures(page, name or "overview")


def test_days_and_sources_change_the_numbers_and_stay_from_page_to_page(
    page: Page, address: str, shop: Shop, last_day: date, tmp_path: Path
) -> None:
    first = last_day - timedelta(days=6)
    open_dashboard(page, f"{address}/event_volume")
    before = key_number(page, "Events")
    page.get_by_role("button", name="7 days").or_(page.get_by_role("radio", name="7 days")).first.click()
    events = shop["mart_event_volume"]
    expect_number(page, "Events", f"{total(events, 'event_count', in_days('event_date', first, last_day)):,}")
    settle(page)
    choose_sources(page, "ios", "web")
    chosen = in_days("event_date", first, last_day, "ios", "web")
    expect_number(page, "Events", f"{total(events, 'event_count', chosen):,}")
    settle(page)
    assert key_number(page, "Events") != before

    name, rows = download(page, "events-by-day", tmp_path)
    assert name == f"events-by-day_{first}_{last_day}_ios-web.csv"
    by_day = {(str(row["event_date"]), row["source"]): 0 for row in events if chosen(row)}
    for row in filter(chosen, events):
        by_day[str(row["event_date"]), row["source"]] += row["event_count"]
    assert {(row["event_date"], row["source"]): row["events"] for row in rows.iter_rows(named=True)} == by_day

    page.locator("[data-testid=stSidebarNav] a[href$='/sessions']").click()
    page.wait_for_url("**/sessions*")
    settle(page)
    sessions = total(shop["mart_sessions"], "session_count", in_days("session_date", first, last_day, "ios", "web"))
    expect_number(page, "Sessions", f"{sessions:,}")


def test_a_link_carries_days_and_sources(page: Page, address: str, shop: Shop, last_day: date) -> None:
    day = last_day - timedelta(days=3)
    open_dashboard(page, f"{address}/active_users?{between(day, day)}&source=web")
    visitors = total(
        shop["mart_active_users"], "active_visitors_day", lambda row: row["activity_date"] == day and "|web|" in row["source_combination"]
    )
    expect_number(page, "Daily active", f"{visitors:,}")


def test_currencies_are_shown_one_at_a_time(page: Page, address: str, shop: Shop, four_weeks: tuple[date, date], tmp_path: Path) -> None:
    open_dashboard(page, f"{address}/revenue")
    page.get_by_role("radio", name="GBP").or_(page.get_by_role("button", name="GBP")).first.click()
    pounds = [row for row in shop["mart_revenue"] if four_weeks[0] <= row["revenue_date"] <= four_weeks[1] and row["currency"] == "GBP"]
    ordered = sum(Decimal(row["order_amount"]) for row in pounds)
    expect_number(page, "Ordered", f"{ordered:,.2f} GBP")
    settle(page)
    _, rows = download(page, "revenue-by-currency", tmp_path)
    assert sorted(rows["currency"]) == ["EUR", "GBP"]
    assert round(rows.filter(currency="GBP")["order_amount"].item(), 2) == float(ordered)


def test_quarantine_by_rule_with_examples(page: Page, address: str, shop: Shop, four_weeks: tuple[date, date], tmp_path: Path) -> None:
    open_dashboard(page, f"{address}/data_quality")
    page.get_by_role("tab", name="Quarantine").click()
    choose_option(page, "Rule", "privacy")
    expect(page.get_by_role("heading", name="Examples of privacy")).to_be_visible()
    settle(page)
    rejections = [row for row in shop["mart_quarantine"] if four_weeks[0] <= row["arrival_date"] <= four_weeks[1]]
    _, by_rule = download(page, "by-rule", tmp_path)
    expected: dict[str, int] = {}
    for row in rejections:
        expected[row["rule"]] = expected.get(row["rule"], 0) + row["rejected_count"]
    assert dict(by_rule.select("rule", "broken").iter_rows()) == expected
    _, examples = download(page, "examples", tmp_path)
    assert set(examples["rule"]) == {"privacy"}
    assert examples["example_value"].is_null().all()
    _, versions = download(page, "by-app-version", tmp_path)
    assert versions["broken"].sum() == expected["privacy"]


def test_lineage_leads_to_offsets_and_to_the_assets(page: Page, address: str, shop: Shop, last_day: date, tmp_path: Path) -> None:
    open_dashboard(page, f"{address}/lineage?{between(last_day, last_day)}&source=web")
    for key in ("dashboards/event_volume", "marts/mart_event_volume", "warehouse/events", "lake/events", "raw/events", "kafka/web"):
        expect(page.locator(f"a[href^='http://127.0.0.1:3000/assets/{key}']").first).to_be_visible()
    _, rows = download(page, "kafka-offsets", tmp_path)
    mine = [row for row in shop["fct_events"] if row["event_date"] == last_day and row["source"] == "web"]
    for row in rows.iter_rows(named=True):
        offsets = [event["kafka_offset"] for event in mine if event["kafka_partition"] == row["kafka_partition"]]
        assert (row["topic"], row["first_offset"], row["last_offset"], row["event_count"]) == (
            "product-events.web",
            min(offsets),
            max(offsets),
            len(offsets),
        )
    assert rows.height == 2


def test_definitions_come_from_dbt(page: Page, address: str) -> None:
    open_dashboard(page, f"{address}/funnel")
    page.get_by_text("Definitions", exact=True).click()
    expect(page.get_by_text("Step 2: something was put into the cart.")).to_be_visible()


def test_days_without_data_say_where_data_is(page: Page, address: str, last_day: date) -> None:
    open_dashboard(page, f"{address}/funnel?{between(date(2020, 1, 1), date(2020, 1, 31))}")
    expect(page.get_by_text("There are no events on these days")).to_be_visible()
    assert f"to {last_day.day} {last_day:%b %Y}" in page.locator(".st-key-message-empty-range").inner_text()
    open_dashboard(page, f"{address}/funnel?{between(last_day, last_day - timedelta(days=3))}")
    expect(page.get_by_text("choose an earlier first day")).to_be_visible()


HOLDER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("create table held as select 1 as x")
print("held", flush=True)
sys.stdin.readline()
"""


def test_from_nothing_to_numbers_without_a_restart(page: Page, tmp_path: Path) -> None:
    day = date(2026, 3, 14)
    from data_pipeline_tests.unit.serving.mart_rows import volume

    serving = tmp_path / "state" / "serving" / "marts.duckdb"
    with running_dashboards(tmp_path / "state", DATA_PIPELINE_SOURCES_FILE=str(tmp_path / "none.yaml")) as address:
        open_dashboard(page, f"{address}/event_volume")
        expect(page.get_by_text("No data yet")).to_be_visible()
        expect(page.get_by_text("make demo")).to_be_visible()

        publish_marts(write_warehouse(tmp_path / "a.duckdb", {}), serving)
        open_dashboard(page, f"{address}/event_volume")
        expect(page.get_by_text("holds no events yet")).to_be_visible()

        for name, events in (("b", 4321), ("c", 8765)):
            freshness = [{"source": "web", "newest_occurred_at": None, "newest_hour_at": None}]
            rows = {"mart_event_volume": [volume(day, 9, "web", "page_view", events)], "mart_freshness": freshness}
            publish_marts(write_warehouse(tmp_path / f"{name}.duckdb", rows), serving)
            open_dashboard(page, f"{address}/event_volume")
            expect_number(page, "Events", f"{events:,}")

        holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(serving)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert holder.stdout is not None
        holder.stdout.readline()
        open_dashboard(page, f"{address}/event_volume")
        expect(page.get_by_text("The marts cannot be read now")).to_be_visible()
        expect(page.get_by_text(f"PID {holder.pid}")).to_be_visible()
        holder.communicate(b"\n")
        page.get_by_role("button", name="Try again").click()
        expect_number(page, "Events", "8,765")
        leave(page)


def test_a_wrong_setting_and_an_unreachable_warehouse_say_so(page: Page, tmp_path: Path) -> None:
    password = "s3cret-never-shown"
    redshift = {"DATA_PIPELINE_WAREHOUSE": "redshift", "DATA_PIPELINE_REDSHIFT_HOST": "127.0.0.1", "DATA_PIPELINE_REDSHIFT_PORT": "1"}
    with running_dashboards(
        tmp_path / "a", **redshift, DATA_PIPELINE_REDSHIFT_USER="u", DATA_PIPELINE_REDSHIFT_PASSWORD=password
    ) as address:
        open_dashboard(page, address)
        expect(page.get_by_text("Redshift at 127.0.0.1:1 cannot be reached")).to_be_visible()
        assert password not in page.content()
        leave(page)
    assert password not in (tmp_path / "a" / "dashboards.log").read_text()
    with running_dashboards(tmp_path / "b", DATA_PIPELINE_ENVIRONMENT="moon") as address:
        page.goto(address)
        expect(page.get_by_text("DATA_PIPELINE_ENVIRONMENT is 'moon'")).to_be_visible()
        leave(page)
