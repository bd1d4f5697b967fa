"""The alert: everything that a person needs at 3 a.m., in one value.

Belongs here: the type and its words. Does not: when it is sent (`policy.py`) or how (`channels/`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """`page` wakes somebody; `ticket` can wait until the morning."""

    PAGE = "page"
    TICKET = "ticket"


@dataclass(frozen=True)
class Alert:
    """Something is wrong with one partition of one asset.

    Attributes:
        kind: what is wrong, such as `kafka_lag`; names the runbook page.
        asset: the asset's key, such as `raw/events`, or a part of the platform, such as `kafka`.
        partition: the asset's partition, `web-3` for a Kafka partition, empty where there is none.
        observed: the number, for people.
        threshold: what is allowed, for people.
        since: since when it is so, UTC.
        cause: the probable cause, a sentence.
        command: what repairs it.
        owner: owner of the asset, `team:<name>` or an e-mail address.
        severity: whether it may wait.
        group: alerts of one group have one cause and are one message.
        value: the observed number itself, for metrics.
    """

    kind: str
    asset: str
    partition: str
    observed: str
    threshold: str
    since: datetime
    cause: str
    command: str
    owner: str
    severity: Severity
    group: str
    value: float = 0.0

    @property
    def key(self) -> str:
        """The same for the same trouble, however often it is found."""
        return "|".join((self.kind, self.asset, self.partition))

    @property
    def runbook(self) -> str:
        """The page that says what to do."""
        return f"docs/runbooks/{self.kind}.md"

    @property
    def title(self) -> str:
        """`kafka_lag: raw/events web-3 is 95 s behind (limit 60 s)`."""
        where = f"{self.asset} {self.partition}".strip()
        return f"{self.kind}: {where}: {self.observed} (limit: {self.threshold})"

    def sentences(self) -> list[str]:
        """The whole message, a line each; the same in every channel and in `doctor`."""
        return [
            self.title,
            f"Since {self.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC. Owner: {self.owner}.",
            f"Probable cause: {self.cause}",
            f"Runbook: {self.runbook}",
            f"Repair: {self.command}",
        ]

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "since": self.since.isoformat(), "severity": str(self.severity), "key": self.key, "runbook": self.runbook}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Alert:
        """The inverse of `to_json`."""
        values = {name: value for name, value in document.items() if name not in ("key", "runbook")}
        return cls(**{**values, "since": datetime.fromisoformat(values["since"]), "severity": Severity(values["severity"])})
