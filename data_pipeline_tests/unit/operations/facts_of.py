"""Facts of a healthy deployment, and small changes to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from data_pipeline.common.manifest import Entry, Manifest
from data_pipeline.common.windows import Hour, hours_of_day
from data_pipeline.operations.manifests import HourManifests
from data_pipeline.operations.signals.facts import BrokerFact, DaemonFact, Facts, LagFact, RunFact, SourceFact

DAY = date(2026, 3, 14)
NOW = datetime(2026, 3, 15, 9, 0, tzinfo=UTC)
H9 = Hour.parse("2026-03-14T09")


def manifest(stage: str, rows: int, counts: dict[str, int], details: dict[str, Any] | None = None, size: int = 1000) -> Manifest:
    entries = [Entry(f"{stage}/x.parquet", size, rows, "0")] if rows else []
    return Manifest(stage, {}, entries, counts, details or {}, "test")


def hour(hour: Hour, source: str = "web", rows: int = 100, rejected: int = 1) -> HourManifests:
    n = (hour.start - hours_of_day(DAY)[0].start) // timedelta(hours=1)
    ranges = [{"partition": 0, "start": n * rows, "end": (n + 1) * rows}]
    raw = manifest("raw", rows, {"offset_count": rows, "landed_count": rows, "control_or_gap_count": 0}, {"partitions": ranges})
    counts = {"rows_in": rows, "rows_staged": rows - rejected, "rows_quarantined": rejected}
    staged = manifest("staged", rows - rejected, counts)
    quarantine = manifest("quarantine", rejected, {"rows_quarantined": rejected}, {"by_rule": {"json": rejected}})
    return HourManifests(source, hour, raw, staged, quarantine)


def lag(**changes: Any) -> LagFact:
    return replace(LagFact("web", "product-events.web", 3, 1000, 0, 0, 0.0, 10.0, None), **changes)


def run(status: str, minutes_ago: float, **changes: Any) -> RunFact:
    at = NOW - timedelta(minutes=minutes_ago)
    return replace(RunFact("r1", "build_day", "2026-03-14", "r1", status, at, at), **changes)


def healthy(**changes: Any) -> Facts:
    """A day of one source, whole, and built."""
    events = manifest("lake/events", 2370, {"rows_in": 2376, "rows_out": 2370, "duplicates": 5, "conflicts": 1})
    facts = Facts(
        NOW,
        {"web": SourceFact("web", "product-events.web", "events", "team:web", False, hours_of_day(DAY)[0].start)},
        lags=(lag(),),
        brokers=BrokerFact((1, 2, 3), (1, 2, 3), 0, 0),
        hours=tuple(hour(each) for each in hours_of_day(DAY)),
        lake={("events", DAY): events},
        materialized={
            "lake/events": {"2026-03-14": 10},
            "marts/mart_revenue": {"2026-03-14": 20},
            "dashboards/revenue": {"2026-03-14": 30},
        },
        runs=(run("SUCCESS", 60),),
        daemons=(DaemonFact("SENSOR", True, NOW),),
    )
    return replace(facts, **changes)
