"""Signals of the data: volume beside its history, rejected rows by rule.

Belongs here: these two. Does not: how history is judged (`validation/history/`).
"""

from __future__ import annotations

from data_pipeline.common.windows import Hour
from data_pipeline.operations.alerts.alert import Alert, Severity
from data_pipeline.operations.manifests import count_rejected
from data_pipeline.operations.signals.facts import Facts, FindingFact, Limits

_VOLUME, _QUARANTINE = "volume", "quarantine_rate"


def volume_unusual(facts: Facts, limits: Limits) -> list[Alert]:
    """Validation found an hour's rows out of their history, and nobody accepted it."""
    return [
        _of_finding(facts, finding, "volume_unusual", "A release, an outage of the senders, or a campaign changed how much is sent.")
        for finding in facts.findings
        if finding.check == _VOLUME and finding.severity in ("warn", "error")
    ]


def quarantine_share(facts: Facts, limits: Limits) -> list[Alert]:
    """A rule rejects a larger share than is allowed over the hours at hand, or than its history."""
    alerts = [
        _of_finding(facts, finding, "quarantine_share", "A release of a sender breaks a rule of the contract.")
        for finding in facts.findings
        if finding.check == _QUARANTINE and finding.severity in ("warn", "error")
    ]
    for source in sorted(facts.sources):
        hours = [item for item in facts.hours if item.source == source and item.staged is not None and item.quarantine is not None]
        rows, by_rule = count_rejected(hours)
        for rule, rejected in sorted(by_rule.items()):
            newest = max(item.hour for item in hours).date
            if rejected >= limits.quarantine_rows and rejected > limits.quarantine_share * rows:
                alerts.append(
                    Alert(
                        "quarantine_share",
                        facts.asset("quarantine", source),
                        f"{source} {rule}",
                        f"rule {rule} rejects {rejected:,} of {rows:,} rows ({rejected / rows:.1%})",
                        f"{limits.quarantine_share:.0%}",
                        min(item.hour.start for item in hours),
                        "A release of a sender breaks this rule of the contract.",
                        f"once it is mended: data-pipeline replay --source {source} --window {newest} --rule {rule}",
                        facts.owner_of(source),
                        Severity.TICKET,
                        f"quarantine_share:{source}",
                        rejected / rows,
                    )
                )
    return alerts


def _of_finding(facts: Facts, finding: FindingFact, kind: str, cause: str) -> Alert:
    return Alert(
        kind,
        facts.asset("staged", finding.source),
        f"{finding.hour}|{finding.source} {finding.field}".strip(),
        f"{finding.observed}; {finding.message}",
        finding.expected,
        Hour.parse(finding.hour).start,
        cause,
        f"data-pipeline accept --source {finding.source} --window {finding.hour} --check {finding.check} --reason …",
        facts.owner_of(finding.source),
        Severity.TICKET,
        f"{kind}:{finding.source}",
        1.0,
    )
