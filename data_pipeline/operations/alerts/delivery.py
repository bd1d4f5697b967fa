"""Handing messages over: a failing channel is tried again, then the next one is, and nothing here ever raises into a pipeline.

Belongs here: order, retries, the loop over the outbox. Does not: what is sent (`policy.py`), formats (`channels/`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from data_pipeline.common.errors import PipelineError
from data_pipeline.common.object_store import PreconditionFailedError
from data_pipeline.operations.alerts.alert import Alert, Severity
from data_pipeline.operations.alerts.channels import Channel, ChannelError
from data_pipeline.operations.alerts.message import Message
from data_pipeline.operations.alerts.policy import Policy, decide
from data_pipeline.operations.alerts.state import AlertState, Loaded, StateStore

ORDER = {
    Severity.PAGE: ("pagerduty", "sns", "slack", "email"),
    Severity.TICKET: ("slack", "email", "sns", "pagerduty"),
}
"""Which channel is asked first; the next only when it fails."""
ATTEMPTS = 3
_SENDING_LEASE = timedelta(minutes=3)
_KEEP_UNSENT = timedelta(hours=24)
_SAVE_ATTEMPTS = 10


@dataclass(frozen=True)
class Delivery:
    """What became of a message.

    Attributes:
        message: the message.
        taken_by: channels that took it; none where all failed.
        failures: why others did not, a sentence each.
    """

    message: Message
    taken_by: tuple[str, ...]
    failures: tuple[str, ...]


def deliver(
    message: Message, channels: Mapping[str, Channel], *, pause_s: float = 1.0, sleep: Callable[[float], None] = time.sleep
) -> Delivery:
    """Hand a message to the channels that it names, or to the first that takes it.

    Args:
        message: what to send.
        channels: by name.
        pause_s: wait before the second try; doubled for the third.
        sleep: the clock.
    """
    named = [name for name in message.channels if name in channels]
    others = [name for name in ORDER[message.severity] if name in channels and name not in named]
    taken: list[str] = []
    failures: list[str] = []
    for name in [*named, *others]:
        if taken and name not in named:
            break
        problem = _try(channels[name], message, pause_s, sleep)
        if problem is None:
            taken.append(name)
            if not named:
                break
        else:
            failures.append(problem)
    return Delivery(message, tuple(taken), tuple(failures))


def _try(channel: Channel, message: Message, pause_s: float, sleep: Callable[[float], None]) -> str | None:
    """None when the channel took it, else why not."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            channel.send(message)
            return None
        except ChannelError as error:
            problem, is_final = str(error), error.is_final
        # A defect of a channel must not take the others with it.
        except Exception as error:
            problem, is_final = f"{channel.name} failed with {type(error).__name__}: {error}", True
        if is_final or attempt == ATTEMPTS:
            break
        sleep(pause_s * 2 ** (attempt - 1))
    return problem


@dataclass(frozen=True)
class Outcome:
    """What one evaluation did.

    Attributes:
        deliveries: messages that were tried.
        open_groups: groups that are not over.
        problem: why the state could not be kept; empty where it could.
    """

    deliveries: Sequence[Delivery]
    open_groups: Sequence[str]
    problem: str = ""


def evaluate(
    alerts: Sequence[Alert],
    blind: frozenset[str],
    channels: Mapping[str, Channel],
    states: StateStore,
    policy: Policy,
    now: datetime,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Decide, remember, send, and remember what was sent. Two processes that do this at once send nothing twice.

    The messages are stored before they are sent: a process that dies in between leaves them to the next one, which sends them
    when the lease of the dead one is over.
    """
    try:
        loaded = states.load()
        state = decide(loaded.state, alerts, blind, now, policy)
        state = replace(state, outbox=tuple(message for message in state.outbox if now - message.at <= _KEEP_UNSENT))
        is_ours = state.sending_until is None or state.sending_until <= now
        to_send = list(state.outbox) if is_ours else []
        state = replace(state, sending_until=now + _SENDING_LEASE if to_send else state.sending_until)
        if state != loaded.state:
            loaded = states.save(state, loaded)
    except PreconditionFailedError:
        return Outcome([], [], "another process evaluates alerts at this moment")
    except PipelineError as error:
        # Without memory a page would be sent at every look; better that than never.
        urgent = [message for message in decide(AlertState(), alerts, blind, now, policy).outbox if message.severity is Severity.PAGE]
        return Outcome([deliver(message, channels, sleep=sleep) for message in urgent], [], str(error))
    deliveries = [deliver(message, channels, sleep=sleep) for message in to_send]
    problem = _remember(states, loaded, deliveries) if to_send else ""
    return Outcome(deliveries, sorted(state.groups), problem)


def _remember(states: StateStore, loaded: Loaded, deliveries: Sequence[Delivery]) -> str:
    """Take delivered messages out of the outbox, and note who took them; why not, where that failed."""
    for _ in range(_SAVE_ATTEMPTS):
        try:
            states.save(_after(loaded.state, deliveries), loaded)
            return ""
        except PreconditionFailedError:
            loaded = states.load()
        except PipelineError as error:
            return str(error)
    return "the state of alerts was changed by other processes again and again"


def _after(state: AlertState, deliveries: Sequence[Delivery]) -> AlertState:
    groups = dict(state.groups)
    for delivery in deliveries:
        for name in {delivery.message.group} & set(groups):
            told = dict.fromkeys([*groups[name].told_by, *delivery.taken_by])
            groups[name] = replace(groups[name], told_by=tuple(told))
    done = {delivery.message.message_id for delivery in deliveries if delivery.taken_by}
    outbox = tuple(message for message in state.outbox if message.message_id not in done)
    return replace(state, groups=groups, outbox=outbox, sending_until=None)
