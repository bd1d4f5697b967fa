"""`data-pipeline demo`: the whole path on a day of sample events, then the proof of the day."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from data_pipeline.commands import doctor, generate
from data_pipeline.common.errors import PermanentError
from data_pipeline.common.sources import load_sources
from data_pipeline.common.windows import hours_of_day, parse_day
from data_pipeline.devstack.dagster_client import COMPLETED, UNFINISHED, BackfillState, DagsterClient
from data_pipeline.devstack.demo_events import SentEvents, send_once
from data_pipeline.devstack.demo_report import Comparison, DemoReport, build_report
from data_pipeline.devstack.samples.calendar import last_day_with_samples
from data_pipeline.devstack.stack import start_stack
from data_pipeline.settings import Settings

GENERATED_EVENTS = 100_000
FAULT_RATE = 0.01
_TELL_EVERY_S = 15.0
"""A log has no moving bar."""


@click.command(name="demo")
@click.option("--day", "day_text", help="UTC day of arrival.  [default: the last one that both real samples hold]")
@click.option("--events", type=click.IntRange(0), default=GENERATED_EVENTS, show_default=True, help="Made-up events beside the real ones.")
@click.option("--again", is_flag=True, help="Materialize the day again even if it is complete.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def command(context: click.Context, day_text: str | None, events: int, again: bool, as_json: bool) -> None:
    """Run the whole path on a day of sample events: Kafka, S3, validation, Spark, the warehouse, dbt, dashboards.

    Everything runs through Dagster; what runs stays up until `make down`. A second demo sends nothing twice.
    """
    console = Console(stderr=True, highlight=False)
    started = time.monotonic()
    day = parse_day(day_text) if day_text else last_day_with_samples(datetime.now(UTC).date())

    def say(sentence: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:6.1f} s[/dim]  {sentence}")

    def send(send_day: date, totals: Path) -> None:
        # What is printed of the sending is for people; stdout is the report's, which may be JSON.
        with contextlib.redirect_stdout(sys.stderr):
            context.invoke(
                generate.command, day_text=send_day.isoformat(), events=events, fault_rate=FAULT_RATE, real=True, totals_path=totals
            )

    settings = start_stack(Settings.from_env(), progress=say)
    sent = send_once(settings, day, send, say)
    say(f"{sent.totals['records']:,} records of {sent.day} are in Kafka; materializing the day through Dagster…")
    _materialize(settings, sent, console, again)
    say("The day is materialized; comparing every stage with what was sent…")
    sources = sorted(load_sources(settings.sources_file))
    report = build_report(sent, sources, settings.object_store(), settings.warehouse_path)
    if as_json:
        click.echo(json.dumps(_to_json(report), indent=1))
    else:
        _print(report, sources)
        doctor.show(doctor.examine(settings))
        _print_addresses(settings, report, time.monotonic() - started)
    if not report.is_exact:
        raise PermanentError(f"The counts of {sent.day} do not agree; the rows marked ✗ above say where.")


def _materialize(settings: Settings, sent: SentEvents, console: Console, again: bool) -> None:
    client = DagsterClient(f"http://127.0.0.1:{settings.ui_port}")
    title = f"Demo of {sent.day}"
    if not again and client.backfills(COMPLETED, title):
        console.print(f"         {sent.day} is materialized already (`--again` does it anew).")
        return
    sources = sorted(load_sources(settings.sources_file))
    partitions = [f"{hour}|{source}" for hour in hours_of_day(sent.day) for source in sources]
    # After a kill Dagster goes on with the earlier one; a second would do the same work beside it.
    unfinished = client.backfills(UNFINISHED, title)
    backfill = unfinished[0] if unfinished else client.launch_backfill(client.asset_keys(), partitions, title)
    console.print(f"         watch it: {client.url}/overview/backfills/{backfill}")
    columns = (
        TextColumn("         {task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} partitions"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("starting", total=None)
        told_at = time.monotonic()

        def show(state: BackfillState) -> None:
            nonlocal told_at
            if not console.is_terminal and time.monotonic() - told_at > _TELL_EVERY_S:
                told_at = time.monotonic()
                console.print(f"         {state.materialized} of {state.targeted} partitions in {len(state.runs)} runs so far")
            running = sum(status in {"STARTED", "STARTING"} for status in state.runs.values())
            bar.update(
                task, total=state.targeted or None, completed=state.materialized, description=f"{running} of {len(state.runs)} runs at work"
            )

        state = client.wait(backfill, show)
    if state.status != "COMPLETED_SUCCESS" or state.failed or state.materialized != state.targeted:
        raise PermanentError(
            f"The backfill ended as {state.status} with {state.failed} failed partitions{f': {state.error}' if state.error else ''}; "
            f"its runs say why: {client.url}/overview/backfills/{backfill}"
        )
    console.print(f"         {state.materialized} partitions in {len(state.runs)} runs.")


def _print(report: DemoReport, sources: list[str]) -> None:
    console = Console()
    proof = Table(title=f"{report.day}: landed = end − start of the offsets, hour by hour", caption="✓ every equation of the hour holds")
    proof.add_column("hour")
    for source in sources:
        proof.add_column(source, justify="right")
    by_place = {(item.hour, item.source): item for item in report.hours}
    for hour in hours_of_day(report.day):
        cells = []
        for source in sources:
            item = by_place[str(hour), source]
            cells.append(f"{item.landed:,} = {item.offsets:,} {_mark(item.is_exact)}")
        proof.add_row(str(hour), *cells)
    console.print(proof)

    stages = Table(title="in = out + quarantined, by source")
    for name in ("source", "sent", "landed", "staged", "quarantined", ""):
        stages.add_column(name, justify="left" if name in {"source", ""} else "right")
    for source in sources:
        hours = [item for item in report.hours if item.source == source]
        numbers = [sum(getattr(item, name) for item in hours) for name in ("sent", "landed", "staged", "quarantined")]
        stages.add_row(source, *(f"{number:,}" for number in numbers), _mark(all(item.is_exact for item in hours)))
    console.print(stages)

    marts = Table(title="Counted by us, and by the sender")
    for name in ("what", "here", "sent", ""):
        marts.add_column(name, justify="right" if name in {"here", "sent"} else "left")
    for what, ours, expected, holds in _lines(report):
        marts.add_row(what, ours, expected, _mark(holds))
    console.print(marts)


def _lines(report: DemoReport) -> Iterator[tuple[str, str, str, bool]]:
    """A line a number; numbers of a group that all agree share one."""
    groups: dict[str, list[Comparison]] = {}
    for item in report.comparisons:
        groups.setdefault(item.group or item.what, []).append(item)
    for name, items in groups.items():
        if len(items) > 1 and all(item.is_equal for item in items):
            counts = [item for item in items if isinstance(item.ours, int)]
            amounts = f" and {len(items) - len(counts)} amounts"
            yield f"{name}", f"{sum(c.ours for c in counts):,}{amounts}", f"{sum(c.expected for c in counts):,}{amounts}", True
        else:
            for item in items:
                yield item.what, f"{item.ours:,}", f"{item.expected:,}", item.is_equal


def _print_addresses(settings: Settings, report: DemoReport, seconds: float) -> None:
    console = Console(highlight=False)
    console.print(f"\nDone in {seconds:.0f} s. Where to look:")
    console.print(f"  Dagster      http://127.0.0.1:{settings.ui_port}/asset-groups")
    console.print(f"  Dashboards   http://127.0.0.1:{settings.dashboard_port}")
    console.print(f"  Proof        data-pipeline prove --source web --window {report.day}")
    console.print("  Stop         make down")


def _mark(holds: bool) -> str:
    return "[green]✓[/green]" if holds else "[red]✗[/red]"


def _to_json(report: DemoReport) -> dict[str, object]:
    return {
        "day": report.day.isoformat(),
        "is_exact": report.is_exact,
        "hours": [{**vars(item), "is_exact": item.is_exact} for item in report.hours],
        "comparisons": [{"what": c.what, "here": str(c.ours), "sent": str(c.expected), "is_equal": c.is_equal} for c in report.comparisons],
        "by_rule": dict(report.by_rule),
    }
