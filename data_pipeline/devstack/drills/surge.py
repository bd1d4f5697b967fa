"""`data-pipeline drill surge`: the surge policy over a recorded day, with a tenfold surge to 500,000 events/s.

The day's rates are those of a day of the generator's events (`operations/recorded_rates.csv`), scaled to 50,000 events/s in the
evening. The first surge hits that time, the second comes soon after it, to see that workers do not come and go, the third by night.
Belongs here: the drill's story and its output. Does not: policy and simulation (`operations/`), or the picture (`line_chart.py`).
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from data_pipeline.devstack.drills.line_chart import Panel, write_svg
from data_pipeline.operations import surge_simulation
from data_pipeline.operations.surge import SurgePolicy
from data_pipeline.operations.surge_simulation import Simulation, Surge, simulate, with_surges

LAG_LIMIT_S = 60
HIGHEST = 500_000.0
SURGES = (Surge(19 * 3600 + 900, 1200, 10.0), Surge(19 * 3600 + 2250, 600, 6.0), Surge(3 * 3600, 900, 10.0))


def recorded_rates() -> np.ndarray:
    """Events/s, each second of the recorded day."""
    path = Path(surge_simulation.__file__).with_name("recorded_rates.csv")
    with path.open(newline="") as file:
        rows = [(int(row["minute"]), float(row["events_per_s"])) for row in csv.DictReader(file)]
    minutes, rates = zip(*rows, strict=True)
    series: np.ndarray = np.interp(np.arange(86_400), np.asarray(minutes) * 60 + 30, rates)
    return series


def verdict(simulation: Simulation, policy: SurgePolicy) -> dict[str, Any]:
    """What the drill shows, and whether it is as promised.

    "Workers are up" from the first second in which they land more than what arrives.
    """
    surge = slice(SURGES[0].start_s, SURGES[0].start_s + SURGES[0].length_s)
    capacity = simulation.up[surge] * policy.worker_rate
    up_after_s = int(np.flatnonzero(capacity >= simulation.rate[surge])[0])
    found: dict[str, Any] = {
        "events": int(simulation.rate.sum()),
        "peak_rate_per_s": int(simulation.rate.max()),
        "workers_min": int(simulation.asked.min()),
        "workers_max": int(simulation.asked.max()),
        "up_after_s": up_after_s,
        "lag_s_max": float(simulation.lag_s.max()),
        "lag_s_max_once_up": float(simulation.lag_s[surge][up_after_s:].max()),
        "lag_s_p99": float(np.percentile(simulation.lag_s, 99)),
        "changes": simulation.changes(),
        "flaps": simulation.flaps(int(policy.cool_down_s)),
        "capped_s": simulation.capped_s,
        "cost": round(float(simulation.cost.max()), 2),
        "cost_cap": policy.cost_cap_per_day,
        "cost_of_most_workers_all_day": round(int(simulation.asked.max()) * policy.worker_cost_per_hour * 24, 2),
    }
    is_steady = found["flaps"] == 0 and not found["capped_s"]
    found["is_kept"] = is_steady and found["lag_s_max_once_up"] < LAG_LIMIT_S and found["cost"] <= policy.cost_cap_per_day
    return found


@click.command("surge")
@click.option("--worker-rate", type=click.FloatRange(1), default=60_000, show_default=True, help="Events/s that a worker lands.")
@click.option("--max-workers", type=click.IntRange(1), default=32, show_default=True)
@click.option("--cost-cap", type=click.FloatRange(0), default=24.0, show_default=True, help="What all workers of a day may cost.")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="Write an SVG of rate, workers and lag.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(worker_rate: float, max_workers: int, cost_cap: float, picture: Path | None, as_json: bool) -> None:
    """Let the surge policy meet a tenfold surge; exit 1 when lag, cost or steadiness are not kept."""
    policy = SurgePolicy(worker_rate=worker_rate, max_workers=max_workers, cost_cap_per_day=cost_cap)
    simulation = simulate(policy, with_surges(recorded_rates(), SURGES, HIGHEST))
    found = verdict(simulation, policy)
    if picture is not None:
        hours = np.arange(86_400) / 3600
        panels = [
            Panel("events/s", simulation.rate),
            Panel("workers up", simulation.up),
            Panel("lag, s", simulation.lag_s),
            Panel("cost of the day", simulation.cost),
        ]
        write_svg(picture, "A day with tenfold surges", "hour (UTC)", hours, panels)
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        _print(found)
    if not found["is_kept"]:
        raise SystemExit(1)


def _print(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("measure", title="Surge")
    table.add_column("value", justify="right")
    for name, value in found.items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value))
    Console().print(table)
