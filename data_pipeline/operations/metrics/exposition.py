"""Facts and findings as metrics.

Belongs here: every metric's name, help and labels. Does not: rules over them (`rules.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from data_pipeline.operations.manifests import HOUR_STAGES, count_rejected
from data_pipeline.operations.signals.checks import CheckResult
from data_pipeline.operations.signals.facts import Facts

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "data_pipeline"
_MakeGauge = Callable[..., Gauge]
"""A gauge of the registry at hand, by name, help and labels."""


def expose(facts: Facts, results: Sequence[CheckResult]) -> bytes:
    """The text that Prometheus scrapes. Units are base units, as its naming rules ask: seconds, bytes, ratios."""
    return generate_latest(build_registry(facts, results))


def build_registry(facts: Facts, results: Sequence[CheckResult]) -> CollectorRegistry:
    """All metrics of one look; what could not be looked at has no sample."""
    registry = CollectorRegistry()

    def gauge(name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(f"{_PREFIX}_{name}", help_text, labels, registry=registry)

    gauge("look_timestamp_seconds", "When the platform was looked at.").set(facts.now.timestamp())
    _kafka(facts, gauge)
    _partitions(facts, gauge)
    _runs_and_resources(facts, gauge)
    ok = gauge("check_ok", "1 where a check is green, 0 where it is red or could not look.", "check")
    alerts = gauge("alerts", "Alerts of a check.", "check", "severity")
    for result in results:
        ok.labels(result.kind).set(result.is_ok)
        for severity, count in Counter(str(alert.severity) for alert in result.alerts).items():
            alerts.labels(result.kind, severity).set(count)
    return registry


def _kafka(facts: Facts, gauge: _MakeGauge) -> None:
    lag = gauge("lag_seconds", "Age of the first record that has not landed.", "source", "partition")
    behind = gauge("offsets_behind", "Offsets that have not landed.", "source", "partition")
    lost = gauge("lost_offsets", "Offsets that Kafka deleted before they landed.", "source", "partition")
    rate = gauge("arrival_records_per_second", "Records that arrive, over five minutes.", "source", "partition")
    left = gauge("retention_left_seconds", "Time until retention deletes what has not landed.", "source", "partition")
    for item in facts.lags:
        labels = (item.source, str(item.partition))
        behind.labels(*labels).set(item.offsets_behind)
        lost.labels(*labels).set(item.lost_offsets)
        rate.labels(*labels).set(item.rate_per_s)
        if item.lag_s is not None:
            lag.labels(*labels).set(item.lag_s)
        if item.retention_left_s is not None and item.offsets_behind:
            left.labels(*labels).set(item.retention_left_s)
    if facts.brokers is not None:
        brokers = gauge("kafka_brokers", "Brokers that are known, and that answer.", "state")
        brokers.labels("known").set(len(facts.brokers.known))
        brokers.labels("alive").set(len(facts.brokers.alive))
        gauge("kafka_leaderless_partitions", "Partitions without a leader.").set(facts.brokers.leaderless)


def _partitions(facts: Facts, gauge: _MakeGauge) -> None:
    newest = gauge("newest_hour_timestamp_seconds", "Start of the newest published hour.", "source", "stage")
    rows = gauge("newest_hour_rows", "Rows of the newest published hour.", "source", "stage")
    share = gauge("rejected_ratio", "Share of rows that a rule rejects, over the hours looked at.", "source", "rule")
    for source in sorted(facts.sources):
        hours = [item for item in facts.hours if item.source == source]
        for stage in HOUR_STAGES:
            published = [item for item in hours if getattr(item, stage) is not None]
            if published:
                last = published[-1]
                newest.labels(source, stage).set(last.hour.start.timestamp())
                rows.labels(source, stage).set(getattr(last, stage).row_count)
        rows_in, by_rule = count_rejected(hours)
        for rule, rejected in by_rule.items() if rows_in else ():
            share.labels(source, rule).set(rejected / rows_in)
    days = gauge("stale_lake_partitions", "Days whose lake is not what its staged hours would give.")
    days.set(len(facts.stale))


def _runs_and_resources(facts: Facts, gauge: _MakeGauge) -> None:
    runs = gauge("runs", "Runs of the last day and those at work, by status.", "status")
    for status, count in Counter(run.status for run in facts.runs).items():
        runs.labels(status).set(count)
    free = gauge("disk_free_bytes", "Free bytes of a file system.", "path")
    total = gauge("disk_size_bytes", "Bytes of a file system.", "path")
    for disk in facts.disks:
        free.labels(disk.path).set(disk.free_bytes)
        total.labels(disk.path).set(disk.total_bytes)
    expiry = gauge("expiry_timestamp_seconds", "When a certificate or credential expires.", "what", "name")
    for item in facts.expiries:
        expiry.labels(item.what, item.name).set(item.expires_at.timestamp())
    if facts.cost is not None:
        gauge("cost_usd_per_month", "Cost of a month at the present rate.").set(facts.cost.usd_a_month)
        gauge("cost_plan_usd_per_month", "What is planned.").set(facts.cost.plan_usd)
