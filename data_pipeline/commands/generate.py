"""`data-pipeline generate`: send made-up or real sample events to Kafka, or write them into files.

Belongs here: options, progress and the printed table. Does not: making events (`devstack/`).
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.sources import load_sources
from data_pipeline.common.windows import Hour, hours_of_day, parse_day
from data_pipeline.devstack.generator.batch import OffsetCounter, RawBatch, merge_batches
from data_pipeline.devstack.generator.generate import generate_hours
from data_pipeline.devstack.generator.injection import check_faults
from data_pipeline.devstack.generator.rhythm import SOURCE_SHARES, quotas, traffic_of
from data_pipeline.devstack.generator.sinks import FileSink, KafkaSink, Sink
from data_pipeline.devstack.generator.topics import partition_counts, topic_warnings
from data_pipeline.devstack.generator.totals import EventTotals
from data_pipeline.devstack.samples import real_input
from data_pipeline.settings import Settings

_FILE_PARTITIONS = 4
_DEFAULT_EVENTS = 200_000


@click.command(name="generate")
@click.option("--day", "day_text", required=True, metavar="2026-03-14", help="First day of arrival, UTC.")
@click.option("--days", type=click.IntRange(1, 400), default=1, show_default=True, help="How many days.")
@click.option(
    "--events", type=click.IntRange(0), help=f"Made-up events a day, all sources together.  [default: {_DEFAULT_EVENTS}, 0 with --real]"
)
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed and size give the same events.")
@click.option("--fault-rate", type=float, default=0.0, show_default=True, help="Share of made-up events that are broken, 0 to 1.")
@click.option("--faults", help="Faults to choose from, comma-separated; all of them if not given.")
@click.option("--sources", default=",".join(SOURCE_SHARES), show_default=True, help="Sources, comma-separated.")
@click.option("--real", is_flag=True, help="Send the real access log (web) and order lines (server), shifted into these days.")
@click.option("--to-kafka", is_flag=True, help="Send to Kafka (what is done unless --out is given).")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write files into this folder instead.")
@click.option("--format", "file_format", type=click.Choice(["parquet", "ndjson"]), default="parquet", show_default=True, help="With --out.")
@click.option("--per", type=click.Choice(["day", "hour"]), default="day", show_default=True, help="With --out: one file a source and …")
@click.option(
    "--partitions", type=click.IntRange(1, 1000), default=_FILE_PARTITIONS, show_default=True, help="Of files, and of topics made here."
)
@click.option("--totals", "totals_path", type=click.Path(dir_okay=False, path_type=Path), help="Also write the counts into this JSON file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    day_text: str,
    days: int,
    events: int | None,
    seed: int,
    fault_rate: float,
    faults: str | None,
    sources: str,
    real: bool,
    to_kafka: bool,
    out: Path | None,
    file_format: str,
    per: str,
    partitions: int,
    totals_path: Path | None,
    as_json: bool,
) -> None:
    """Send generated or real sample events to Kafka, or write them into files.

    Prints what was sent, counted where it was made: events by source, type and day, orders and amounts, faults by rule.
    """
    if to_kafka and out is not None:
        raise PermanentError("--to-kafka and --out exclude each other; give one of them.")
    names = [name.strip() for name in sources.split(",") if name.strip()]
    unknown = [name for name in names if name not in SOURCE_SHARES]
    if unknown or not names:
        raise PermanentError(f"'{unknown[0] if unknown else sources}' cannot be generated; choose from {', '.join(SOURCE_SHARES)}.")
    fault_names = [name.strip() for name in faults.split(",")] if faults else None
    check_faults(fault_rate, fault_names)
    first = parse_day(day_text)
    dates = [first + timedelta(days=number) for number in range(days)]
    hours = [hour for date in dates for hour in hours_of_day(date)]
    event_count = events if events is not None else (0 if real else _DEFAULT_EVENTS)

    partition_count, sink, warnings = _open_sink(names, out, file_format, per == "hour", partitions, hours[0])
    streams: dict[str, list[Iterator[RawBatch]]] = {name: [] for name in names}
    if event_count:
        traffic = traffic_of(names, event_count, [hours[24 * number] for number in range(days)], seed)
        exact = quotas(event_count * days, [SOURCE_SHARES[name] for name in names])
        for name, count in zip(names, exact, strict=True):
            streams[name].append(
                generate_hours(
                    name,
                    hours,
                    0,
                    seed,
                    fault_rate,
                    traffic=traffic,
                    faults=fault_names,
                    exact_count=count,
                    partition_count=partition_count[name],
                )
            )
    if real:
        for name, batches in real_input(dates, names, partition_count).items():
            streams[name].append(batches)

    totals = EventTotals()
    started = time.perf_counter()
    console = Console(stderr=True)
    try:
        with console.status("starting", spinner="line") as status:
            for batch in _by_hour(streams):
                sink.write(batch)
                totals.add(batch)
                status.update(f"{batch.hour}: {totals.record_count:,} records")
        sink.close()
    except BaseException:
        sink.abort()
        raise
    elapsed = time.perf_counter() - started
    document = {
        "days": [date.isoformat() for date in dates],
        "seed": seed,
        "fault_rate": fault_rate,
        "seconds": round(elapsed, 3),
        "records_per_s": round(totals.record_count / elapsed) if elapsed else 0,
        "warnings": warnings,
        **totals.to_json(),
    }
    if isinstance(sink, FileSink):
        document["files"] = [str(path) for path in sink.paths]
    if totals_path is not None:
        totals_path.parent.mkdir(parents=True, exist_ok=True)
        totals_path.write_text(json.dumps(document, indent=1) + "\n")
    for warning in warnings:
        console.print(f"warning: {warning}", style="yellow", highlight=False)
    if as_json:
        click.echo(json.dumps(document, indent=1))
    else:
        _print(document, elapsed, totals.record_count)


def _open_sink(
    names: list[str], out: Path | None, file_format: str, is_hourly: bool, partitions: int, first: Hour
) -> tuple[dict[str, int], Sink, list[str]]:
    if out is not None:
        return dict.fromkeys(names, partitions), FileSink(out, file_format, is_hourly), []
    settings = Settings.from_env()
    known = load_sources(settings.sources_file)
    missing = [name for name in names if name not in known]
    if missing:
        raise PermanentError(f"Source '{missing[0]}' has no block in {settings.sources_file}; add one, or leave it out of --sources.")
    topics = {name: known[name].topic for name in names}
    config = settings.kafka_client_config()
    counts = partition_counts(config, topics, partitions)
    return counts, KafkaSink(config, topics), topic_warnings(config, topics, first.start)


def _by_hour(streams: dict[str, list[Iterator[RawBatch]]]) -> Iterator[RawBatch]:
    """Batches of all sources hour by hour; where a source has two streams, their records are merged by `received_at`."""
    grouped = {
        name: [itertools.groupby(stream, key=lambda batch: batch.hour) for stream in several]
        for name, several in streams.items()
        if several
    }
    offsets = {name: OffsetCounter() for name in grouped}
    while grouped:
        for name in list(grouped):
            try:
                groups = [list(next(stream)[1]) for stream in grouped[name]]
            except StopIteration:
                del grouped[name]
                continue
            yield from groups[0] if len(groups) == 1 else [merge_batches([batch for group in groups for batch in group], offsets[name])]


def _print(document: dict[str, object], elapsed: float, record_count: int) -> None:
    table = Table(title=f"Sent {record_count:,} records in {elapsed:.1f} s")
    columns = ("records", "broken", "conflicts", "duplicates", "events")
    table.add_column("source")
    for column in columns:
        table.add_column(column, justify="right")
    by_source = document["by_source"]
    assert isinstance(by_source, dict)
    for source, counts in by_source.items():
        table.add_row(source, *(f"{counts[column]:,}" for column in columns))
    Console().print(table)
