"""`data-pipeline lag`: how far landing is behind Kafka."""

from __future__ import annotations

import json
import sys

import click

from data_pipeline.common.errors import PipelineError
from data_pipeline.common.sources import find_source, load_sources
from data_pipeline.landing import PartitionLag, measure_lag
from data_pipeline.settings import Settings

EXIT_LOST = 1


@click.command()
@click.option("--source", "names", multiple=True, help="A source of the sources file; repeat it for more. The default is all.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(names: tuple[str, ...], as_json: bool) -> None:
    """Show, per Kafka partition, the age of the first record that has not landed.

    Exit code 0: measured. Any other: a source could not be measured, or Kafka has deleted offsets that never landed.
    """
    settings = Settings.from_env()
    sources = load_sources(settings.sources_file)
    chosen = [find_source(sources, name) for name in names] or list(sources.values())
    lags: list[PartitionLag] = []
    failures: list[PipelineError] = []
    for source in chosen:
        try:
            lags += measure_lag(source, settings.kafka_client_config(), settings.object_store())
        except PipelineError as error:
            if len(chosen) == 1:
                raise
            failures.append(error)
    if as_json:
        click.echo(json.dumps([lag.to_json() for lag in lags], indent=1))
    else:
        _print_table(lags)
    for failure in failures:
        click.echo(f"error: {failure}", err=True)
    for lag in lags:
        if lag.lost_offsets:
            click.echo(
                f"error: Kafka deleted {lag.lost_offsets} offsets of {lag.topic} partition {lag.partition} from {lag.first_not_landed} on "
                "before they landed.",
                err=True,
            )
    if failures or any(lag.lost_offsets for lag in lags):
        sys.exit(EXIT_LOST)


def _print_table(lags: list[PartitionLag]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("source", title="Behind Kafka")
    for name in ("partition", "first not landed", "log end", "offsets behind", "lag", "records/s", "until retention"):
        table.add_column(name, justify="right")
    for lag in lags:
        numbers = (lag.partition, lag.first_not_landed, lag.log_end, lag.offsets_behind)
        table.add_row(
            lag.source,
            *(f"{number:,}" for number in numbers),
            "?" if lag.lag_s is None else f"{lag.lag_s:,.1f} s",
            f"{lag.rate_per_s:,.1f}",
            "" if lag.retention_left_s is None else f"{lag.retention_left_s / 3600:,.1f} h",
        )
    Console().print(table)
