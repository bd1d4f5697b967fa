"""What is sent: one message about a group of alerts.

Belongs here: the type and its words. Does not: a channel's own format (`channels/`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from data_pipeline.operations.alerts.alert import Alert, Severity

_LISTED = 10


class MessageKind(StrEnum):
    """Why a message is sent."""

    ALERT = "alert"
    ESCALATION = "escalation"
    RECOVERY = "recovery"
    DIGEST = "digest"


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        message_id: unique; a message that is sent again keeps it.
        kind: why it is sent.
        group: the group of alerts; channels that can, thread or close by it.
        severity: whether it may wake somebody.
        alerts: the alerts of the group, worst first.
        count: how many there are; more than are carried along, perhaps.
        at: when it was decided.
        since: since when the group is wrong.
        channels: names of the channels that must get it; empty for the first that takes it.
    """

    message_id: str
    kind: MessageKind
    group: str
    severity: Severity
    alerts: Sequence[Alert]
    count: int
    at: datetime
    since: datetime
    channels: Sequence[str] = ()

    @property
    def subject(self) -> str:
        """One line."""
        first = self.alerts[0].title if self.alerts else self.group
        more = f" (and {self.count - 1} more)" if self.count > 1 else ""
        match self.kind:
            case MessageKind.RECOVERY:
                return f"Recovered: {first.split(': ', 1)[0]} {self.group}{more}"
            case MessageKind.DIGEST:
                return f"{self.count} things that could wait"
            case MessageKind.ESCALATION:
                return f"Nobody has acknowledged for {_minutes(self.at, self.since)}: {first}{more}"
            case _:
                return f"{first}{more}"

    @property
    def text(self) -> str:
        """The whole message in plain words."""
        lines = []
        if self.kind is MessageKind.RECOVERY:
            lines.append(f"Over since {self.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, after {_minutes(self.at, self.since)}.")
            lines += [f"- was: {alert.title}" for alert in self.alerts[:_LISTED]]
        elif self.kind is MessageKind.DIGEST:
            for alert in self.alerts[:_LISTED]:
                lines += [*alert.sentences(), ""]
        else:
            lines += self.alerts[0].sentences() if self.alerts else []
            lines += [f"- also: {alert.title}" for alert in self.alerts[1:_LISTED]]
            lines.append(f"Acknowledge: data-pipeline alerts ack '{self.group}' --by <name>")
        if self.count > _LISTED:
            lines.append(f"- and {self.count - _LISTED} more; data-pipeline doctor shows all.")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "message_id": self.message_id,
            "kind": str(self.kind),
            "group": self.group,
            "severity": str(self.severity),
            "alerts": [alert.to_json() for alert in self.alerts],
            "count": self.count,
            "at": self.at.isoformat(),
            "since": self.since.isoformat(),
            "channels": list(self.channels),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Message:
        """The inverse of `to_json`."""
        return cls(
            document["message_id"],
            MessageKind(document["kind"]),
            document["group"],
            Severity(document["severity"]),
            tuple(Alert.from_json(item) for item in document["alerts"]),
            int(document["count"]),
            datetime.fromisoformat(document["at"]),
            datetime.fromisoformat(document["since"]),
            tuple(document["channels"]),
        )


def _minutes(end: datetime, start: datetime) -> str:
    seconds = max((end - start).total_seconds(), 0)
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"
