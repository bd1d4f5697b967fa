"""Who hears what when: a pure function from what was remembered and what is wrong now to messages.

One group of alerts is one message, sent once. A page is sent at once, at any hour. A ticket waits through the quiet hours and is part
of the morning's digest. A page that nobody acknowledges goes to every channel. What is over is told where it was told.
Belongs here: these rules. Does not: sending (`delivery.py`), remembering (`state.py`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from data_pipeline.operations.alerts.alert import Alert, Severity
from data_pipeline.operations.alerts.message import Message, MessageKind
from data_pipeline.operations.alerts.state import AlertState, Group

_CARRIED = 20
"""Alerts that a message carries along; it says how many more there are."""
DIGEST_GROUP = "digest"


@dataclass(frozen=True)
class ClockSpan:
    """A span of the day, such as 18:00 to 09:00; over midnight where the end is before the start."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> ClockSpan:
        """Read `18:00-09:00`."""
        start, _, end = text.partition("-")
        return cls(time.fromisoformat(start), time.fromisoformat(end))

    def holds(self, clock: time) -> bool:
        """Whether a clock time is in it, the start included and the end not."""
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


@dataclass(frozen=True)
class Policy:
    """The team's preferences.

    Attributes:
        quiet: when tickets wait.
        digest: when what waited is sent.
        zone: the team's clock.
        escalate_after: how long a page may stay unacknowledged.
        clear_after: how long nothing of a group must be found until it is over, so that a flapping signal is one alert.
        all_channels: names of every channel, for escalations.
    """

    quiet: ClockSpan
    digest: ClockSpan
    zone: ZoneInfo
    escalate_after: timedelta = timedelta(minutes=15)
    clear_after: timedelta = timedelta(seconds=45)
    all_channels: Sequence[str] = ()


def decide(state: AlertState, alerts: Iterable[Alert], blind: AbstractSet[str], now: datetime, policy: Policy) -> AlertState:
    """The next state, with what has to be sent at the end of its outbox.

    Args:
        state: what was remembered.
        alerts: everything that is wrong now.
        blind: kinds that could not be judged: their alerts are neither confirmed nor over.
        now: the clock.
        policy: the team's preferences.
    """
    step = _Step(now, policy, list(state.outbox))
    found = _by_group(alerts)
    groups: dict[str, Group] = {}
    for name in sorted({*state.groups, *found}):
        group = step.follow(name, state.groups.get(name), found.get(name, {}), blind)
        if group is not None:
            groups[name] = group
    digest_on = step.send_digest(groups, state.digest_on)
    return replace(state, groups=groups, outbox=tuple(step.outbox), digest_on=digest_on)


def acknowledge(state: AlertState, name: str, by: str) -> AlertState:
    """Note who takes care of a group; KeyError where there is none of that name."""
    return replace(state, groups={**state.groups, name: replace(state.groups[name], acknowledged_by=by)})


@dataclass
class _Step:
    """One evaluation."""

    now: datetime
    policy: Policy
    outbox: list[Message]

    def follow(self, name: str, known: Group | None, found: Mapping[str, Alert], blind: AbstractSet[str]) -> Group | None:
        """What becomes of one group; None when it is over."""
        if not found:
            return self._fade(known, blind) if known is not None else None
        severity = _worst([*found.values()])
        if known is None:
            return self._open(Group(name, found, severity, self.now))
        has_risen = severity is Severity.PAGE and known.severity is not Severity.PAGE
        severity = Severity.PAGE if Severity.PAGE in (severity, known.severity) else severity
        kept = {key: alert for key, alert in known.alerts.items() if alert.kind in blind}
        group = replace(known, alerts={**kept, **found}, severity=severity, gone_since=None)
        if has_risen:
            return self._tell(group, MessageKind.ALERT)
        return self._escalate(group)

    def send_digest(self, groups: dict[str, Group], digest_on: str) -> str:
        """In the morning's hour, once a day, everything that waited; the day of the last digest."""
        local = self.now.astimezone(self.policy.zone)
        waiting = [group for group in groups.values() if group.told_at is None]
        if not waiting or not self.policy.digest.holds(local.time()) or digest_on == local.date().isoformat():
            return digest_on
        alerts = [alert for group in waiting for alert in group.alerts.values()]
        self._send(MessageKind.DIGEST, DIGEST_GROUP, Severity.TICKET, alerts, min(group.since for group in waiting), ())
        for group in waiting:
            groups[group.name] = replace(group, told_at=self.now)
        return local.date().isoformat()

    def _open(self, group: Group) -> Group:
        is_quiet = self.policy.quiet.holds(self.now.astimezone(self.policy.zone).time())
        if group.severity is Severity.TICKET and is_quiet:
            return group
        return self._tell(group, MessageKind.ALERT)

    def _fade(self, group: Group, blind: AbstractSet[str]) -> Group | None:
        if any(alert.kind in blind for alert in group.alerts.values()):
            return self._escalate(replace(group, gone_since=None))
        gone_since = group.gone_since or self.now
        if self.now - gone_since < self.policy.clear_after:
            return replace(group, gone_since=gone_since)
        if group.told_at is not None:
            self._send(MessageKind.RECOVERY, group.name, group.severity, list(group.alerts.values()), group.since, group.told_by)
        return None

    def _escalate(self, group: Group) -> Group:
        if group.severity is not Severity.PAGE or group.told_at is None or group.acknowledged_by:
            return group
        last = group.escalated_at or group.told_at
        if self.now - last < self.policy.escalate_after:
            return group
        self._send(
            MessageKind.ESCALATION, group.name, group.severity, list(group.alerts.values()), group.since, tuple(self.policy.all_channels)
        )
        return replace(group, escalated_at=self.now)

    def _tell(self, group: Group, kind: MessageKind) -> Group:
        self._send(kind, group.name, group.severity, list(group.alerts.values()), group.since, ())
        return replace(group, told_at=self.now, acknowledged_by="")

    def _send(self, kind: MessageKind, group: str, severity: Severity, alerts: list[Alert], since: datetime, to: Sequence[str]) -> None:
        ordered = sorted(alerts, key=lambda alert: (alert.severity is not Severity.PAGE, _CAUSES_FIRST.get(alert.kind, 9), alert.since))
        self.outbox.append(
            Message(uuid.uuid4().hex, kind, group, severity, tuple(ordered[:_CARRIED]), len(ordered), self.now, since, tuple(to))
        )


_CAUSES_FIRST = {"kafka_down": 0, "store_down": 0, "warehouse_down": 0, "dagster_down": 0}


def _by_group(alerts: Iterable[Alert]) -> dict[str, dict[str, Alert]]:
    groups: dict[str, dict[str, Alert]] = {}
    for alert in alerts:
        groups.setdefault(alert.group, {})[alert.key] = alert
    return groups


def _worst(alerts: Iterable[Alert]) -> Severity:
    return Severity.PAGE if any(alert.severity is Severity.PAGE for alert in alerts) else Severity.TICKET
