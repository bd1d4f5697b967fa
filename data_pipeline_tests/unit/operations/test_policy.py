"""The policy over hours of clock time: one message a cause, recoveries, quiet hours, escalation, and nothing sent twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.common.errors import TransientError
from data_pipeline.common.object_store import LocalObjectStore, PreconditionFailedError
from data_pipeline.operations.alerts.alert import Alert, Severity
from data_pipeline.operations.alerts.channels import ChannelError
from data_pipeline.operations.alerts.delivery import evaluate
from data_pipeline.operations.alerts.message import Message, MessageKind
from data_pipeline.operations.alerts.policy import ClockSpan, Policy, acknowledge, decide
from data_pipeline.operations.alerts.state import STATE_KEY, AlertState, StateStore

NIGHT = datetime(2026, 3, 14, 2, 0, tzinfo=UTC)
POLICY = Policy(ClockSpan.parse("18:00-09:00"), ClockSpan.parse("09:00-10:00"), ZoneInfo("UTC"), all_channels=("memory", "other"))


def alert(kind: str = "kafka_lag", partition: str = "web-0", severity: Severity = Severity.PAGE, group: str = "g") -> Alert:
    return Alert(kind, "raw/events", partition, "95 s", "60 s", NIGHT, "Cause.", "command", "team:web", severity, group, 95.0)


def ticket(group: str = "t") -> Alert:
    return alert("quarantine_share", "web json", Severity.TICKET, group)


class Clock:
    """Runs the pure policy look by look."""

    def __init__(self, start: datetime = NIGHT) -> None:
        self.now = start
        self.state = AlertState()

    def look(self, *alerts: Alert, after: float = 30, blind: Iterable[str] = ()) -> list[Message]:
        self.now += timedelta(seconds=after)
        known = len(self.state.outbox)
        self.state = decide(self.state, alerts, frozenset(blind), self.now, POLICY)
        return list(self.state.outbox[known:])


def test_96_partitions_behind_one_broker_are_one_message_with_the_cause_first():
    down = replace(alert("kafka_down", "", group="kafka"), asset="kafka")
    (sent,) = Clock().look(*(alert(partition=f"web-{n}", group="kafka") for n in range(96)), down)
    assert sent.count == 97
    assert sent.alerts[0].kind == "kafka_down"
    assert "(and 96 more)" in sent.subject


def test_the_same_trouble_is_told_once_and_its_end_once():
    clock = Clock()
    assert [m.kind for m in clock.look(alert())] == [MessageKind.ALERT]
    assert clock.look(alert()) == clock.look(alert(), alert(partition="web-1")) == []
    assert clock.look() == []
    (recovery,) = clock.look(after=60)
    assert recovery.kind is MessageKind.RECOVERY
    assert {item.partition for item in recovery.alerts} == {"web-0", "web-1"}
    assert clock.look() == []
    assert [m.kind for m in clock.look(alert())] == [MessageKind.ALERT]


def test_a_signal_that_flaps_is_one_alert():
    clock = Clock()
    sent = [m for n in range(20) for m in clock.look(*([alert()] if n % 2 else []))]
    assert [m.kind for m in sent] == [MessageKind.ALERT]


def test_blindness_is_no_recovery():
    clock = Clock()
    clock.look(alert())
    assert clock.look(blind=["kafka_lag"], after=600) == []
    assert "g" in clock.state.groups


def test_a_ticket_waits_through_the_night_and_is_in_one_digest_in_the_morning():
    clock = Clock()
    assert clock.look(ticket("a"), ticket("b")) == []
    assert clock.look(ticket("a"), ticket("b"), after=6 * 3600) == []
    clock.now = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
    (digest,) = clock.look(ticket("a"), ticket("b"))
    assert digest.kind is MessageKind.DIGEST
    assert digest.count == 2
    assert clock.look(ticket("a"), ticket("b")) == []
    (recovery,) = [*clock.look(ticket("b")), *clock.look(ticket("b"), after=60)]
    assert recovery.group == "a"


def test_a_ticket_that_is_over_before_the_morning_is_never_told():
    clock = Clock()
    sent = [*clock.look(ticket()), *clock.look(), *clock.look(after=60)]
    clock.now = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
    assert [*sent, *clock.look()] == []


def test_by_day_a_ticket_is_told_at_once_and_a_page_wakes_at_night():
    assert [m.kind for m in Clock(datetime(2026, 3, 14, 14, 0, tzinfo=UTC)).look(ticket())] == [MessageKind.ALERT]
    assert [m.severity for m in Clock(NIGHT).look(alert())] == [Severity.PAGE]


def test_a_ticket_that_becomes_a_page_does_not_wait():
    clock = Clock()
    assert clock.look(ticket()) == []
    (sent,) = clock.look(replace(ticket(), severity=Severity.PAGE))
    assert sent.severity is Severity.PAGE


def test_quiet_hours_are_those_of_the_teams_clock():
    berlin = replace(POLICY, zone=ZoneInfo("Europe/Berlin"))
    eight = datetime(2026, 3, 14, 8, 30, tzinfo=UTC)  # 9:30 in Berlin
    state = decide(AlertState(), [ticket()], frozenset(), eight, berlin)
    assert [m.kind for m in state.outbox] == [MessageKind.ALERT]
    assert decide(AlertState(), [ticket()], frozenset(), eight, POLICY).outbox == ()


def test_nobody_acknowledges_and_everyone_is_told_until_somebody_does():
    clock = Clock()
    clock.look(alert())
    assert clock.look(alert(), after=14 * 60) == []
    (escalation,) = clock.look(alert(), after=60)
    assert escalation.kind is MessageKind.ESCALATION
    assert tuple(escalation.channels) == ("memory", "other")
    assert [m.kind for m in clock.look(alert(), after=15 * 60)] == [MessageKind.ESCALATION]
    clock.state = acknowledge(clock.state, "g", "Ada")
    assert clock.look(alert(), after=3600) == []


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sets(st.sampled_from("abc")), st.integers(10, 3600)), max_size=40))
def test_every_recovery_follows_its_alert_and_state_survives_json(history: list[tuple[set[str], int]]):
    clock = Clock()
    open_groups: set[str] = set()
    for groups, after in history:
        for sent in clock.look(*(alert(group=name) for name in sorted(groups)), after=after):
            if sent.kind is MessageKind.ALERT:
                assert sent.group not in open_groups
                open_groups.add(sent.group)
            elif sent.kind is MessageKind.RECOVERY:
                open_groups.remove(sent.group)
        assert open_groups == set(clock.state.groups)
        assert AlertState.from_bytes(clock.state.to_bytes(), "x") == clock.state


@dataclass
class Memory:
    """A channel that keeps what it gets, or refuses."""

    name: str = "memory"
    is_broken: bool = False
    sent: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> None:
        if self.is_broken:
            raise ChannelError("broken", is_final=True)
        self.sent.append(message)


def run(states: StateStore, channel: Memory, *alerts: Alert, after: float = 0) -> Any:
    order = {"slack": channel}
    return evaluate(alerts, frozenset(), order, states, POLICY, NIGHT + timedelta(seconds=after), sleep=lambda _: None)


def test_evaluations_remember_in_a_file_and_send_once(tmp_path: Path):
    channel, states = Memory(), StateStore([LocalObjectStore(tmp_path)])
    for after in (0, 30, 60):
        run(states, channel, alert(), after=after)
    assert [m.kind for m in channel.sent] == [MessageKind.ALERT]
    assert states.load().state.groups["g"].told_by == ("slack",)
    run(states, channel, after=90)
    run(states, channel, after=150)
    assert [m.kind for m in channel.sent] == [MessageKind.ALERT, MessageKind.RECOVERY]
    assert channel.sent[-1].channels == ("slack",)


def test_a_message_that_nobody_took_is_sent_when_somebody_does(tmp_path: Path):
    channel, states = Memory(is_broken=True), StateStore([LocalObjectStore(tmp_path)])
    outcome = run(states, channel, alert())
    assert outcome.deliveries[0].taken_by == ()
    channel.is_broken = False
    run(states, channel, alert(), after=30)
    assert [m.kind for m in channel.sent] == [MessageKind.ALERT]


def test_a_process_that_died_while_sending_leaves_its_messages_to_the_next(tmp_path: Path):
    states = StateStore([LocalObjectStore(tmp_path)])

    class Killed(Memory):
        def send(self, message: Message) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(states, Killed(), alert())
    channel = Memory()
    run(states, channel, alert(), after=30)
    assert channel.sent == [], "the dead process may still be sending"
    run(states, channel, alert(), after=200)
    assert [m.kind for m in channel.sent] == [MessageKind.ALERT]


class Down(LocalObjectStore):
    """A bucket that does not answer."""

    def find(self, key: str) -> Any:
        raise TransientError("S3 did not answer.")


def test_an_outage_of_the_bucket_is_told_too(tmp_path: Path):
    channel = Memory()
    both = StateStore([Down(tmp_path / "s3"), LocalObjectStore(tmp_path / "file")])
    run(both, channel, alert("store_down", group="store"))
    run(both, channel, alert("store_down", group="store"), after=30)
    assert [m.group for m in channel.sent] == ["store"]
    healed = StateStore([LocalObjectStore(tmp_path / "s3"), LocalObjectStore(tmp_path / "file")])
    run(healed, channel, after=60)
    run(healed, channel, after=120)
    assert [m.kind for m in channel.sent] == [MessageKind.ALERT, MessageKind.RECOVERY]
    nowhere = Memory()
    outcome = run(StateStore([Down(tmp_path)]), nowhere, alert(), ticket())
    assert [m.group for m in nowhere.sent] == ["g"], "without memory only pages are sent"
    assert "nowhere" in outcome.problem


def test_of_two_processes_at_once_one_sends(tmp_path: Path):
    store = LocalObjectStore(tmp_path)
    states = StateStore([store])
    loaded = states.load()
    states.save(loaded.state, loaded)
    with pytest.raises(PreconditionFailedError):
        states.save(replace(loaded.state, digest_on="2026-03-14"), loaded)
    assert store.find(STATE_KEY) is not None
