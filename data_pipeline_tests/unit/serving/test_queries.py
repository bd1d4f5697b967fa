"""Every query against marts whose rows are written here, with results worked out by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from data_pipeline.serving.duckdb_reader import DuckDbMartReader
from data_pipeline.serving.filters import Extent, Filters, preset_range
from data_pipeline.serving.publish import publish_marts
from data_pipeline.serving.queries import commerce, growth, quality, traffic, trust
from data_pipeline.serving.reader import Query
from data_pipeline_tests.unit.serving.mart_rows import active, arrival, funnel, revenue, volume, write_warehouse

SAT, SUN, MON = date(2026, 3, 14), date(2026, 3, 15), date(2026, 3, 16)
ALL = ("ios", "server", "web")
EVERYTHING = Filters(SAT, MON, (), ALL)
WEB_SATURDAY = Filters(SAT, SAT, ("web",), ALL)


def cohort(week: date, source: str, since: int, size: int, kept: int, complete: bool) -> dict[str, object]:
    return {
        "cohort_week": week,
        "source": source,
        "weeks_since_first": since,
        "active_week": week,
        "cohort_visitor_count": size,
        "active_visitor_count": kept,
        "is_complete_week": complete,
    }


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> DuckDbMartReader:
    folder: Path = tmp_path_factory.mktemp("marts")
    rows = {
        "mart_event_volume": [
            volume(SAT, 9, "web", "page_view", 10, late_event_count=2, delivery_s_sum=100, conflict_count=1),
            volume(SAT, 10, "web", "page_view", 5),
            volume(SUN, 9, "ios", "screen_view", 7),
            volume(MON, 9, "web", "search", 1),
        ],
        "mart_active_users": [active(SAT, "|web|", 3), active(SAT, "|ios|web|", 2), active(SAT, "|ios|", 4), active(SUN, "|ios|", 1)],
        "mart_retention_cohorts": [
            cohort(date(2026, 3, 9), "web", 0, 40, 40, True),
            cohort(date(2026, 3, 9), "web", 1, 40, 8, False),
            cohort(date(2026, 3, 9), "ios", 0, 10, 10, True),
            cohort(date(2026, 3, 9), "ios", 1, 10, 4, False),
            cohort(date(2026, 3, 2), "web", 0, 99, 99, True),
        ],
        "mart_funnel": [funnel(SAT, "web", 100, 90, 30, 12, 6), funnel(SUN, "web", 10, 10, 0, 0, 0), funnel(SUN, "ios", 50, 40, 4, 2, 1)],
        "mart_revenue": [
            revenue(SAT, "web", "EUR", 3, "100.1001", 1, "20.05"),
            revenue(SUN, "web", "EUR", 1, "0.2"),
            revenue(SAT, "web", "GBP", 2, "7.5"),
        ],
        "mart_data_quality": [
            arrival(SAT, 9, "web", 100, 5, control=3),
            arrival(SAT, 10, "web", 10, 0, landing_difference=-2),
            arrival(SUN, 9, "ios", 50, 1, landing_difference=2),
        ],
        "mart_freshness": [{"source": "web", "newest_occurred_at": None}, {"source": "ios", "newest_occurred_at": None}],
    }
    publish_marts(write_warehouse(folder / "analytics.duckdb", rows), folder / "marts.duckdb")
    return DuckDbMartReader(folder / "marts.duckdb")


def ask(reader: DuckDbMartReader, query: Query) -> list[tuple[object, ...]]:
    with reader.snapshot() as marts:
        return marts.fetch(query).rows()


def test_events(reader: DuckDbMartReader) -> None:
    assert ask(reader, traffic.events_by_day(EVERYTHING)) == [
        (SAT, "web", 15, 2, 1, 100),
        (SUN, "ios", 7, 0, 0, 0),
        (MON, "web", 1, 0, 0, 0),
    ]
    assert ask(reader, traffic.events_by_type(WEB_SATURDAY)) == [("page_view", 15)]
    assert [row[2] for row in ask(reader, traffic.events_by_hour(WEB_SATURDAY))] == [10, 5]


def test_a_visitor_of_two_sources_counts_once(reader: DuckDbMartReader) -> None:
    def visitors(*sources: str) -> object:
        return ask(reader, traffic.active_by_day(Filters(SAT, SAT, sources, ALL)))[0][1]

    assert visitors() == 9
    assert visitors("web") == 5
    assert visitors("ios") == 6
    assert visitors("ios", "web") == 9
    by_source = ask(reader, traffic.active_by_day_and_source(Filters(SAT, SAT, ("ios", "web"), ALL)))
    assert by_source == [(SAT, "ios", 6), (SAT, "web", 5)]


def test_a_cohort_is_in_the_range_where_any_of_its_days_is(reader: DuckDbMartReader) -> None:
    def rates(filters: Filters) -> list[tuple[object, ...]]:
        return [(row[0], row[1], row[3], row[4], row[5]) for row in ask(reader, growth.cohorts(filters))]

    week = date(2026, 3, 9)
    assert rates(EVERYTHING) == [(week, 0, 50, 50, 1.0), (week, 1, 50, 12, 0.24)]
    assert rates(Filters(SUN, SUN, ("ios",), ALL)) == [(week, 0, 10, 10, 1.0), (week, 1, 10, 4, 0.4)]
    assert rates(Filters(MON, MON, (), ALL)) == []
    assert len(rates(Filters(date(2026, 3, 8), SAT, (), ALL))) == 3


def test_funnel(reader: DuckDbMartReader) -> None:
    assert ask(reader, growth.funnel(EVERYTHING)) == [("ios", 50, 40, 4, 2, 1), ("web", 110, 100, 30, 12, 6)]


def test_currencies_stay_apart_and_amounts_exact(reader: DuckDbMartReader) -> None:
    rows = ask(reader, commerce.revenue_by_currency(EVERYTHING))
    assert [(row[0], row[1], row[8], row[9], row[10]) for row in rows] == [
        ("EUR", 4, Decimal("100.3001"), Decimal("20.0500"), Decimal("80.2501")),
        ("GBP", 2, Decimal("7.5000"), Decimal("0.0000"), Decimal("7.5000")),
    ]
    assert [row[0] for row in ask(reader, commerce.revenue_by_day(EVERYTHING, "GBP"))] == [SAT]


def test_differences_of_opposite_sign_do_not_cancel(reader: DuckDbMartReader) -> None:
    assert sum(int(str(row[9])) for row in ask(reader, quality.equations(EVERYTHING))) == 4
    assert len(ask(reader, quality.broken_hours(EVERYTHING))) == 2
    assert ask(reader, trust.arrivals(EVERYTHING)) == [(160, 154, 6)]
    assert ask(reader, trust.arrivals(WEB_SATURDAY)) == [(110, 105, 5)]


def test_values_are_bound_never_pasted(reader: DuckDbMartReader) -> None:
    evil = Filters(SAT, MON, ("web' or '1'='1",), ALL)
    assert ask(reader, traffic.events_by_day(evil)) == []
    assert ask(reader, commerce.revenue_by_day(EVERYTHING, "EUR' or 'a'='a")) == []
    with pytest.raises(ValueError, match="not counted by 'source; drop"):
        traffic.sessions_by(EVERYTHING, "source; drop table x")


def test_extent_and_presets(reader: DuckDbMartReader) -> None:
    assert ask(reader, trust.extent()) == [(SAT, MON)]
    extent = Extent(date(2026, 1, 1), MON, ALL)
    assert preset_range(extent, "7 days") == (date(2026, 3, 10), MON)
    assert preset_range(extent, "All") == (date(2026, 1, 1), MON)
    assert preset_range(Extent(SAT, MON, ALL), "28 days") == (SAT, MON)
