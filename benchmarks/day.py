"""A generated day of several sizes through every day stage: seconds, rows/s, memory, bytes, growth, and the cluster that a peak day needs.

Belongs here: the sizes, growth and its consequence. Does not: the measurement of one size (`day_worker.py`), printing (the command).
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson

from benchmarks.measure import machine

PEAK_EVENTS_PER_S = 500_000
"""What design.md says may arrive; a day that is as busy all day long is the worst one."""
DAY_SECONDS, LIMIT_S = 86_400, 7_200
GOALS = {"exponent": 1.05, "spark_to_duckdb": 2.5, "load_rows_per_s": 1e6, "dbt_build_s_at_10_million": 60, "orchestration_share": 0.05}


def run(events: int, runs: int, report: Callable[[str], None]) -> dict[str, Any]:
    """The bench behind `data-pipeline bench day`: a quarter, a half and all of the events, each in a process of its own."""
    sizes = [5_000_000, 10_000_000, 20_000_000, events] if events > 20_000_000 else [max(events // 4, 1), max(events // 2, 1), events]
    measured = []
    for size in sizes:
        report(f"{size:,} events through every day stage")
        measured.append(_in_process(size, runs if size <= 20_000_000 else 0))
    return summarize(measured)


def summarize(measured: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The bench's document from the measurements of the sizes, in growing order.

    Growth is the exponent b of seconds = a x events^b, by least squares on logarithms. The cluster follows from it: the
    largest size's core seconds, grown to the peak day, over two hours.
    """
    names = [*measured[0]["stages"], "the whole day"]
    seconds = {name: [_seconds(size, name) for size in measured] for name in names}
    events = [size["events"] for size in measured]
    growth = {name: exponent(events, values) for name, values in seconds.items()}
    sessions = [size["sessionize"] for size in measured if size["sessionize"]]
    needed = cluster(events[-1], seconds["the whole day"][-1], growth["the whole day"])
    goals = _goals(measured, growth, sessions)
    return {
        "stage": "day",
        "machine": machine(),
        "events": events[-1],
        "entries": [
            {**entry, "name": f"sessionize, {size['events']:,}: {entry['name']}"} for size in sessions for entry in size["entries"]
        ],
        # The bench's ratios are peer's time to ours; the goal is stated the other way round.
        "ratios": sessions[-1]["ratios"] if sessions else {},
        "sizes": list(measured),
        "exponents": growth,
        "cluster": needed,
        "goals": goals,
        "tables": [_stages_table(measured, growth), _goals_table(goals)],
        "notes": [_cluster_sentence(needed)],
    }


def exponent(events: Sequence[int], seconds: Sequence[float]) -> float | None:
    """Slope of log(seconds) over log(events); None for fewer than two sizes or a time of zero."""
    points = [(math.log(n), math.log(s)) for n, s in zip(events, seconds, strict=True) if s > 0]
    if len({x for x, _ in points}) < 2:
        return None
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def cluster(events: int, seconds: float, growth: float | None) -> dict[str, Any]:
    """Cores for a 2-hour peak day: core seconds of the measured day, grown by the exponent (1 where it is less or unknown)."""
    peak_day = PEAK_EVENTS_PER_S * DAY_SECONDS
    power = max(1.0, growth or 1.0)
    core_seconds = (os.cpu_count() or 1) * seconds * (peak_day / events) ** power
    cores = math.ceil(core_seconds / LIMIT_S)
    return {
        "events_a_day": peak_day,
        "hours": LIMIT_S // 3600,
        "exponent": power,
        "cores": cores,
        "workers_of_16_cores": math.ceil(cores / 16),
    }


def _in_process(events: int, runs: int) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-bench-day-"))
    try:
        command = [sys.executable, "-m", "benchmarks.day_worker", str(events), str(runs), str(folder)]
        with (folder / "log").open("w") as log:
            done = subprocess.run(command, cwd=Path(__file__).parent.parent, stdout=log, stderr=log, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"The run of {events:,} events failed:\n{(folder / 'log').read_text()[-3000:]}")
        result: dict[str, Any] = orjson.loads((folder / "result.json").read_bytes())
        return result
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _seconds(size: dict[str, Any], name: str) -> float:
    return float(size["seconds"] if name == "the whole day" else size["stages"][name]["seconds"])


def _goals(measured: Sequence[dict[str, Any]], growth: dict[str, float | None], sessions: Sequence[Any]) -> dict[str, dict[str, Any]]:
    last = measured[-1]
    load, model = last["stages"]["load"], last["stages"]["dbt build"]
    found = {
        "exponent": growth["the whole day"],
        "spark_to_duckdb": 1 / sessions[-1]["ratios"]["duckdb"] if sessions else None,
        "load_rows_per_s": load["rows"] / load["seconds"],
        # By the measured size that is nearest to it, scaled as if it grew linearly.
        "dbt_build_s_at_10_million": model["seconds"] * max(1.0, 10_000_000 / last["events"]),
        "orchestration_share": last["orchestration_s"] / last["seconds"],
    }
    at_least = {"load_rows_per_s"}
    return {
        name: {
            "goal": goal,
            "measured": found[name],
            "is_met": found[name] is not None and (found[name] >= goal if name in at_least else found[name] <= goal),
        }
        for name, goal in GOALS.items()
    }


def _stages_table(measured: Sequence[dict[str, Any]], growth: dict[str, float | None]) -> dict[str, Any]:
    rows = []
    for size in measured:
        for name, stage in size["stages"].items():
            rows.append(
                [
                    f"{size['events']:,}",
                    name,
                    f"{stage['seconds']:.1f}",
                    f"{stage['rows'] / stage['seconds']:,.0f}" if stage["seconds"] else "",
                    f"{stage['peak_rss_mib']:,.0f}",
                    *(f"{stage[f'{what}_bytes'] / 2**20:,.0f}" for what in ("read", "written", "shuffled")),
                ]
            )
        rows.append([f"{size['events']:,}", "orchestration", f"{size['orchestration_s']:.1f}", "", "", "", "", ""])
        rows.append(
            [f"{size['events']:,}", "the whole day", f"{size['seconds']:.1f}", f"{size['events'] / size['seconds']:,.0f}"] + [""] * 4
        )
    rows += [["growth", name, "" if value is None else f"events^{value:.2f}"] + [""] * 5 for name, value in growth.items()]
    columns = ["events", "stage", "seconds", "rows/s", "peak MiB", "read MiB", "written MiB", "shuffled MiB"]
    return {"title": "A day through every stage", "columns": columns, "rows": rows}


def _goals_table(goals: dict[str, dict[str, Any]]) -> dict[str, Any]:
    rows = [
        [name, f"{goal['goal']:,}", "" if goal["measured"] is None else f"{goal['measured']:,.3g}", "yes" if goal["is_met"] else "no"]
        for name, goal in goals.items()
    ]
    return {"title": "Goals", "columns": ["what", "goal", "measured", "met"], "rows": rows}


def _cluster_sentence(needed: dict[str, Any]) -> str:
    return (
        f"A day of {needed['events_a_day']:,} events ({PEAK_EVENTS_PER_S:,} a second all day) in {needed['hours']} hours needs about "
        f"{needed['cores']:,} cores, or {needed['workers_of_16_cores']:,} workers of 16, by growth of events^{needed['exponent']:.2f}."
    )
