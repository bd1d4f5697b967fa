"""Signals of what the platform stands on: money, disks, the bucket, certificates, credentials, services.

Belongs here: these. Does not: prices (`cost/`).
"""

from __future__ import annotations

import statistics
from collections import Counter
from datetime import date, datetime, timedelta

from data_pipeline.common.windows import midnight
from data_pipeline.operations.alerts.alert import Alert, Severity
from data_pipeline.operations.signals.facts import PLATFORM_OWNER, Facts, Limits

_FEWEST_DAYS = 3


def cost_over_plan(facts: Facts, limits: Limits) -> list[Alert]:
    """A month at the present rate costs more than planned."""
    cost = facts.cost
    if cost is None or cost.usd_a_month <= cost.plan_usd:
        return []
    return [
        _alert(
            "cost_over_plan",
            "platform",
            f"{cost.usd_a_month:,.0f} USD a month at {cost.events_per_s:,.0f} events/s",
            f"{cost.plan_usd:,.0f} USD",
            facts.now,
            "More events arrive than were planned for, or stages keep more than their rules say.",
            f"data-pipeline cost --events-per-second {cost.events_per_s:.0f}",
            Severity.TICKET,
            cost.usd_a_month,
        )
    ]


def disk_full(facts: Facts, limits: Limits) -> list[Alert]:
    """A file system is nearly full."""
    return [
        _alert(
            "disk_full",
            disk.path,
            f"{disk.free_bytes / 2**30:,.1f} GiB of {disk.total_bytes / 2**30:,.1f} GiB free",
            f"{limits.disk_free_share:.0%} free",
            facts.now,
            "Kafka's log, objects of the local S3 server or Dagster's history grew.",
            "data-pipeline retention plan",
            Severity.PAGE if disk.free_bytes < limits.disk_free_page_share * disk.total_bytes else Severity.TICKET,
            disk.free_bytes / disk.total_bytes,
        )
        for disk in facts.disks
        if disk.free_bytes < limits.disk_free_share * disk.total_bytes
    ]


def bucket_growth(facts: Facts, limits: Limits) -> list[Alert]:
    """A day's lake takes several times what the days before took."""
    sizes: Counter[date] = Counter()
    for (_, day), manifest in facts.lake.items():
        sizes[day] += manifest.size_bytes
    days = sorted(day for day in sizes if day < facts.now.date())
    if len(days) <= _FEWEST_DAYS:
        return []
    last, usual = sizes[days[-1]], statistics.median(sizes[day] for day in days[:-1])
    if last < limits.growth_bytes or last <= limits.growth_factor * usual:
        return []
    return [
        _alert(
            "bucket_growth",
            f"lake {days[-1]}",
            f"{last / 2**30:,.1f} GiB, usually {usual / 2**30:,.1f} GiB",
            f"{limits.growth_factor:g} times as much",
            midnight(days[-1]),
            "More events arrived, or a field grew.",
            f"data-pipeline cost --measure {days[-1]}",
            Severity.TICKET,
            last / usual if usual else float(last),
        )
    ]


def certificate_expiry(facts: Facts, limits: Limits) -> list[Alert]:
    """A TLS certificate of a server that the platform talks to expires soon."""
    return _expiring(facts, limits, "certificate", "Nobody renewed it.", "renew it where it was issued, then data-pipeline doctor")


def credential_expiry(facts: Facts, limits: Limits) -> list[Alert]:
    """A credential that the platform signs with expires soon."""
    return _expiring(
        facts,
        limits,
        "credential",
        "Temporary keys are used, and nothing renews them.",
        "set new keys (docs/configuration.md), then make up",
    )


def store_down(facts: Facts, limits: Limits) -> list[Alert]:
    """The bucket cannot be read."""
    return _down(facts, "store", "The S3 server is stopped, the bucket is missing, or its keys are refused.", "data-pipeline stack status")


def warehouse_down(facts: Facts, limits: Limits) -> list[Alert]:
    """The warehouse cannot be asked."""
    return _down(facts, "warehouse", "It is in maintenance, held by another program, or its password is refused.", "data-pipeline doctor")


def _down(facts: Facts, service: str, cause: str, command: str) -> list[Alert]:
    return [
        _alert(f"{service}_down", service, outage.sentence, "answers", facts.now, cause, command, Severity.PAGE, 1.0)
        for outage in facts.outages
        if outage.service == service
    ][:1]


def _expiring(facts: Facts, limits: Limits, what: str, cause: str, command: str) -> list[Alert]:
    alerts = []
    for expiry in facts.expiries:
        left = expiry.expires_at - facts.now
        if expiry.what != what or left > limits.expiry_ticket:
            continue
        alerts.append(
            _alert(
                f"{what}_expiry",
                expiry.name,
                f"expires in {_days(left)}" if left > timedelta(0) else f"expired {_days(-left)} ago",
                f"{limits.expiry_ticket.days} days left",
                expiry.expires_at - limits.expiry_ticket,
                cause,
                command,
                Severity.PAGE if left < limits.expiry_page else Severity.TICKET,
                left.total_seconds(),
            )
        )
    return alerts


def _days(span: timedelta) -> str:
    return f"{span.total_seconds() / 86_400:,.1f} days"


def _alert(
    kind: str, partition: str, observed: str, threshold: str, since: datetime, cause: str, command: str, severity: Severity, value: float
) -> Alert:
    return Alert(kind, "platform", partition, observed, threshold, since, cause, command, PLATFORM_OWNER, severity, kind, value)
