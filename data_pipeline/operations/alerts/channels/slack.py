"""Slack's incoming webhook, as Mattermost, Rocket.Chat and others take it too.

Format: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from data_pipeline.operations.alerts.alert import Severity
from data_pipeline.operations.alerts.channels.channel import post_json
from data_pipeline.operations.alerts.message import Message, MessageKind

_LONGEST_TEXT = 3000
_COLORS = {MessageKind.RECOVERY: "good", MessageKind.DIGEST: "#888888"}


@dataclass(frozen=True)
class SlackChannel:
    """One webhook.

    Attributes:
        url: its address, a secret.
    """

    url: str = field(repr=False)
    name: str = "slack"

    def send(self, message: Message) -> None:
        """Post it; the plain text is what a notification shows, the attachment the rest."""
        color = _COLORS.get(message.kind, "danger" if message.severity is Severity.PAGE else "warning")
        owners = ", ".join(sorted({alert.owner for alert in message.alerts}))
        post_json(
            self.name,
            self.url,
            {
                "text": _escape(message.subject),
                "attachments": [
                    {
                        "color": color,
                        "text": _escape(message.text)[:_LONGEST_TEXT],
                        "fallback": _escape(message.subject),
                        "footer": f"{message.group} · {owners}",
                        "ts": int(message.at.timestamp()),
                    }
                ],
            },
        )


def _escape(text: str) -> str:
    """Slack reads `&`, `<` and `>` as its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
