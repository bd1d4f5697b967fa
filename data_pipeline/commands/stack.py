"""`data-pipeline stack up|down|status`: the local stack from the command line.

Belongs here: options and output. Does not: starting and stopping (`devstack/`).
"""

from __future__ import annotations

import json
import signal

import click
from rich.console import Console
from rich.table import Column, Table

from data_pipeline.common.errors import PermanentError
from data_pipeline.devstack.services import ALL_SERVICES
from data_pipeline.devstack.stack import stack_status, start_stack, stop_stack
from data_pipeline.settings import Settings


@click.group()
def command() -> None:
    """Start, stop and show the local stack: Kafka, S3, Dagster, the dashboards."""


@command.command()
@click.option("--only", default=",".join(ALL_SERVICES), show_default=True, help="The services to start, comma-separated.")
def up(only: str) -> None:
    """Start what does not run yet, wait until it answers, and print where to look."""
    # A terminated command has to clean up as an interrupted one does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    names = [name.strip() for name in only.split(",") if name.strip()]
    if not names:
        raise PermanentError(f"--only names no service; there are {', '.join(ALL_SERVICES)}.")
    start_stack(Settings.from_env(), names, progress=lambda sentence: click.echo(sentence, err=True))
    _print_status(as_json=False)


@command.command()
@click.option("--delete-data", is_flag=True, help="Also delete the state folder: records, objects, history, the DuckDB file.")
def down(delete_data: bool) -> None:
    """Stop every process of the stack; its data stays."""
    stopped = stop_stack(Settings.from_env(), delete_data=delete_data, progress=lambda sentence: click.echo(sentence, err=True))
    click.echo(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Show what runs; exit code 1 where nothing or only part of the stack does."""
    if not _print_status(as_json):
        raise SystemExit(1)


def _print_status(as_json: bool) -> bool:
    states = stack_status(Settings.from_env())
    if as_json:
        rows = [
            {"service": s.name, "running": s.is_running, "address": s.address, "pids": s.pids, "logs": [str(path) for path in s.logs]}
            for s in states
        ]
        click.echo(json.dumps(rows, indent=1))
    else:
        table = Table("service", "state", Column("address", overflow="fold"), Column("processes", overflow="fold"))
        for s in states:
            table.add_row(s.name, "[green]running[/]" if s.is_running else "stopped", s.address, ", ".join(map(str, s.pids)))
        Console().print(table)
        click.echo(f"Logs: {states[0].logs[0].parent}")
    return all(s.is_running for s in states)
