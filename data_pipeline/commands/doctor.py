"""`data-pipeline doctor`: all checks of a deployment, in the words of its alerts.

Belongs here: options and output. Does not: gathering facts (`orchestration/watch/`), judging (`operations/signals/`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from data_pipeline.settings import Settings

if TYPE_CHECKING:
    from data_pipeline.operations.signals.checks import CheckResult

EXIT_RED = 1


@click.command()
@click.option("--check", "kinds", multiple=True, help="One check by name, such as kafka_lag; repeat it for more. The default is all.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(kinds: tuple[str, ...], as_json: bool) -> None:
    """Look at Kafka, the bucket, the warehouse and Dagster once, and say what is wrong, why, and what repairs it.

    Exit code 0: all is well. 1: something is wrong, or could not be looked at.
    """
    results = examine(Settings.from_env(), kinds)
    if as_json:
        document = [
            {
                "check": result.kind,
                "is_ok": result.is_ok,
                "sentence": result.sentence,
                "blind_on": list(result.blind_on),
                "alerts": [alert.to_json() for alert in result.alerts],
            }
            for result in results
        ]
        click.echo(json.dumps(document, indent=1))
    else:
        show(results)
    if not all(result.is_ok for result in results):
        raise SystemExit(EXIT_RED)


def examine(settings: Settings, kinds: tuple[str, ...] = ()) -> list[CheckResult]:
    """Look once and judge; PermanentError for a check that does not exist."""
    from data_pipeline.common.errors import PermanentError
    from data_pipeline.operations.signals.checks import CHECKS, run_checks
    from data_pipeline.operations.signals.facts import Limits
    from data_pipeline.orchestration.platform import Platform
    from data_pipeline.orchestration.watch.gather import Watcher

    for kind in kinds:
        if kind not in CHECKS:
            raise PermanentError(f"'{kind}' is no check; there are {', '.join(CHECKS)}.")
    return run_checks(Watcher(Platform(settings)).look(), Limits(), kinds)


def show(results: list[CheckResult]) -> None:
    """A line a check; below it the whole message of each alert."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table("", "check", title="Doctor")
    table.add_column("finding", overflow="fold")
    for result in results:
        mark = "[green]✓[/]" if result.is_ok else "[red]✗[/]" if result.alerts else "[yellow]?[/]"
        table.add_row(mark, result.kind, result.sentence)
    console.print(table)
    for result in results:
        for alert in result.alerts:
            console.print("\n".join(alert.sentences()), markup=False)
            console.print()
    red = sum(bool(result.alerts) for result in results)
    blind = sum(bool(result.blind_on) and not result.alerts for result in results)
    console.print(
        f"{len(results) - red - blind} of {len(results)} checks are green."
        + (f" {red} found trouble." if red else "")
        + (f" {blind} could not look." if blind else "")
    )
