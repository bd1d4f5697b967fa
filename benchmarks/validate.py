"""Validation from raw Parquet bytes to staged and quarantine Parquet: ours beside its peers, in turns, in one run.

Belongs here: the data, the peers, the measuring. Does not: printing (`data-pipeline bench validate`).
"""

from __future__ import annotations

import io
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fastjsonschema
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measure import machine, peak_rss_mib
from data_pipeline.common.windows import Hour
from data_pipeline.contracts.arrow import staged_arrow_schema
from data_pipeline.contracts.contract import load_contract
from data_pipeline.contracts.great_expectations_environment import run_suite
from data_pipeline.contracts.great_expectations_suite import flat_columns, great_expectations_suite
from data_pipeline.contracts.pandera_schema import failed_rules, pandera_schema
from data_pipeline.devstack.generator.generate import generate_hours
from data_pipeline.settings import PROJECT_ROOT
from data_pipeline.validation.hour import validate_hour

OURS = "data-pipeline"
BARE = "data-pipeline without profile"
FLOOR = "polars read_ndjson, no validation"
ROW_BY_ROW = "orjson + fastjsonschema"
SOURCE = "web"
HOUR = Hour.parse("2026-03-14T09")
CHUNK_ROWS = 250_000
THREAD_VARIABLES = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


FAULT_RATES = (0.0, 0.01, 0.05)


def run(events: int, runs: int, report: Callable[[str], None]) -> dict[str, Any]:
    """The bench behind `data-pipeline bench validate`.

    On data without faults every entry runs on one core, and ours and the floor on two; with one and five per cent of broken rows ours,
    the floor and the row-by-row peer run on one core. Within a round each entry runs once, so that all see the same machine.
    """
    entries: list[dict[str, Any]] = []
    by_key: dict[tuple[str, int, float], dict[str, Any]] = {}
    value_bytes = 0.0
    for rate in FAULT_RATES:
        names = list(ENTRIES) if rate == 0.0 else [OURS, FLOOR, ROW_BY_ROW]
        contestants = [(name, 1) for name in names] + ([(OURS, 2), (FLOOR, 2)] if rate == 0.0 else [])
        for (name, cores), entry in _measure(events, runs, rate, contestants, report).items():
            value_bytes = entry.pop("value_bytes") if rate == 0.0 else (entry.pop("value_bytes"), value_bytes)[1]
            by_key[name, cores, rate] = entry
            title = f"{name}, {cores} core{'s' if cores > 1 else ''}, {rate:.0%} faults"
            entries.append({"name": title, "kind": ENTRIES[name][0], **entry})
    return {
        "stage": "validate",
        "machine": machine(),
        "events": events,
        "bytes_per_event": value_bytes / events,
        "entries": entries,
        "ratios": _ratios(by_key),
    }


def _ratios(by_key: dict[tuple[str, int, float], dict[str, Any]]) -> dict[str, float]:
    rates = {key: entry["events_per_s"]["median"] for key, entry in by_key.items()}
    ours = {(cores, fault_rate): rate for (name, cores, fault_rate), rate in rates.items() if name == OURS}
    found = {
        f"{name}, {cores} core{'s' if cores > 1 else ''}, {fault_rate:.0%} faults": ours[cores, fault_rate] / rate
        for (name, cores, fault_rate), rate in rates.items()
        if name != OURS
    }
    return {**found, "ours on one core": ours[2, 0.0] / ours[1, 0.0], "ours without profile": rates[BARE, 1, 0.0] / ours[1, 0.0]}


def _measure(
    events: int, runs: int, fault_rate: float, contestants: Sequence[tuple[str, int]], report: Callable[[str], None]
) -> dict[tuple[str, int], dict[str, Any]]:
    """Measure contestants in turns, each run in a process of its own that may use so many cores and is warm when it is measured."""
    with tempfile.TemporaryDirectory(prefix="data-pipeline-bench-") as name:
        folder = Path(name)
        report(f"writing {events:,} events with {fault_rate:.0%} faults")
        value_bytes = _make(folder, events, fault_rate)
        measured: dict[tuple[str, int], list[dict[str, float]]] = {}
        gone: set[str] = set()
        for turn in range(runs):
            for entry, cores in contestants:
                if entry in gone:
                    continue
                try:
                    result = _in_process(entry, folder, cores)
                except UnavailableError as error:
                    if entry in (OURS, BARE):
                        raise
                    report(f"left out: {entry}: {error}")
                    gone.add(entry)
                    continue
                report(f"round {turn + 1} of {runs}: {entry}, {cores} core(s): {events / result['wall_s']:,.0f} events/s")
                measured.setdefault((entry, cores), []).append(result)
    return {
        key: {
            "value_bytes": value_bytes,
            "cores": key[1],
            "fault_rate": fault_rate,
            "events_per_s": _spread([events / result["wall_s"] for result in results]),
            "cpu_s_per_million": statistics.median(result["cpu_s"] for result in results) / events * 1e6,
            "peak_rss_mib": max(result["peak_rss_mib"] for result in results),
            "cold_s": results[0]["cold_s"],
        }
        for key, results in measured.items()
    }


class UnavailableError(RuntimeError):
    """A contestant that cannot run on this machine; the message says why."""


def _spread(rates: list[float]) -> dict[str, float]:
    return {"min": min(rates), "median": statistics.median(rates), "max": max(rates)}


def _make(folder: Path, events: int, fault_rate: float) -> int:
    """Raw objects of one hour with a manifest, as landing leaves them, and parsed columns for the peers that start there."""
    import hashlib

    from data_pipeline.common.layout import hour_partition, hour_prefix
    from data_pipeline.common.manifest import Entry, Manifest, publish_manifest
    from data_pipeline.common.object_store import LocalObjectStore
    from data_pipeline.contracts.arrow import RAW_SCHEMA

    store = LocalObjectStore(folder / "bucket")
    prefix = hour_prefix("raw", SOURCE, HOUR)
    batches = generate_hours(SOURCE, [HOUR], 24.0 * events, 1, fault_rate, exact_count=events, partition_count=1)
    table = pa.concat_tables([batch.table.cast(RAW_SCHEMA) for batch in batches])
    entries = []
    for start in range(0, events, CHUNK_ROWS):
        buffer = io.BytesIO()
        pq.write_table(table.slice(start, CHUNK_ROWS), buffer, compression="zstd", compression_level=1, use_dictionary=False)
        data, key = buffer.getvalue(), f"{prefix}/0-{start}-{start + CHUNK_ROWS - 1}.parquet"
        store.put(key, data)
        rows = min(CHUNK_ROWS, events - start)
        entries.append(Entry(key, len(data), rows, hashlib.sha256(data).hexdigest()))
    publish_manifest(store, prefix, Manifest("raw", hour_partition(SOURCE, HOUR), entries, {}), None)
    validate_hour(load_contract("product_event"), SOURCE, HOUR, store, run_id="prepare", worker_count=1)
    parsed = list((folder / "bucket" / "staged").rglob("*.parquet"))
    pl.read_parquet(parsed).write_parquet(folder / "parsed.parquet")
    return int(pa.compute.sum(pa.compute.binary_length(table.column("value"))).as_py())


def _raw_files(folder: Path) -> list[Path]:
    return sorted((folder / "bucket" / "raw").rglob("*.parquet"))


def _ours(folder: Path, cores: int) -> None:
    from data_pipeline.common.object_store import LocalObjectStore

    for path in (folder / "bucket" / stage for stage in ("staged", "quarantine")):
        for manifest in path.rglob("_manifest.json"):
            manifest.unlink()
    validate_hour(load_contract("product_event"), SOURCE, HOUR, LocalObjectStore(folder / "bucket"), run_id="bench", worker_count=cores)


def _without_profile(folder: Path, cores: int) -> None:
    """Ours with profile and findings left out: what they cost is the difference."""
    from unittest import mock

    from data_pipeline.validation import hour

    with mock.patch.object(hour, "PRODUCT_EVENT_CONTRACT", "none"):
        _ours(folder, cores)


def _parsed_schema() -> dict[str, Any]:
    """Columns of a parsed value; instants stay strings."""
    schema = dict(pl.DataFrame(pl.from_arrow(staged_arrow_schema(load_contract("product_event")).empty_table())).schema)
    for name in ("content_hash", "received_at", "kafka_partition", "kafka_offset"):
        del schema[name]
    schema["occurred_at"] = schema["sent_at"] = pl.String()
    return schema


def _polars_floor(folder: Path, cores: int) -> None:
    """Parse with a schema, check nothing, write what came."""
    schema = _parsed_schema()
    for number, path in enumerate(_raw_files(folder)):
        values = pq.read_table(path, columns=["value"])["value"].to_pylist()
        lines = b"\n".join(value for value in values if value)
        pl.read_ndjson(lines, schema=schema, ignore_errors=True).write_parquet(folder / f"floor-{number}.parquet", compression_level=1)


def _row_by_row(folder: Path, cores: int) -> None:
    """Orjson and the schema compiled to Python, a row at a time."""
    schema = orjson.loads((load_contract("product_event").folder / "v1.schema.json").read_bytes())
    del schema["$id"]  # or its own $refs would be looked for elsewhere
    check = fastjsonschema.compile(schema)
    for number, path in enumerate(_raw_files(folder)):
        table = pq.read_table(path)
        good, bad = [], []
        for row, value in enumerate(table["value"].to_pylist()):
            try:
                good.append(check(orjson.loads(value)))
            except (ValueError, TypeError, fastjsonschema.JsonSchemaException):
                bad.append(row)
        if good:
            pl.from_dicts(good, schema=_parsed_schema(), strict=False).write_parquet(folder / f"rows-{number}.parquet", compression_level=1)
        pq.write_table(table.take(pa.array(bad, pa.int64())), folder / f"rows-bad-{number}.parquet")


def _pandera(folder: Path, cores: int) -> None:
    """All checks over columns that were parsed before, the failing rows dropped."""
    frame = pl.read_parquet(folder / "parsed.parquet")
    failed = failed_rules(pandera_schema(load_contract("product_event"), SOURCE), frame)
    frame.filter(pl.Series([not rules for rules in failed])).write_parquet(folder / "pandera.parquet", compression_level=1)


def _great_expectations(folder: Path, cores: int) -> None:
    """The rendered suite over columns that were parsed before, in the environment of its own; all in one process of its own."""
    contract, frame = load_contract("product_event"), pl.read_parquet(folder / "parsed.parquet")
    failed = run_suite(
        great_expectations_suite(contract, SOURCE), flat_columns(contract, frame), PROJECT_ROOT / ".cache" / "great-expectations"
    )
    bad = sorted(set().union(*failed.values()))
    frame.with_row_index("row").filter(~pl.col("row").is_in(bad)).write_parquet(folder / "expectations.parquet", compression_level=1)


ENTRIES: dict[str, tuple[str, Callable[[Path, int], None]]] = {
    OURS: ("ours", _ours),
    FLOOR: ("floor", _polars_floor),
    ROW_BY_ROW: ("peer", _row_by_row),
    "pandera on parsed columns": ("peer", _pandera),
    "great_expectations on parsed columns": ("peer", _great_expectations),
    BARE: ("ours", _without_profile),
}


def _in_process(entry: str, folder: Path, cores: int) -> dict[str, float]:
    """Run one entry in a fresh interpreter that is warm: it runs a first time on the same data, which is shown apart."""
    environment = {"PATH": "/usr/bin:/bin", **dict.fromkeys(THREAD_VARIABLES, str(cores))}
    command = [sys.executable, "-m", "benchmarks.validate", entry, str(folder), str(cores)]
    done = subprocess.run(command, capture_output=True, env=environment, cwd=PROJECT_ROOT, check=False)
    if done.returncode:
        raise UnavailableError((done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1])
    result: dict[str, float] = orjson.loads(done.stdout.splitlines()[-1])
    return result


def _cpu_s() -> float:
    """Of this process and its children."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _main() -> None:
    """What the measured process does."""
    entry, folder, cores = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    pa.set_cpu_count(cores)
    run = ENTRIES[entry][1]
    cold = time.perf_counter()
    run(folder, cores)
    wall, cpu = time.perf_counter(), _cpu_s()
    run(folder, cores)
    done = time.perf_counter()
    result = {"cold_s": wall - cold, "wall_s": done - wall, "cpu_s": _cpu_s() - cpu, "peak_rss_mib": peak_rss_mib(os.getpid())}
    sys.stdout.write(orjson.dumps(result).decode() + "\n")


if __name__ == "__main__":
    _main()
