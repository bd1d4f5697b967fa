"""All checks of a deployment, in the order in which causes come before what follows from them.

Belongs here: the list, and running it. Does not: any one signal.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from data_pipeline.operations.alerts.alert import Alert
from data_pipeline.operations.signals import kafka, partitions, quality, resources, runs
from data_pipeline.operations.signals.facts import Facts, Limits

Signal = Callable[[Facts, Limits], list[Alert]]


@dataclass(frozen=True)
class Check:
    """One signal.

    Attributes:
        kind: name of its alerts, and of its runbook page.
        signal: the function.
        looks_at: services without which it cannot be judged: `kafka`, `store`, `dagster`.
        tells: the sentence about a deployment where all is well.
    """

    kind: str
    signal: Signal
    looks_at: tuple[str, ...]
    tells: Callable[[Facts, Limits], str]


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    Attributes:
        kind: the check.
        alerts: what is wrong; none where all is well.
        blind_on: services that did not answer, so that nothing can be said.
        sentence: how it stands, in one sentence.
    """

    kind: str
    alerts: tuple[Alert, ...]
    blind_on: tuple[str, ...]
    sentence: str

    @property
    def is_ok(self) -> bool:
        """Whether it was looked at, and all is well."""
        return not self.alerts and not self.blind_on


def run_checks(facts: Facts, limits: Limits, kinds: Collection[str] = ()) -> list[CheckResult]:
    """The checks named, or else every one, over the same facts.

    One that cannot look says so; it is neither green nor an alert of its own.
    """
    results = []
    for check in CHECKS.values():
        if kinds and check.kind not in kinds:
            continue
        blind = tuple(service for service in check.looks_at if facts.is_down(service))
        alerts = tuple(check.signal(facts, limits))
        if alerts:
            sentence = alerts[0].title if len(alerts) == 1 else f"{alerts[0].title}, and {len(alerts) - 1} more"
        elif blind:
            sentence = f"cannot be judged while {' and '.join(blind)} does not answer"
        else:
            sentence = check.tells(facts, limits)
        results.append(CheckResult(check.kind, alerts, blind, sentence))
    return results


def _lag(facts: Facts, limits: Limits) -> str:
    slowest = max((lag.lag_s or 0.0 for lag in facts.lags), default=0.0)
    return f"{len(facts.lags)} partitions, the slowest {slowest:,.1f} s behind (limit {limits.lag_s:g} s)"


def _retention(facts: Facts, limits: Limits) -> str:
    left = [lag.retention_left_s for lag in facts.lags if lag.retention_left_s is not None and lag.offsets_behind]
    return f"{min(left) / 3600:,.1f} h until retention would delete what has not landed" if left else "nothing that waits can be deleted"


def _hours(facts: Facts, limits: Limits) -> str:
    return f"{sum(item.raw is not None for item in facts.hours)} hours are published, none is missing past its deadline"


def _marts(facts: Facts, limits: Limits) -> str:
    early = partitions.waiting_days_before_the_first(facts)
    note = f"; {len(early)} days from before the first landed hour have late rows and are not built by themselves" if early else ""
    marts = sum(asset.startswith(partitions.PUBLISHED_LAST) for asset in facts.materialized)
    return (
        f"{marts} marts and dashboards hold all that arrived longer than {limits.event_to_dashboard.total_seconds() / 3600:g} h ago{note}"
    )


def _runs(facts: Facts, limits: Limits) -> str:
    return f"{len(facts.runs)} runs of the last day, none failed without a later success"


def _volume(facts: Facts, limits: Limits) -> str:
    return "no hour is out of its history" if facts.hours else "nothing was validated yet"


def _cost(facts: Facts, limits: Limits) -> str:
    cost = facts.cost
    if cost is None:
        return "no plan is set (DATA_PIPELINE_COST_PLAN_USD)"
    return f"{cost.usd_a_month:,.0f} of {cost.plan_usd:,.0f} USD a month"


def _disks(facts: Facts, limits: Limits) -> str:
    return ", ".join(f"{disk.path} has {disk.free_bytes / disk.total_bytes:.0%} free" for disk in facts.disks) or "no disk of our own"


def _expiries(what: str) -> Callable[[Facts, Limits], str]:
    def tell(facts: Facts, limits: Limits) -> str:
        found = [expiry for expiry in facts.expiries if expiry.what == what]
        first = min(found, key=lambda expiry: expiry.expires_at, default=None)
        return f"{first.name} is the first to expire, on {first.expires_at:%Y-%m-%d}" if first else f"no {what} in use expires"

    return tell


def _says(sentence: str) -> Callable[[Facts, Limits], str]:
    return lambda facts, limits: sentence


_ALL = (
    Check("kafka_down", kafka.kafka_down, (), _says("every broker and topic answers")),
    Check("store_down", resources.store_down, (), _says("the bucket answers")),
    Check("warehouse_down", resources.warehouse_down, (), _says("the warehouse answers")),
    Check("dagster_down", runs.dagster_down, (), _says("every daemon gives a sign of life")),
    Check("kafka_lag", kafka.kafka_lag, ("kafka", "store"), _lag),
    Check("kafka_retention", kafka.kafka_retention, ("kafka", "store"), _retention),
    Check("offsets_lost", kafka.offsets_lost, ("kafka", "store"), _says("Kafka still has all that has not landed")),
    Check("ledger_broken", partitions.ledger_broken, ("store",), _says("neighbouring hours share their boundaries")),
    Check("conservation_broken", partitions.conservation_broken, ("store",), _says("every equation of every partition holds")),
    Check("hour_late", partitions.hour_late, ("store",), _hours),
    Check("day_late", partitions.day_late, ("store", "dagster"), _says("every day is built by its deadline")),
    Check("mart_stale", partitions.mart_stale, ("store", "dagster"), _marts),
    Check("run_failed", runs.run_failed, ("dagster",), _runs),
    Check("run_stuck", runs.run_stuck, ("dagster",), _says("no run is silent")),
    Check("volume_unusual", quality.volume_unusual, ("store",), _volume),
    Check("quarantine_share", quality.quarantine_share, ("store",), _says("no rule rejects more than it may")),
    Check("cost_over_plan", resources.cost_over_plan, ("store",), _cost),
    Check("disk_full", resources.disk_full, (), _disks),
    Check("bucket_growth", resources.bucket_growth, ("store",), _says("no day takes much more than those before")),
    Check("certificate_expiry", resources.certificate_expiry, (), _expiries("certificate")),
    Check("credential_expiry", resources.credential_expiry, (), _expiries("credential")),
)
CHECKS: Mapping[str, Check] = {check.kind: check for check in _ALL}
