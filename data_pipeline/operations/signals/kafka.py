"""Signals of Kafka: lag, retention, lost offsets, brokers.

Belongs here: these four. Does not: measuring lag (`landing/lag.py`).
"""

from __future__ import annotations

from datetime import timedelta

from data_pipeline.operations.alerts.alert import Alert, Severity
from data_pipeline.operations.signals.facts import PLATFORM_OWNER, Facts, LagFact, Limits


def kafka_lag(facts: Facts, limits: Limits) -> list[Alert]:
    """A partition's first record that has not landed is older than the limit."""
    return [
        _alert(
            facts,
            lag,
            "kafka_lag",
            f"{lag.lag_s:,.0f} s behind Kafka, {lag.offsets_behind:,} offsets",
            f"{limits.lag_s:g} s",
            lag.lag_s,
            lag.lag_s - limits.lag_s,
            f"Landing is not running or slower than the {lag.rate_per_s:,.0f} records/s that arrive."
            if lag.rate_per_s
            else "Landing is not running: nothing arrives just now, and the backlog stays.",
            f"data-pipeline land --source {lag.source} --window {facts.now - timedelta(seconds=lag.lag_s):%Y-%m-%dT%H}",
        )
        for lag in facts.lags
        if lag.lag_s is not None and lag.lag_s > limits.lag_s
    ]


def kafka_retention(facts: Facts, limits: Limits) -> list[Alert]:
    """Kafka's retention will soon delete a record that has not landed."""
    return [
        _alert(
            facts,
            lag,
            "kafka_retention",
            f"retention deletes offset {lag.first_not_landed:,}, which has not landed, in {lag.retention_left_s / 3600:,.1f} h",
            f"{limits.retention_left_s / 3600:g} h left",
            lag.retention_left_s,
            limits.retention_left_s - lag.retention_left_s,
            "Landing has been behind for most of the topic's retention.",
            f"data-pipeline land --source {lag.source} --window {facts.now - timedelta(seconds=lag.lag_s or 0):%Y-%m-%d}",
        )
        for lag in facts.lags
        if lag.retention_left_s is not None and lag.offsets_behind and lag.retention_left_s < limits.retention_left_s
    ]


def offsets_lost(facts: Facts, limits: Limits) -> list[Alert]:
    """Kafka has deleted offsets that never landed."""
    return [
        _alert(
            facts,
            lag,
            "offsets_lost",
            f"{lag.lost_offsets:,} offsets from {lag.first_not_landed:,} on are gone from Kafka and never landed",
            "0",
            float(lag.lost_offsets),
            0.0,
            "Retention or a deletion of records was faster than landing.",
            f"data-pipeline lag --source {lag.source}",
        )
        for lag in facts.lags
        if lag.lost_offsets
    ]


def kafka_down(facts: Facts, limits: Limits) -> list[Alert]:
    """Kafka does not answer, a broker is missing, or a topic cannot be read."""
    alerts = [
        Alert(
            "kafka_down",
            f"kafka/{outage.detail}" if outage.detail else "kafka",
            "",
            outage.sentence,
            "every topic answers",
            facts.now,
            "The brokers are stopped or not reachable from here." if outage.is_down else "The topic or its permissions have changed.",
            "data-pipeline stack status",
            PLATFORM_OWNER,
            Severity.PAGE,
            "kafka",
            1.0,
        )
        for outage in facts.outages
        if outage.service == "kafka"
    ]
    brokers = facts.brokers
    if brokers is not None:
        missing = sorted(set(brokers.known) - set(brokers.alive))
        if missing or brokers.leaderless:
            names = ", ".join(map(str, missing)) or "none"
            alerts.append(
                Alert(
                    "kafka_down",
                    "kafka",
                    f"broker {names}" if missing else "",
                    f"{len(brokers.alive)} of {len(brokers.known)} brokers answer (missing: {names}); "
                    f"{brokers.leaderless} partitions have no leader, {brokers.under_replicated} are under-replicated",
                    "all brokers answer",
                    facts.now,
                    "A broker was stopped, crashed, or lost its network.",
                    "data-pipeline stack status",
                    PLATFORM_OWNER,
                    Severity.PAGE,
                    "kafka",
                    float(len(missing)),
                )
            )
    return alerts


def _alert(
    facts: Facts, lag: LagFact, kind: str, observed: str, threshold: str, value: float, since_s: float, cause: str, command: str
) -> Alert:
    # Many partitions that are behind at once have one cause; and while Kafka itself is down, that is it.
    group = "kafka" if facts.is_down("kafka") or _is_broker_missing(facts) else f"{kind}:{lag.topic}"
    return Alert(
        kind,
        facts.asset("raw", lag.source),
        f"{lag.source}-{lag.partition}",
        observed,
        threshold,
        facts.now - timedelta(seconds=since_s),
        cause,
        command,
        facts.owner_of(lag.source),
        Severity.PAGE,
        group,
        value,
    )


def _is_broker_missing(facts: Facts) -> bool:
    return facts.brokers is not None and bool(set(facts.brokers.known) - set(facts.brokers.alive))
