"""PagerDuty's events API v2: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/."""

from __future__ import annotations

from dataclasses import dataclass, field

from data_pipeline.operations.alerts.alert import Severity
from data_pipeline.operations.alerts.channels.channel import post_json
from data_pipeline.operations.alerts.message import Message, MessageKind

_LONGEST_SUMMARY = 1024


@dataclass(frozen=True)
class PagerDutyChannel:
    """One integration. A group is one incident there: its recovery resolves it.

    Attributes:
        routing_key: the integration's key, a secret.
        url: where the API listens.
    """

    routing_key: str = field(repr=False)
    url: str = "https://events.pagerduty.com/v2/enqueue"
    name: str = "pagerduty"

    def send(self, message: Message) -> None:
        """Trigger, or resolve."""
        document: dict[str, object] = {
            "routing_key": self.routing_key,
            "event_action": "resolve" if message.kind is MessageKind.RECOVERY else "trigger",
            "dedup_key": message.group,
        }
        if message.kind is not MessageKind.RECOVERY:
            first = message.alerts[0] if message.alerts else None
            document["payload"] = {
                "summary": message.subject[:_LONGEST_SUMMARY],
                "source": first.asset if first else "data-pipeline",
                "severity": "critical" if message.severity is Severity.PAGE else "warning",
                "timestamp": message.since.isoformat(),
                "component": first.asset if first else "",
                "group": message.group,
                "class": first.kind if first else "",
                "custom_details": {
                    "message": message.text,
                    "alerts": [alert.to_json() for alert in message.alerts],
                    "count": message.count,
                },
            }
        post_json(self.name, self.url, document)
