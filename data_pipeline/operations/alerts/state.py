"""What the policy remembers between two looks, and where it is kept: one object, replaced by conditional put.

Belongs here: the state, reading and writing it. Does not: deciding anything (`policy.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from data_pipeline.common.errors import PermanentError, PipelineError, TransientError
from data_pipeline.common.object_store import ObjectStore, PreconditionFailedError
from data_pipeline.operations.alerts.alert import Alert, Severity
from data_pipeline.operations.alerts.message import Message

STATE_KEY = "operations/alerts.json"


@dataclass(frozen=True)
class Group:
    """A trouble with one cause, from its first alert to its recovery.

    Attributes:
        name: the group.
        alerts: what is wrong now, by key.
        severity: the worst that it was.
        opened_at: when it was first seen.
        told_at: when a message about it was decided; None while it waits for the morning.
        told_by: channels that took one of its messages: they are told of its end.
        gone_since: since when none of its alerts is found.
        escalated_at: when it was last sent to everyone.
        acknowledged_by: who takes care of it.
    """

    name: str
    alerts: Mapping[str, Alert]
    severity: Severity
    opened_at: datetime
    told_at: datetime | None = None
    told_by: tuple[str, ...] = ()
    gone_since: datetime | None = None
    escalated_at: datetime | None = None
    acknowledged_by: str = ""

    @property
    def since(self) -> datetime:
        """Since when it is wrong, by its oldest alert."""
        return min([alert.since for alert in self.alerts.values()], default=self.opened_at)


@dataclass(frozen=True)
class AlertState:
    """All that is remembered.

    Attributes:
        sequence: counts the versions; the larger is the newer where two places hold one.
        groups: what is going on, by name.
        outbox: messages that were decided and not delivered yet.
        sending_until: until then the outbox belongs to a process that is sending it.
        digest_on: local day of the last digest, ISO.
    """

    sequence: int = 0
    groups: Mapping[str, Group] = field(default_factory=dict)
    outbox: Sequence[Message] = ()
    sending_until: datetime | None = None
    digest_on: str = ""

    def to_bytes(self) -> bytes:
        """The stored form."""
        document = {
            "sequence": self.sequence,
            "groups": [_group_to_json(group) for group in self.groups.values()],
            "outbox": [message.to_json() for message in self.outbox],
            "sending_until": _text(self.sending_until),
            "digest_on": self.digest_on,
        }
        return json.dumps(document, indent=1).encode() + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> AlertState:
        """Read it; PermanentError naming `where` when it is not one."""
        try:
            document = json.loads(data)
            groups = [_group_from_json(item) for item in document["groups"]]
            return cls(
                int(document["sequence"]),
                {group.name: group for group in groups},
                tuple(Message.from_json(item) for item in document["outbox"]),
                _instant(document["sending_until"]),
                document["digest_on"],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise PermanentError(
                f"{where} is not the state of alerts ({error!r}); delete it: open alerts are found and sent again."
            ) from error


@dataclass(frozen=True)
class Loaded:
    """A state with what a replacement has to name, for each place: None where the place holds none, or did not answer."""

    state: AlertState
    etags: Mapping[int, str | None]


class StateStore:
    """The state in the first of some places that answers, so that an outage of the bucket can still be told."""

    def __init__(self, places: Sequence[ObjectStore]) -> None:
        self._places = places

    def load(self) -> Loaded:
        """The newest state of the places that answer; TransientError when none does."""
        newest, etags, problem = AlertState(), {}, ""
        for number, place in enumerate(self._places):
            try:
                found = place.find(STATE_KEY)
            except PipelineError as error:
                problem = str(error)
                continue
            etags[number] = found.etag if found else None
            if found is not None:
                state = AlertState.from_bytes(found.data, place.url(STATE_KEY))
                newest = state if state.sequence >= newest.sequence else newest
        if not etags:
            raise TransientError(f"The state of alerts can be read nowhere: {problem}")
        return Loaded(newest, etags)

    def save(self, state: AlertState, loaded: Loaded) -> Loaded:
        """Write the next version.

        Raises:
            PreconditionFailedError: another process wrote one since `loaded` was read.
            TransientError: no place takes it.
        """
        state = replace(state, sequence=loaded.state.sequence + 1)
        problem = ""
        for number, etag in loaded.etags.items():
            place = self._places[number]
            try:
                written = place.create(STATE_KEY, state.to_bytes()) if etag is None else place.replace(STATE_KEY, state.to_bytes(), etag)
            except PreconditionFailedError:
                raise
            except PipelineError as error:
                problem = str(error)
                continue
            return Loaded(state, {**loaded.etags, number: written})
        raise TransientError(f"The state of alerts can be written nowhere: {problem}")


def _group_to_json(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "alerts": [alert.to_json() for alert in group.alerts.values()],
        "severity": str(group.severity),
        "opened_at": group.opened_at.isoformat(),
        "told_at": _text(group.told_at),
        "told_by": list(group.told_by),
        "gone_since": _text(group.gone_since),
        "escalated_at": _text(group.escalated_at),
        "acknowledged_by": group.acknowledged_by,
    }


def _group_from_json(document: dict[str, Any]) -> Group:
    alerts = [Alert.from_json(item) for item in document["alerts"]]
    return Group(
        document["name"],
        {alert.key: alert for alert in alerts},
        Severity(document["severity"]),
        datetime.fromisoformat(document["opened_at"]),
        _instant(document["told_at"]),
        tuple(document["told_by"]),
        _instant(document["gone_since"]),
        _instant(document["escalated_at"]),
        document["acknowledged_by"],
    )


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
