"""`data-pipeline land`: land and close the hours of a window."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable
from typing import Any

import click

from data_pipeline.common.errors import PipelineError, TransientError
from data_pipeline.common.sources import Source, find_source, load_sources
from data_pipeline.common.windows import Hour, parse_window
from data_pipeline.landing import LandedHour, LandingProgress, land_hour
from data_pipeline.landing.kafka_client import KafkaRefusedError, KafkaUnavailableError, UnknownTopicError
from data_pipeline.settings import Settings

EXIT_NOT_OVER = 3
_HOPELESS = (KafkaUnavailableError, KafkaRefusedError, UnknownTopicError)
"""Failures that the next hour would meet as well."""


@click.command()
@click.option("--source", "source_name", required=True, help="A source of the sources file, such as `web`.")
@click.option("--window", required=True, help="An hour, 2026-03-14T09, or a day, 2026-03-14 (UTC).")
@click.option("--workers", type=click.IntRange(1, 256), default=None, help="Threads; the default is DATA_PIPELINE_WORKER_COUNT.")
@click.option("--wait", "wait_s", type=click.FloatRange(0), default=60, show_default=True, help="Seconds to wait for open transactions.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(source_name: str, window: str, workers: int | None, wait_s: float, as_json: bool) -> None:
    """Land the hours of a window from Kafka into raw.

    Exit code 0: every hour is published. 3: the window is not over; what was full so far has landed. Any other: trouble.
    """
    hours = parse_window(window)
    settings = Settings.from_env()
    source = find_source(load_sources(settings.sources_file), source_name)
    store = settings.object_store()
    run_id = f"land-{uuid.uuid4().hex[:12]}"

    def land(hour: Hour) -> LandedHour:
        return land_hour(
            source,
            hour,
            settings.kafka_client_config(),
            store,
            run_id=run_id,
            worker_count=workers or settings.worker_count,
            wait_s=wait_s,
            progress=_progress_line(),
        )

    landed, failed = _land_each(hours, land)
    rows = [_row(source, hour, landed.get(hour), failed.get(hour)) for hour in hours if hour in landed or hour in failed]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    else:
        _print_table(rows)
    if failed:
        _raise(failed)
    if not all(outcome.is_closed for outcome in landed.values()):
        click.echo(f"{source.name} {window} is not over yet; run again after its end to close it.", err=True)
        sys.exit(EXIT_NOT_OVER)


def _land_each(hours: list[Hour], land: Callable[[Hour], LandedHour]) -> tuple[dict[Hour, LandedHour], dict[Hour, PipelineError]]:
    """Land hour after hour, past those that fail on their own."""
    landed: dict[Hour, LandedHour] = {}
    failed: dict[Hour, PipelineError] = {}
    for hour in hours:
        try:
            landed[hour] = land(hour)
        except _HOPELESS:
            raise
        except PipelineError as error:
            failed[hour] = error
    return landed, failed


def _raise(failed: dict[Hour, PipelineError]) -> None:
    """One hour's own error, or one that names all."""
    errors = list(failed.values())
    if len(errors) == 1:
        raise errors[0]
    sentence = f"{len(errors)} hours failed: " + " ".join(f"{hour}: {error}" for hour, error in failed.items())
    if all(isinstance(error, TransientError) for error in errors):
        raise TransientError(sentence)
    raise PipelineError(sentence)


def _row(source: Source, hour: Hour, landed: LandedHour | None, error: PipelineError | None) -> dict[str, Any]:
    partitions = landed.partitions if landed else []
    state = "failed" if landed is None else "published" if landed.is_closed else "open"
    return {
        "source": source.name,
        "hour": str(hour),
        "state": state,
        "offsets": sum(proof.end - proof.start for proof in partitions),
        "landed": sum(proof.landed for proof in partitions),
        "control_or_gap": sum(proof.control_or_gap for proof in partitions),
        "difference": sum(proof.difference for proof in partitions),
        "objects": landed.object_count if landed else 0,
        "bytes": landed.size_bytes if landed else 0,
        "error": str(error) if error else None,
    }


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    texts, numbers = ("source", "hour", "state"), ("offsets", "landed", "control_or_gap", "difference", "objects", "bytes")
    table = Table(*texts, title="Landed")
    for name in numbers:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*(row[name] for name in texts), *(f"{row[name]:,}" for name in numbers))
    Console().print(table)


def _progress_line() -> Callable[[LandingProgress], None] | None:
    """A line that is written over, on a terminal only."""
    if not sys.stderr.isatty():
        return None

    def show(moment: LandingProgress) -> None:
        end = "\n" if moment.done_offsets >= moment.total_offsets else ""
        click.echo(f"\r\033[K{moment}{end}", err=True, nl=False)

    return show
