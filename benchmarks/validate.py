"""Validation from raw Parquet bytes to staged and quarantine Parquet: ours beside its peers, in turns, in one run.

Belongs here: the data, the peers, the measuring. Does not: printing (`data-pipeline bench validate`).
"""

from __future__ import annotations

import io
import platform
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

from data_pipeline.common.windows import Hour
from data_pipeline.contracts.arrow import staged_arrow_schema
from data_pipeline.contracts.contract import load_contract
from data_pipeline.contracts.pandera_schema import failed_rules, pandera_schema
from data_pipeline.devstack.generator.generate import generate_hours
from data_pipeline.validation.hour import validate_hour

OURS = "data-pipeline"
SOURCE = "web"
HOUR = Hour.parse("2026-03-14T09")
CHUNK_ROWS = 250_000
THREAD_VARIABLES = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


VARIANTS = ((0.01, 1), (0.05, 1), (0.0, 2))
"""Share of broken rows and cores that ours is measured with besides none and one."""


def run(events: int, runs: int, report: Callable[[str], None]) -> dict[str, Any]:
    """The bench behind `data-pipeline bench validate`: all entries on one core without faults, then ours in its variants."""
    report(f"all entries, 1 core, no faults, {events} events")
    result = bench_validate(events, runs)
    for fault_rate, cores in VARIANTS:
        report(f"data-pipeline, {cores} core(s), {fault_rate:.0%} faults")
        (entry,) = bench_validate(events, runs, fault_rate, cores, names=[OURS])["entries"]
        result["entries"].append({**entry, "name": f"{OURS}, {cores} core(s), {fault_rate:.0%} faults"})
    return result


def bench_validate(
    events: int = 200_000, runs: int = 3, fault_rate: float = 0.0, cores: int = 1, names: Sequence[str] | None = None
) -> dict[str, Any]:
    """Measure every entry `runs` times, each in a process of its own that may use `cores` cores.

    Args:
        events: rows of the hour.
        runs: rounds; within a round each entry runs once.
        fault_rate: share of broken rows.
        cores: cores that a process may use.
        names: entries to measure; all where None.

    Returns:
        The JSON of `data-pipeline bench`: stage, machine, events, entries, ratios.
    """
    with tempfile.TemporaryDirectory(prefix="data-pipeline-bench-") as name:
        folder = Path(name)
        value_bytes = _make(folder, events, fault_rate)
        measured: dict[str, list[dict[str, float]]] = {entry: [] for entry in names or ENTRIES}
        for _ in range(runs):
            for entry, results in measured.items():
                results.append(_in_process(entry, folder, cores))
    entries = [
        {
            "name": entry,
            "kind": ENTRIES[entry][0],
            "events_per_s": _spread([events / result["wall_s"] for result in results]),
            "cpu_s_per_million": statistics.median(result["cpu_s"] for result in results) / events * 1e6,
            "peak_rss_mib": max(result["peak_rss_mib"] for result in results),
        }
        for entry, results in measured.items()
    ]
    ours = next(entry for entry in entries if entry["kind"] == "ours")
    ratios = {
        entry["name"]: ours["events_per_s"]["median"] / entry["events_per_s"]["median"]  # type: ignore[index]
        for entry in entries
        if entry is not ours
    }
    machine = {"processor": platform.processor() or platform.machine(), "cores": cores, "python": platform.python_version()}
    return {
        "stage": "validate",
        "machine": machine,
        "events": events,
        "bytes_per_event": value_bytes / events,
        "fault_rate": fault_rate,
        "entries": entries,
        "ratios": ratios,
    }


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


ENTRIES: dict[str, tuple[str, Callable[[Path, int], None]]] = {
    OURS: ("ours", _ours),
    "polars read_ndjson, no validation": ("floor", _polars_floor),
    "orjson + fastjsonschema": ("peer", _row_by_row),
    "pandera on parsed columns": ("peer", _pandera),
}


def _in_process(entry: str, folder: Path, cores: int) -> dict[str, float]:
    """Run one entry in a fresh interpreter that is warm: it runs a first time on the same data without being measured."""
    environment = {"PATH": "/usr/bin:/bin", **dict.fromkeys(THREAD_VARIABLES, str(cores))}
    command = [sys.executable, "-m", "benchmarks.validate", entry, str(folder), str(cores)]
    done = subprocess.run(command, check=True, capture_output=True, env=environment, cwd=Path(__file__).parent.parent)
    result: dict[str, float] = orjson.loads(done.stdout.splitlines()[-1])
    return result


def _main() -> None:
    """What the measured process does."""
    import os

    entry, folder, cores = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    pa.set_cpu_count(cores)
    run = ENTRIES[entry][1]
    run(folder, cores)
    wall, cpu = time.perf_counter(), time.process_time()
    run(folder, cores)
    result = {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    sys.stdout.write(orjson.dumps(result).decode() + "\n")


if __name__ == "__main__":
    _main()
