"""Signals: each fault is found by its check, named in full, and by no other check than those that it causes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from data_pipeline.common.windows import Hour, hours_of_day
from data_pipeline.operations.alerts.alert import Alert, Severity
from data_pipeline.operations.signals.checks import CHECKS, run_checks
from data_pipeline.operations.signals.facts import (
    BrokerFact,
    CostFact,
    DaemonFact,
    DiskFact,
    ExpiryFact,
    Facts,
    FindingFact,
    Limits,
    OutageFact,
    StaleFact,
)
from data_pipeline.settings import PROJECT_ROOT
from data_pipeline_tests.unit.operations.facts_of import DAY, H9, NOW, healthy, hour, lag, manifest, run

LIMITS = Limits()
GIB = 2**30


def red(facts: Facts) -> dict[str, list[Alert]]:
    return {result.kind: list(result.alerts) for result in run_checks(facts, LIMITS) if result.alerts}


def with_hour(changed: Any, at: Hour = H9) -> Facts:
    facts = healthy()
    return replace(facts, hours=tuple(changed if item.hour == at else item for item in facts.hours if item.hour != at or changed))


def _moved(n: int) -> Any:
    item = hour(H9)
    part = item.raw.details["partitions"][0]
    return replace(item, raw=replace(item.raw, details={"partitions": [{**part, "end": part["end"] + n}]}))


def _without(stage: str) -> Any:
    return replace(hour(H9), **{stage: None})


def _counts(stage: str, **counts: int) -> Any:
    item = hour(H9)
    found = getattr(item, stage)
    return replace(item, **{stage: replace(found, counts={**found.counts, **counts})})


def _lake(**counts: int) -> Any:
    return {("events", DAY): manifest("lake/events", 2370, {"rows_in": 2376, "rows_out": 2370, "duplicates": 5, "conflicts": 1, **counts})}


_EARLIER = {("events", DAY - timedelta(days=n)): manifest("lake/events", 1, {"rows_out": 1}, size=GIB) for n in range(1, 6)}
_GROWN = {**_EARLIER, ("events", DAY): manifest("lake/events", 1, {"rows_out": 1}, size=4 * GIB)}

FAULTS: dict[str, tuple[str, Facts, str]] = {
    "lag": ("kafka_lag", healthy(lags=(lag(lag_s=61.0, offsets_behind=7),)), "61 s behind Kafka, 7 offsets"),
    "retention": ("kafka_retention", healthy(lags=(lag(lag_s=50.0, offsets_behind=7, retention_left_s=3600.0),)), "in 1.0 h"),
    "loss": ("offsets_lost", healthy(lags=(lag(lost_offsets=12),)), "12 offsets from 1,000 on"),
    "kafka stopped": (
        "kafka_down",
        healthy(lags=(), brokers=None, outages=(OutageFact("kafka", "", "Kafka at x does not answer."),)),
        "not answer",
    ),
    "a broker of three": ("kafka_down", healthy(brokers=BrokerFact((1, 2, 3), (1, 3), 4, 32)), "2 of 3 brokers answer (missing: 2)"),
    "gap": ("ledger_broken", with_hour(_moved(-2)), "gap of 2 offsets"),
    "overlap": ("ledger_broken", with_hour(_moved(3)), "overlap of 3 offsets"),
    "raw equation": (
        "conservation_broken",
        with_hour(_counts("raw", control_or_gap_count=1)),
        "landed + control or gap = offsets: -1 rows",
    ),
    "staged equation": ("conservation_broken", with_hour(_counts("staged", rows_quarantined=2)), "+1 rows"),
    "raw landed again": ("conservation_broken", with_hour(_counts("staged", rows_in=99, rows_staged=98)), "rows read = landed: -1 rows"),
    "lake equation": ("conservation_broken", healthy(lake=_lake(duplicates=4)), "+1 rows"),
    "hole": ("hour_late", with_hour(replace(hour(H9), raw=None, staged=None, quarantine=None)), "not published 23.0 h after"),
    "not validated": ("hour_late", with_hour(_without("staged")), "not published"),
    "day not built": ("day_late", healthy(lake={}, materialized={}), "1 assets of the day are not built 9.0 h after its end"),
    "mart missing": ("day_late", healthy(materialized={"lake/events": {"2026-03-14": 10}, "marts/mart_revenue": {}}), "1 assets"),
    "mart behind the lake": (
        "mart_stale",
        healthy(materialized={"lake/events": {"2026-03-14": 25}, "marts/m": {"2026-03-14": 20}, "dashboards/d": {"2026-03-14": 30}}),
        "before the lake's present version",
    ),
    "late rows wait": ("mart_stale", healthy(stale=(StaleFact(DAY, "Hours changed.", NOW - timedelta(hours=5)),)), "rows wait for 5.0 h"),
    "run failed": ("run_failed", healthy(runs=(run("FAILURE", 5, error="Topic 'x' does not exist."),)), "Topic 'x' does not exist."),
    "run stuck": ("run_stuck", healthy(runs=(run("STARTED", 45),)), "STARTED without a word for 45 min"),
    "daemon": ("dagster_down", healthy(daemons=(DaemonFact("SENSOR", False, NOW - timedelta(minutes=5)),)), "SENSOR is silent"),
    "volume": (
        "volume_unusual",
        healthy(findings=(FindingFact("web", "2026-03-14T09", "volume", "rows", "error", "10", "100", "Few."),)),
        "10; Few.",
    ),
    "rule": (
        "quarantine_share",
        healthy(hours=tuple(hour(each, rejected=12) for each in hours_of_day(DAY))),
        "rejects 288 of 2,400 rows (12.0%)",
    ),
    "cost": ("cost_over_plan", healthy(cost=CostFact(2500.0, 2000.0, 10_000.0)), "2,500 USD a month at 10,000 events/s"),
    "disk": ("disk_full", healthy(disks=(DiskFact("/data", 5 * GIB, 100 * GIB),)), "5.0 GiB of 100.0 GiB free"),
    "growth": ("bucket_growth", healthy(lake=_GROWN), "4.0 GiB, usually 1.0 GiB"),
    "certificate": (
        "certificate_expiry",
        healthy(expiries=(ExpiryFact("certificate", "Kafka at b:1", NOW + timedelta(days=9)),)),
        "in 9.0 days",
    ),
    "credential": (
        "credential_expiry",
        healthy(expiries=(ExpiryFact("credential", "keys", NOW - timedelta(days=1)),)),
        "expired 1.0 days ago",
    ),
    "store": ("store_down", healthy(outages=(OutageFact("store", "", "S3 did not answer."),)), "S3 did not answer."),
    "warehouse": ("warehouse_down", healthy(outages=(OutageFact("warehouse", "", "Connection refused."),)), "Connection refused."),
}
_CONSEQUENCES = {"growth": {"day_late", "mart_stale"}}
"""The growth example has days that nothing was landed of."""


def test_a_healthy_deployment_is_green():
    results = run_checks(healthy(), LIMITS)
    assert [result.kind for result in results if not result.is_ok] == []
    assert [result.kind for result in results] == list(CHECKS)
    assert all(result.sentence for result in results)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_in_full_and_raises_nothing_else(name: str):
    kind, facts, words = FAULTS[name]
    found = red(facts)
    assert set(found) - _CONSEQUENCES.get(name, set()) == {kind}
    alert = found[kind][0]
    assert words in alert.observed
    assert alert.threshold
    assert alert.cause.endswith(".")
    assert alert.command
    assert alert.owner
    assert alert.since <= NOW
    text = "\n".join(alert.sentences())
    assert all(part in text for part in (alert.asset, alert.partition, alert.observed, alert.threshold, alert.runbook, alert.command))
    assert Alert.from_json(alert.to_json()) == alert


def test_every_check_is_shown_to_fire():
    assert {kind for kind, _, _ in FAULTS.values()} == set(CHECKS)


def test_every_alert_has_its_runbook_page_and_no_page_is_left_over():
    pages = {path.stem: path.read_text() for path in (PROJECT_ROOT / "docs" / "runbooks").glob("*.md") if path.stem != "README"}
    assert set(pages) == set(CHECKS)
    for kind, text in pages.items():
        assert f"Alert `{kind}`." in text
        assert all(f"## {part}" in text for part in ("What it means", "Look", "Repair", "If that does not help", "Afterwards"))
    index = (PROJECT_ROOT / "docs" / "runbooks" / "README.md").read_text()
    assert all(f"({kind}.md)" in index for kind in CHECKS)


def test_lag_is_red_only_above_its_limit_and_since_it_was():
    assert red(healthy(lags=(lag(lag_s=60.0, offsets_behind=1),))) == {}
    (alert,) = red(healthy(lags=(lag(lag_s=90.0, offsets_behind=1),)))["kafka_lag"]
    assert alert.since == NOW - timedelta(seconds=30)
    assert alert.partition == "web-3"
    assert alert.owner == "team:web"


def test_while_kafka_is_down_lag_is_unknown_not_green_and_one_group_holds_all():
    facts = healthy(lags=(), brokers=None, outages=(OutageFact("kafka", "", "Kafka does not answer."),))
    results = {result.kind: result for result in run_checks(facts, LIMITS)}
    assert not results["kafka_lag"].is_ok
    assert results["kafka_lag"].blind_on == ("kafka",)
    behind = healthy(lags=tuple(lag(partition=n, lag_s=99.0, offsets_behind=1) for n in range(96)), brokers=BrokerFact((1, 2), (1,), 0, 48))
    assert {alert.group for alerts in red(behind).values() for alert in alerts} == {"kafka"}


def test_a_scheduled_hour_is_missed_fifteen_minutes_after_its_end():
    today = datetime(2026, 3, 15, 9, 14, tzinfo=UTC)
    sources = {"web": replace(healthy().sources["web"], is_scheduled=True)}
    hours = (*healthy().hours, replace(hour(Hour.parse("2026-03-15T08")), raw=None, staged=None, quarantine=None))
    assert "hour_late" not in red(healthy(now=today, sources=sources, hours=hours))
    assert "hour_late" in red(healthy(now=today + timedelta(minutes=2), sources=sources, hours=hours))
    assert "hour_late" not in red(healthy(now=today + timedelta(hours=5), hours=hours)), "nobody asked for it, and nothing waits in Kafka"
    waiting = (lag(lag_s=3600.0, offsets_behind=5),)
    assert "hour_late" in red(healthy(now=today + timedelta(minutes=2), hours=hours, lags=waiting))


def test_a_failure_is_settled_by_a_later_success_or_a_retry_at_work():
    failed = run("FAILURE", 50)
    assert "run_failed" not in red(healthy(runs=(failed, run("SUCCESS", 5, run_id="r2", root_id="r2"))))
    assert "run_failed" not in red(healthy(runs=(failed, run("STARTED", 5, run_id="r2", target="other"))))
    assert "run_failed" not in red(healthy(runs=(replace(failed, will_retry=True),)))
    assert "run_failed" in red(healthy(runs=(failed, run("SUCCESS", 90, run_id="r0", root_id="r0"))))
    assert "run_failed" in red(healthy(runs=(failed, run("SUCCESS", 5, run_id="r2", root_id="r2", target="2026-03-13"))))


def test_days_before_the_first_landed_one_are_no_broken_promise():
    early = StaleFact(date(2026, 3, 1), "never built", NOW - timedelta(days=1))
    assert red(healthy(stale=(early,))) == {}


def test_what_can_wait_is_a_ticket():
    kinds = {kind: alerts[0].severity for kind, alerts in ((k, red(f)[k]) for k, f, _ in FAULTS.values())}
    tickets = {"run_failed", "volume_unusual", "quarantine_share", "cost_over_plan", "disk_full", "bucket_growth", "certificate_expiry"}
    assert {kind for kind, severity in kinds.items() if severity is Severity.TICKET} == tickets
