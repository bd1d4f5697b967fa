"""Facts of the bucket: hours, days, findings, stale days, cost.

Belongs here: reading manifests and profiles. Does not: thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from data_pipeline.common.manifest import Manifest
from data_pipeline.common.windows import Hour, hours_between, midnight
from data_pipeline.contracts.tables import WAREHOUSE_TABLES
from data_pipeline.landing.ledger import Ledger
from data_pipeline.operations.cost.model import Plan, monthly_cost
from data_pipeline.operations.cost.prices import load_prices
from data_pipeline.operations.cost.workload import load_workload
from data_pipeline.operations.manifests import HourManifests, read_hours, read_lake_days
from data_pipeline.operations.retention.rules import load_rules
from data_pipeline.operations.signals.facts import CostFact, FindingFact, StaleFact
from data_pipeline.orchestration.platform import Dataset, Platform
from data_pipeline.transforms import stale_days
from data_pipeline.transforms.staged_hours import LOOKBACK_DAYS, StagedHours
from data_pipeline.validation.history import Window, settle
from data_pipeline.validation.history.store import read_acceptances, read_findings

HOURS_BACK = 72
DAYS_BACK = 8
_FINDINGS_BACK = timedelta(hours=26)
_THREADS = 16


@dataclass(frozen=True)
class StoreFacts:
    """What the bucket tells."""

    first_hours: Mapping[str, datetime]
    hours: tuple[HourManifests, ...]
    lake: Mapping[tuple[str, date], Manifest]
    stale: tuple[StaleFact, ...]
    findings: tuple[FindingFact, ...]
    cost: CostFact | None


def gather_store(platform: Platform, now: datetime) -> StoreFacts:
    """Read the bucket; raises PipelineError where it does not answer."""
    store = platform.store
    first_hours = {}
    for source in platform.sources.values():
        instants = Ledger(store, source.topic).instants()
        if instants:
            first_hours[source.name] = instants[0]
    last = Hour.containing(now)
    begin = max([now - timedelta(hours=HOURS_BACK), *([min(first_hours.values())] if first_hours else [])])
    hours = read_hours(store, platform.sources, list(hours_between(Hour.containing(begin), last))) if first_hours else []
    days = [now.date() - timedelta(days=n) for n in range(DAYS_BACK)]
    product = platform.product_events
    return StoreFacts(
        first_hours,
        tuple(hours),
        read_lake_days(store, [table.name for table in WAREHOUSE_TABLES], days),
        tuple(_stale(platform, product, now)) if product and first_hours else (),
        tuple(_findings(platform, hours, now)),
        _cost(platform, hours, now),
    )


def _stale(platform: Platform, dataset: Dataset, now: datetime) -> list[StaleFact]:
    days = [now.date() - timedelta(days=n) for n in range(LOOKBACK_DAYS + 1)]
    staged = StagedHours(platform.store, dataset.source_names, now)
    found = []
    built = read_lake_days(platform.store, ["events"], days)
    for stale in stale_days(platform.store, dataset.source_names, days, staged):
        manifest = built.get(("events", stale.day))
        known = dict(manifest.details.get("inputs", {})) if manifest else {}
        new = [hour for hour in staged.holding([stale.day]) if known.get(hour.key) != hour.sha256]
        oldest = min((hour.hour.start for hour in new), default=midnight(stale.day))
        found.append(StaleFact(stale.day, stale.reason, oldest))
    return found


def _findings(platform: Platform, hours: list[HourManifests], now: datetime) -> list[FindingFact]:
    recent = [item for item in hours if item.staged is not None and item.hour.end > now - _FINDINGS_BACK]

    def read(item: HourManifests) -> list[FindingFact]:
        window = Window.parse(str(item.hour))
        findings = read_findings(platform.store, item.source, window)
        if not findings:
            return []
        settled = settle(findings, read_acceptances(platform.store, item.source, window))
        return [
            FindingFact(item.source, str(item.hour), f.check, f.field, str(f.severity), f.observed, f.expected, f.message) for f in settled
        ]

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="findings") as pool:
        return [finding for found in pool.map(read, recent) for finding in found]


def _cost(platform: Platform, hours: list[HourManifests], now: datetime) -> CostFact | None:
    """The model at the rate of the last 24 hours that are landed for every source."""
    plan_usd = platform.settings.cost_plan_usd
    if plan_usd is None:
        return None
    landed: dict[Hour, list[HourManifests]] = {}
    for item in hours:
        if item.raw is not None:
            landed.setdefault(item.hour, []).append(item)
    whole = sorted(hour for hour, items in landed.items() if len(items) == len(platform.sources))[-24:]
    rows = sum(item.raw.row_count for hour in whole for item in landed[hour] if item.raw is not None)
    if not rows:
        return None
    rate = rows / len(whole) / 3600
    return CostFact(monthly_cost(Plan(load_workload(rate), load_rules()), load_prices()).usd, plan_usd, rate)
