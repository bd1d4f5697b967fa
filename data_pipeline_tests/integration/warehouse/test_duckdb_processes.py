"""Processes that share a DuckDB file: they take turns, and one that is killed leaves the old day or the new one."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from data_pipeline.common.errors import TransientError
from data_pipeline.common.manifest import Manifest, publish_manifest
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.contracts.render import arrow_schema
from data_pipeline.contracts.tables import IDENTITIES
from data_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from data_pipeline_tests.warehouse_data import DAYS, publish_day

DAY = DAYS[0]
_LOADER = """
import sys
from datetime import date
from pathlib import Path
from data_pipeline.common.manifest import require_manifest
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.contracts.tables import IDENTITIES
from data_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse

root, path, prefix = sys.argv[1:]
store = LocalObjectStore(Path(root))
manifest = require_manifest(store, prefix, "lake/identities")
warehouse = DuckDBWarehouse(Path(path), wait_s=60)
print("ready", flush=True)
while True:
    warehouse.replace_window(IDENTITIES, date(2026, 3, 14), manifest, store, run_id="loader")
    print("loaded", flush=True)
    if sys.stdin.readline() != "again\\n":
        break
"""


def identities(count: int, user: str) -> pa.Table:
    rows = [
        {"event_date": DAY, "anonymous_id": f"visitor-{n}", "user_id": user, "first_seen_at": 0, "last_seen_at": 0, "event_count": n}
        for n in range(count)
    ]
    return pa.Table.from_pylist(rows, schema=arrow_schema(IDENTITIES))


def publish(store: LocalObjectStore, prefix: str, count: int) -> Manifest:
    manifest = publish_day(store, IDENTITIES, DAY, identities(count, prefix), objects=3)
    publish_manifest(store, prefix, manifest, None)
    return manifest


def start_loader(store: LocalObjectStore, path: Path, prefix: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _LOADER, str(store.root), str(path), prefix]
    loader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert loader.stdout is not None
    assert loader.stdout.readline() == "ready\n"
    return loader


def state(warehouse: DuckDBWarehouse) -> tuple[int, set[str]]:
    rows = warehouse.fetch("select user_id from warehouse.identities").rows
    return len(rows), {row[0] for row in rows}


def test_a_kill_leaves_the_old_day_or_the_new_one(tmp_path: Path) -> None:
    store, path = LocalObjectStore(tmp_path / "store"), tmp_path / "analytics.duckdb"
    warehouse = DuckDBWarehouse(path, wait_s=30)
    old = publish(store, "old", 5_000)
    publish(store, "new", 40_000)
    dice = random.Random(7)
    outcomes = []
    for _ in range(12):
        warehouse.replace_window(IDENTITIES, DAY, old, store, run_id="old")
        loader = start_loader(store, path, "new")
        time.sleep(dice.uniform(0.0, 0.25))
        loader.send_signal(signal.SIGKILL)
        loader.communicate()
        outcomes.append(state(warehouse))
    assert set(map(str, outcomes)) <= {str((5_000, {"old"})), str((40_000, {"new"}))}
    loader = start_loader(store, path, "new")
    loader.communicate("", timeout=60)
    assert state(warehouse) == (40_000, {"new"})


def test_two_processes_take_turns(tmp_path: Path) -> None:
    store, path = LocalObjectStore(tmp_path / "store"), tmp_path / "analytics.duckdb"
    publish(store, "one", 3_000)
    publish(store, "two", 4_000)
    loaders = [start_loader(store, path, prefix) for prefix in ("one", "two", "one", "two")]
    for loader in loaders:
        out, _ = loader.communicate("again\nagain\n", timeout=120)
        assert out.splitlines() == ["loaded"] * 3
        assert loader.returncode == 0
    assert state(DuckDBWarehouse(path)) in [(3_000, {"one"}), (4_000, {"two"})]


def test_who_holds_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "analytics.duckdb"
    DuckDBWarehouse(path).ensure_tables([IDENTITIES])
    script = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(TransientError, match=rf"PID {holder.pid}\) for 0.3 s"):
            DuckDBWarehouse(path, wait_s=0.3).ensure_tables([IDENTITIES])
        with pytest.raises(TransientError, match="in use"):
            DuckDBWarehouse(path, wait_s=0.3).fetch("select 1")
    finally:
        holder.communicate("")
    DuckDBWarehouse(path, wait_s=0.3).ensure_tables([IDENTITIES])
