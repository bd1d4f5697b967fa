"""`data-pipeline bench STAGE`: measures a stage beside its peers, in one run, in turns.

Belongs here: the list of benches, their common flags and their output. Does not: what is measured (`benchmarks/`).
A bench is a module of `benchmarks/` with `run(events, runs, report) -> BenchResult`; add a line to `BENCHES` for it.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import click

from data_pipeline.commands.lazy_group import LazyGroup
from data_pipeline.common.errors import PermanentError
from data_pipeline.settings import PROJECT_ROOT

BENCHES = {
    "land": ("land", 4_000_000, "Kafka to Parquet on disk and on S3, beside Spark and Kafka's own consumer."),
    "validate": ("validate", 1_000_000, "Raw Parquet to staged and quarantine, beside parsers and validators."),
    "day": ("day", 20_000_000, "A day through every day stage, three sizes; sessions beside DuckDB and polars."),
}


def _bench(name: str) -> click.Command:
    module, default_events, sentence = BENCHES[name]

    @click.command(name, help=sentence)
    @click.option("--events", type=click.IntRange(1), default=default_events, show_default=True, help="How many events.")
    @click.option("--runs", type=click.IntRange(1), default=3, show_default=True, help="Turns of each entry, after a cold one.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    def bench(events: int, runs: int, as_json: bool) -> None:
        # The benches are part of the checkout, not of the installed package.
        if str(PROJECT_ROOT) not in sys.path:
            sys.path.insert(0, str(PROJECT_ROOT))
        try:
            found = importlib.import_module(f"benchmarks.{module}")
        except ModuleNotFoundError as error:
            raise PermanentError(f"The folder benchmarks/ is not at {PROJECT_ROOT} ({error}); run this from a checkout.") from error
        result: dict[str, Any] = found.run(events, runs, lambda line: click.echo(line, err=True))
        click.echo(json.dumps(result, indent=1)) if as_json else _print_table(result)

    return bench


@click.group(cls=LazyGroup, sentences={name: entry[-1] for name, entry in BENCHES.items()}, load=_bench, heading="Stages")
def command() -> None:
    """Measure a stage beside its peers."""


def _print_table(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "kind", title=f"{result['stage']}: {result['events']:,} events, {result['machine']}")
    for name in ("events/s min", "median", "max", "CPU s per million", "peak RSS MiB", "first run s"):
        table.add_column(name, justify="right")
    for entry in result["entries"]:
        rates = entry["events_per_s"]
        table.add_row(
            entry["name"],
            entry["kind"],
            *(f"{rates[key]:,.0f}" for key in ("min", "median", "max")),
            f"{entry['cpu_s_per_million']:.2f}",
            f"{entry['peak_rss_mib']:,.0f}",
            f"{entry.get('cold_s', 0):.1f}",
        )
    console = Console()
    console.print(table)
    for peer, ratio in result["ratios"].items():
        console.print(f"ours / {peer}: {ratio:.2f}")
    for more in result.get("tables", ()):
        shown = Table(*more["columns"], title=more["title"])
        for row in more["rows"]:
            shown.add_row(*row)
        # A narrow terminal would cut the names of stages off.
        Console(width=max(console.width, 110)).print(shown)
    for note in result.get("notes", ()):
        console.print(note)
