"""One generated day through every day stage, as Dagster runs it, in a process of its own; prints JSON.

`python -m benchmarks.day_worker EVENTS RUNS FOLDER`

Belongs here: the run and what is measured of it. Does not: several sizes, growth, tables (`day.py`).
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import dagster as dg  # noqa: TID251 (the day is measured as Dagster runs it)
import psutil

from benchmarks.sessionize import bench_sessionize
from benchmarks.staged_day import DAY, make_day
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.orchestration import day_builders
from data_pipeline.orchestration.assets import dashboards, lake
from data_pipeline.orchestration.build import build_definitions
from data_pipeline.orchestration.jobs import DAY_GROUPS
from data_pipeline.orchestration.platform import Platform
from data_pipeline.settings import Settings, WarehouseKind
from data_pipeline.warehouse.interface import LoadedWindow

TRANSFORM, AUDIT, LOAD, MODEL, SERVE = "transform", "audit", "load", "dbt build", "publish marts"


@dataclass
class Stage:
    """What one stage took.

    Attributes:
        seconds: wall time of the stage's own work.
        rows: rows that it is about: staged for transform, loaded for load, events for the others.
        peak_rss_mib: largest resident memory of the processes that work for it.
        read_bytes: bytes that it read from objects or files.
        written_bytes: bytes that it wrote.
        shuffled_bytes: bytes that went between Spark's stages.
    """

    seconds: float = 0.0
    rows: int = 0
    peak_rss_mib: float = 0.0
    read_bytes: int = 0
    written_bytes: int = 0
    shuffled_bytes: int = 0


class Watch:
    """Times the stages and samples the memory of this process and its children."""

    def __init__(self) -> None:
        self.stages = {name: Stage() for name in (TRANSFORM, AUDIT, LOAD, MODEL, SERVE)}
        self._now: str | None = None
        self._ended = threading.Event()
        self._dbt: dict[int, tuple[float, float]] = {}
        threading.Thread(target=self._sample, daemon=True).start()

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Inside, the time is this stage's."""
        self._now, began = name, time.perf_counter()
        try:
            yield self.stages[name]
        finally:
            self.stages[name].seconds += time.perf_counter() - began
            self._now = None

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function; its calls are the stage's time."""

        def call(*args: Any, **words: Any) -> Any:
            with self.stage(name):
                return function(*args, **words)

        return call

    def end(self) -> None:
        """Stop sampling; dbt's time is that from its process's start to its end."""
        self._ended.set()
        self.stages[MODEL].seconds = sum(last - first for first, last in self._dbt.values())

    def _sample(self) -> None:
        me = psutil.Process()
        while not self._ended.wait(0.1):
            sizes = {"java": 0.0, "dbt": 0.0, "python": me.memory_info().rss / 2**20}
            for child in me.children(recursive=True):
                try:
                    command = " ".join(child.cmdline()[:3])
                    kind = "java" if "java" in command else "dbt" if "dbt" in command else "other"
                    sizes[kind] = sizes.get(kind, 0.0) + child.memory_info().rss / 2**20
                    if kind == "dbt":
                        self._dbt[child.pid] = (child.create_time(), time.time())
                        counters = child.io_counters()
                        self.stages[MODEL].read_bytes, self.stages[MODEL].written_bytes = counters.read_chars, counters.write_chars
                except psutil.Error:
                    continue
            # Each stage is charged for the processes that work for it; Spark's idle Java is not.
            if sizes["dbt"]:
                self._note(MODEL, sizes["dbt"])
            elif self._now is not None:
                self._note(self._now, sizes["java"] + sizes["python"] if self._now == TRANSFORM else sizes["python"])

    def _note(self, name: str, size: float) -> None:
        self.stages[name].peak_rss_mib = max(self.stages[name].peak_rss_mib, size)


class MeasuredPlatform(Platform):
    """The platform on a folder, with a loader that is timed."""

    def __init__(self, settings: Settings, root: Path, watch: Watch) -> None:
        super().__init__(settings)
        self.__dict__["store"] = LocalObjectStore(root)
        self.watch = watch

    def warehouse(self) -> Any:
        return _MeasuredWarehouse(super().warehouse(), self.watch)


class _MeasuredWarehouse:
    def __init__(self, warehouse: Any, watch: Watch) -> None:
        self._warehouse, self._watch = warehouse, watch

    def replace_window(self, *args: Any, **words: Any) -> LoadedWindow:
        with self._watch.stage(LOAD) as stage:
            loaded: LoadedWindow = self._warehouse.replace_window(*args, **words)
        stage.rows += loaded.rows_loaded
        stage.read_bytes += loaded.bytes_read
        return loaded


def run_day(events: int, runs: int, folder: Path) -> dict[str, Any]:
    """Make a day, run it through Dagster, then cut its events into sessions by Spark, DuckDB and polars in turns."""
    settings = Settings.from_env(
        state_dir=folder / "state",
        duckdb_path=folder / "state" / "analytics.duckdb",
        warehouse=WarehouseKind.DUCKDB,
        spark_master="local[*]",
        spark_driver_memory=_driver_memory(events),
        partitions_start="2026-03-01",
    )
    rows, staged_bytes = make_day(LocalObjectStore(folder / "store"), events)
    definitions = build_definitions(settings)
    assets = [asset for asset in definitions.assets or () if isinstance(asset, dg.AssetsDefinition)]
    watch = Watch()
    platform = MeasuredPlatform(settings, folder / "store", watch)
    built: list[Any] = []
    build, audit, publish = day_builders.build_day, lake.build_audit_day, dashboards.publish_marts

    def build_and_keep(*args: Any, **words: Any) -> Any:
        built.append(build(*args, **words))
        return built[-1]

    platform.spark()
    day_builders.build_day = watch.timed(TRANSFORM, build_and_keep)
    lake.build_audit_day = watch.timed(AUDIT, audit)
    dashboards.publish_marts = watch.timed(SERVE, publish)
    with dg.DagsterInstance.ephemeral() as instance:
        began = time.perf_counter()
        done = dg.materialize(
            assets,
            selection=dg.AssetSelection.groups(*DAY_GROUPS),
            partition_key=DAY.isoformat(),
            instance=instance,
            resources={"platform": platform},
            raise_on_error=False,
        )
        seconds = time.perf_counter() - began
    watch.end()
    if not done.success:
        raise SystemExit("\n".join(str(event.step_failure_data.error) for event in done.get_step_failure_events()))
    (day,) = built
    _fill_in(watch, day, rows, settings)
    objects = [str(platform.store.url(entry.key)).removeprefix("file://") for entry in day.manifests["events"].entries]
    return {
        "events": rows,
        "staged_bytes": staged_bytes,
        "seconds": seconds,
        "orchestration_s": seconds - sum(stage.seconds for stage in watch.stages.values()),
        "stages": {name: asdict(stage) for name, stage in watch.stages.items()},
        "spark_steps": [asdict(step) for step in day.steps],
        "sessionize": bench_sessionize(platform.spark(), folder, objects, day.manifests["events"].row_count, runs) if runs else None,
    }


def _fill_in(watch: Watch, day: Any, rows: int, settings: Settings) -> None:
    for name in (TRANSFORM, AUDIT, MODEL, SERVE):
        watch.stages[name].rows = rows
    transform = watch.stages[TRANSFORM]
    transform.read_bytes = sum(step.bytes_read for step in day.steps)
    transform.written_bytes = sum(step.bytes_written for step in day.steps)
    transform.shuffled_bytes = sum(step.shuffle_bytes for step in day.steps)
    watch.stages[LOAD].written_bytes = settings.warehouse_path.stat().st_size
    watch.stages[SERVE].written_bytes = settings.serving_path.stat().st_size


def _driver_memory(events: int) -> str:
    """2 GiB and half a GiB more a million, at most a third of the machine: more than Spark keeps in memory, it spills."""
    most = psutil.virtual_memory().total // 3 >> 20
    return f"{min(2048 + events // 2000, most)}m"


def main() -> None:
    """Entry point of the process."""
    events, runs, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    result = run_day(events, runs, folder)
    (folder / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
