"""`data-pipeline alerts …`: open alerts, acknowledge one, watch without Dagster, try the channels.

Belongs here: options and output. Does not: checks (`operations/signals/`), policy and channels (`operations/alerts/`).
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import click

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.object_store import PreconditionFailedError
from data_pipeline.settings import Settings

_ATTEMPTS = 10


@click.group()
def command() -> None:
    """Show and acknowledge alerts; watch a deployment from a process of its own."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_alerts(as_json: bool) -> None:
    """What is open, since when, who was told, and who takes care of it."""
    from rich.console import Console
    from rich.table import Table

    from data_pipeline.orchestration.watch.alerting import state_store

    state = state_store(Settings.from_env()).load().state
    if as_json:
        click.echo(state.to_bytes().decode())
        return
    table = Table("group", "severity", "since", "alerts", "told", "acknowledged by", title="Open alerts")
    for group in state.groups.values():
        told = ", ".join(group.told_by) or ("being sent" if group.told_at else "waits for the morning")
        since = f"{group.since.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        table.add_row(group.name, str(group.severity), since, str(len(group.alerts)), told, group.acknowledged_by)
    Console().print(table)


@command.command()
@click.argument("group")
@click.option("--by", required=True, help="Who takes care of it.")
def ack(group: str, by: str) -> None:
    """Acknowledge a group: it is not escalated any more."""
    from data_pipeline.operations.alerts.policy import acknowledge
    from data_pipeline.orchestration.watch.alerting import state_store

    states = state_store(Settings.from_env())
    for _ in range(_ATTEMPTS):
        loaded = states.load()
        if group not in loaded.state.groups:
            raise PermanentError(f"'{group}' is not open; open are: {', '.join(loaded.state.groups) or 'none'}.")
        try:
            states.save(acknowledge(loaded.state, group, by), loaded)
        except PreconditionFailedError:
            continue
        click.echo(f"{group} is acknowledged by {by}.")
        return
    raise PermanentError("Other processes changed the state again and again; try once more.")


@command.command()
@click.option("--every", "every_s", type=click.FloatRange(1), default=30, show_default=True, help="Seconds between two looks.")
@click.option("--check", "kinds", multiple=True, help="Only this check, such as kafka_lag; repeat it for more.")
@click.option("--once", is_flag=True, help="Look once and end.")
def watch(every_s: float, kinds: tuple[str, ...], once: bool) -> None:
    """Run all checks again and again and send alerts, without Dagster: also while its daemon is down. Prints a JSON line a look."""
    from data_pipeline.orchestration.platform import Platform
    from data_pipeline.orchestration.watch.alerting import Alerting

    alerting = Alerting(Platform(Settings.from_env()))
    while True:
        started = time.monotonic()
        results, outcome = alerting.run(kinds=kinds)
        line = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "red": [result.kind for result in results if result.alerts],
            "blind": [result.kind for result in results if result.blind_on],
            "sent": [{"kind": d.message.kind, "group": d.message.group, "taken_by": d.taken_by} for d in outcome.deliveries],
            "failures": [failure for delivery in outcome.deliveries for failure in delivery.failures],
            "problem": outcome.problem,
        }
        click.echo(json.dumps(line))
        if once:
            return
        time.sleep(max(every_s - (time.monotonic() - started), 0))


@command.command()
def test() -> None:
    """Send a test message to every channel of the settings; exit code 1 where one does not take it."""
    from data_pipeline.operations.alerts.alert import Alert, Severity
    from data_pipeline.operations.alerts.delivery import deliver
    from data_pipeline.operations.alerts.message import Message, MessageKind
    from data_pipeline.orchestration.watch.alerting import build_channels

    channels = build_channels(Settings.from_env())
    if not channels:
        raise PermanentError("No channel is configured; set DATA_PIPELINE_ALERT_SLACK_WEBHOOK_URL or another (docs/configuration.md).")
    now = datetime.now(UTC)
    alert = Alert(
        "channel_test",
        "platform",
        "",
        "this is a test",
        "none",
        now,
        "Somebody runs `data-pipeline alerts test`.",
        "nothing to do",
        "team:data-platform",
        Severity.TICKET,
        "test",
    )
    failed = False
    for name, channel in channels.items():
        message = Message(f"test-{int(now.timestamp())}", MessageKind.ALERT, "test", Severity.TICKET, [alert], 1, now, now)
        delivery = deliver(message, {name: channel})
        failed = failed or not delivery.taken_by
        click.echo(f"{name}: {'taken' if delivery.taken_by else delivery.failures[0]}")
    if failed:
        raise SystemExit(1)
