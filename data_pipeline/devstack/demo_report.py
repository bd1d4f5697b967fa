"""The demo's report: every equation of the day, and the marts against what the sender counted.

Belongs here: gathering and comparing numbers. Does not: printing them (`commands/demo.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from data_pipeline.common.layout import hour_prefix, lake_prefix
from data_pipeline.common.manifest import require_manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.common.windows import hours_of_day
from data_pipeline.devstack.demo_events import SentEvents


@dataclass(frozen=True)
class HourProof:
    """One hour of one source: landed = end − start of the offsets, less control records and gaps."""

    source: str
    hour: str
    offsets: int
    landed: int
    control_or_gap: int
    sent: int
    staged: int
    quarantined: int

    @property
    def is_exact(self) -> bool:
        """Whether every equation of the hour holds, the sender's count included."""
        return self.landed + self.control_or_gap == self.offsets and self.landed == self.sent == self.staged + self.quarantined


@dataclass(frozen=True)
class Comparison:
    """One number that two independent counts must agree on.

    Attributes:
        what: the number's name.
        ours: as the platform has it.
        expected: as the sender counted it.
        group: numbers of one group are shown as one line while they agree.
    """

    what: str
    ours: int | Decimal
    expected: int | Decimal
    group: str = ""

    @property
    def is_equal(self) -> bool:
        """Whether they do."""
        return self.ours == self.expected


@dataclass(frozen=True)
class DemoReport:
    """All that the demo shows of its day."""

    day: date
    hours: Sequence[HourProof]
    comparisons: Sequence[Comparison]
    by_rule: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_exact(self) -> bool:
        """Whether everything holds."""
        return all(hour.is_exact for hour in self.hours) and all(item.is_equal for item in self.comparisons)


def build_report(sent: SentEvents, sources: Sequence[str], store: ObjectStore, warehouse_path: Path) -> DemoReport:
    """Read the manifests and the marts of the day and hold them against the sender's counts."""
    hours = [_hour(sent, source, hour, store) for source in sources for hour in hours_of_day(sent.day)]
    by_rule: dict[str, int] = {}
    for source in sources:
        for hour in hours_of_day(sent.day):
            details = require_manifest(store, hour_prefix("quarantine", source, hour), "quarantine/events").details
            for rule, rows in details["by_rule"].items():
                by_rule[rule] = by_rule.get(rule, 0) + rows
    comparisons = [*_rules(sent, by_rule), *_lake(sent, store), *_marts(sent, warehouse_path)]
    return DemoReport(sent.day, hours, comparisons, dict(sorted(by_rule.items())))


def _hour(sent: SentEvents, source: str, hour: Any, store: ObjectStore) -> HourProof:
    raw = require_manifest(store, hour_prefix("raw", source, hour), "raw/events").counts
    staged = require_manifest(store, hour_prefix("staged", source, hour), "staged/events").counts
    arrivals = {(item["source"], item["hour"]): item["records"] for item in sent.totals["arrivals"]}
    return HourProof(
        source=source,
        hour=str(hour),
        offsets=raw["offset_count"],
        landed=raw["landed_count"],
        control_or_gap=raw["control_or_gap_count"],
        sent=arrivals.get((source, str(hour)), 0),
        staged=staged["rows_staged"],
        quarantined=staged["rows_quarantined"],
    )


def _rules(sent: SentEvents, by_rule: Mapping[str, int]) -> list[Comparison]:
    expected: dict[str, int] = {}
    for rules in sent.totals["rules"].values():
        for rule, rows in rules.items():
            expected[rule] = expected.get(rule, 0) + rows
    return [
        Comparison(f"quarantined by rule {rule}", by_rule.get(rule, 0), expected.get(rule, 0)) for rule in sorted({*by_rule, *expected})
    ]


def _lake(sent: SentEvents, store: ObjectStore) -> list[Comparison]:
    counts = require_manifest(store, lake_prefix("events", sent.day), "lake/events").counts
    accounted = counts["rows_out"] + counts["duplicates"] + counts["conflicts"]
    return [Comparison("events + duplicates + conflicts = staged rows of the day", accounted, counts["rows_in"])]


def _marts(sent: SentEvents, warehouse_path: Path) -> list[Comparison]:
    day = sent.day.isoformat()
    comparisons = []
    with duckdb.connect(str(warehouse_path), read_only=True) as connection:
        events = dict(
            connection.execute(
                "select source, sum(event_count) from marts.mart_event_volume where event_date = ? group by 1", [day]
            ).fetchall()
        )
        revenue = connection.execute(
            "select source, currency, order_count, order_amount, refund_count, refund_amount"
            " from marts.mart_revenue where revenue_date = ?",
            [day],
        ).fetchall()
    for source in sorted(sent.totals["by_source"]):
        expected = sum(item["events"] for item in sent.totals["events"] if item["date"] == day and item["source"] == source)
        comparisons.append(Comparison(f"events of {source} in mart_event_volume", int(events.get(source, 0)), expected))
    found: dict[tuple[str, str, str], tuple[int, Decimal]] = {}
    for source, currency, order_count, order_amount, refund_count, refund_amount in revenue:
        found["purchase", source, currency] = (int(order_count), Decimal(order_amount))
        found["refund", source, currency] = (int(refund_count), Decimal(refund_amount))
    wanted = {
        (item["event_type"], item["source"], item["currency"]): (item["orders"], Decimal(item["amount"]))
        for item in sent.totals["orders"]
        if item["date"] == day
    }
    for key in sorted({*found, *wanted}):
        ours, expected_pair = found.get(key, (0, Decimal(0))), wanted.get(key, (0, Decimal(0)))
        name, group = f"{key[0]}s of {key[1]} in {key[2]}", f"{key[0]}s of {key[1]} in mart_revenue"
        comparisons.append(Comparison(f"{name}, count in mart_revenue", ours[0], expected_pair[0], group))
        comparisons.append(Comparison(f"{name}, amount in mart_revenue", ours[1], expected_pair[1], group))
    return comparisons
