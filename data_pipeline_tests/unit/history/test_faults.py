"""Faults put into clean days are found and named, and clean days stay quiet.

A reduced round of what `python -m benchmarks.findings` measures: some of the faults of each family, one world of
visits and one of single events.
"""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from data_pipeline.devstack.faults import kit
from data_pipeline.devstack.faults.catalogue import faults
from data_pipeline.validation.history import ProfileHistory, Severity, Window, build_profile, find_in_window
from data_pipeline.validation.history.judge_orders import judge_orders
from data_pipeline_tests.unit.history.synthesis import World, staged

FIRST = datetime(2026, 3, 2, tzinfo=UTC)
HISTORY, CLEAN = 10, 3
WORLDS = {
    "web": World("web", 1500, seed=21),
    "server": World("server", 900, has_sessions=False, seed=22),
    "android": World("android", 1200, has_sessions=False, weekend=0.6, noise=0.06, seed=23),
}
SURE = {
    "web": (
        "null context.country", "null page.title", "campaign gone", "null country in one os", "lose a context.country", "new country",
        "os other", "campaign source upper", "flood context.country with 'US'", "flood context.user_agent with ''",
        "flood user_id with '0'", "flood page.url with 'https://store.test/'", "duration in s", "duration in us", "duration capped",
        "duration tail", "carts in cents", "occurred 1 h early", "occurred 8 h early", "both clocks 2 h early", "minutes only",
        "occurred constant", "sent is occurred", "page.title: cut at 10", "page.title: ASCII", "search.query: plus for space",
        "user and anonymous swapped", "users shuffled", "one visitor for all", "source and medium swapped", "locale shuffled",
        "os shuffled", "titles shuffled", "rows lost", "all after noon lost", "checkouts lost", "re-sent", "sent under new ids",
        "conflicts", "earlier batch", "earlier batch under new ids", "burst of an agent", "bought twice",
    ),
    "server": (
        "orders in cents", "orders in thousands", "tax gone", "discount everywhere", "quantity x10", "prices of float noise",
        "flood order.items.name with 'null'", "order.items.product_id: prefix", "bought twice", "refund of too much",
        "refund in another currency", "currency EUR to USD", "purchases lost", "user prefix",
    ),
    "android": (
        "null locale in one version", "new version", "lose a context.app_version", "screen translated", "views lost", "days late",
        "one minute", "uuid visitors", "device tablet",
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=sorted(WORLDS))
def world(request):
    return WORLDS[request.param]


@pytest.fixture(scope="module")
def days(world):
    """Events, staged rows, profile and orders of each day."""
    made = []
    for n in range(HISTORY + CLEAN):
        day = FIRST + timedelta(days=n)
        events = world.day(day)
        made.append((events, *build_profile(world.source, f"{day:%Y-%m-%d}", staged(events))))
    return made


def history_of(world, days, n):
    return ProfileHistory(world.source, days[n][1].window, [profile for _, profile, _ in days[n - HISTORY : n]])


def loud(findings):
    return [finding for finding in findings if finding.severity is not Severity.INFO]


def test_clean_days_are_quiet(world, days):
    for n in range(HISTORY, HISTORY + CLEAN):
        assert loud(find_in_window(days[n][1], history_of(world, days, n))) == []
        assert judge_orders(days[n][2], pl.concat([orders for _, _, orders in days[:n]])) == []


def test_faults_are_found_and_named(world, days):
    events, earlier = days[HISTORY][0], days[HISTORY - 1][0]
    history = history_of(world, days, HISTORY)
    seen = pl.concat([orders for _, _, orders in days[:HISTORY]])
    missed, cases = [], 0
    for fault in faults():
        if fault.name not in SURE[world.source]:
            continue
        share = fault.shares[min(1, len(fault.shares) - 1)]
        faulty = sorted(fault.apply(random.Random(fault.name), events, earlier, share), key=lambda event: event[kit.RECEIVED])
        profile, orders = build_profile(world.source, str(history.window), staged(faulty))
        found = loud([*find_in_window(profile, history), *judge_orders(orders, seen)])
        cases += 1
        if not found or (fault.fields and not {finding.field for finding in found} & set(fault.fields)):
            missed.append((fault.name, share, [(finding.check, finding.field) for finding in found]))
    assert cases >= len(SURE[world.source]) - 1
    assert len(missed) <= 0.05 * cases, missed


def test_an_empty_window_is_an_error(world, days):
    history = history_of(world, days, HISTORY)
    empty, _ = build_profile(world.source, str(history.window), staged([]))
    assert [(f.check, f.field, f.severity) for f in find_in_window(empty, history)] == [("volume", "rows", Severity.ERROR)]


def test_rejected_rows_above_the_usual_are_found(world, days):
    events, profile, _ = days[HISTORY]
    rejected = [["schema"]] * (len(events) // 20)
    faulty, _ = build_profile(world.source, str(profile.window), staged(events), rejected)
    found = loud(find_in_window(faulty, history_of(world, days, HISTORY)))
    assert [(finding.check, finding.field) for finding in found] == [("quarantine_rate", "rows")]


def test_an_unknown_field_is_reported_by_name(world, days):
    events, profile, _ = days[HISTORY]
    faulty, _ = build_profile(world.source, str(profile.window), staged(events), (), {"context.plan": 40})
    found = loud(find_in_window(faulty, history_of(world, days, HISTORY)))
    assert [(finding.check, finding.field) for finding in found] == [("unknown_field", "context.plan")]


def test_known_unknown_fields_are_quiet(world, days):
    known = [
        replace(p, cells=build_profile(world.source, str(p.window), staged(e), (), {"experiment": 30})[0].cells) for e, p, _ in days[:6]
    ]
    faulty, _ = build_profile(world.source, "2026-03-09", staged(days[7][0]), (), {"experiment": 33})
    findings = find_in_window(faulty, ProfileHistory(world.source, Window.parse("2026-03-09"), known))
    assert [f.severity for f in findings if f.field == "experiment"] == [Severity.INFO]
