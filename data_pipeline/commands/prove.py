"""`data-pipeline prove`: the proof of the hours of a window."""

from __future__ import annotations

import json
import sys

import click

from data_pipeline.common.sources import find_source, load_sources
from data_pipeline.common.windows import parse_window
from data_pipeline.landing import NotPublishedError, PartitionProof, prove_hour, utc_now
from data_pipeline.settings import Settings

EXIT_NOT_PROVEN = 1
EXIT_NOT_OVER = 3


@click.command()
@click.option("--source", "source_name", required=True, help="A source of the sources file, such as `web`.")
@click.option("--window", required=True, help="An hour, 2026-03-14T09, or a day, 2026-03-14 (UTC).")
@click.option("--without-kafka", is_flag=True, help="Prove from manifests and objects alone.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(source_name: str, window: str, without_kafka: bool, as_json: bool) -> None:
    """Show for each hour that landed plus control records and gaps equals the offsets.

    Kafka is read again while it still has the offsets; else the proof comes from the manifest and its objects. Every object is
    compared with its digest. Exit code 0: proven. 3: all that is over is proven. 1: something is lost, doubled or altered,
    or an hour is not published.
    """
    hours = parse_window(window)
    settings = Settings.from_env()
    source = find_source(load_sources(settings.sources_file), source_name)
    proofs: list[PartitionProof] = []
    unpublished: list[str] = []
    for hour in (hour for hour in hours if hour.end <= utc_now()):
        try:
            proofs += prove_hour(
                source,
                hour,
                settings.kafka_client_config(),
                settings.object_store(),
                worker_count=settings.worker_count,
                with_kafka=not without_kafka,
            )
        except NotPublishedError as error:
            unpublished.append(str(error))
    if as_json:
        click.echo(json.dumps([proof.to_json() for proof in proofs], indent=1))
    else:
        _print_table(proofs)
    for sentence in (note for proof in proofs for note in proof.notes):
        click.echo(f"error: {sentence}", err=True)
    if unpublished:
        click.echo(f"error: {unpublished[0]}" + (f" So are {len(unpublished) - 1} more hours." if unpublished[1:] else ""), err=True)
    if unpublished or not all(proof.is_exact for proof in proofs):
        sys.exit(EXIT_NOT_PROVEN)
    if hours[-1].end > utc_now():
        click.echo(f"{window} is not over yet.", err=True)
        sys.exit(EXIT_NOT_OVER)


def _print_table(proofs: list[PartitionProof]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("source", title="landed + control or gap = end − start")
    table.add_column("hour", no_wrap=True)
    for name in ("partition", "start", "end", "landed", "control or gap", "difference"):
        table.add_column(name, justify="right")
    table.add_column("before")
    table.add_column("evidence")
    for proof in proofs:
        numbers = (proof.partition, proof.start, proof.end, proof.landed, proof.control_or_gap, proof.difference)
        before = "" if proof.is_start_known else "unknown"
        table.add_row(proof.source, proof.hour, *(f"{number:,}" for number in numbers), before, proof.evidence)
    Console().print(table)
    for proof in proofs:
        for key, digest in (proof.digests or {}).items():
            click.echo(f"sha256 {digest}  {key}")
