"""What the kill drill compares: nothing that matters may differ unseen, and order and run names may."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import pytest

from data_pipeline.common.manifest import Entry, Manifest, publish_manifest
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.devstack.drills.fingerprint import Fingerprint, take_fingerprint

RAW = "raw/date=2026-03-14/hour=09/source=web"
LAKE = "lake/events/date=2026-03-14"


class Result:
    """A small result of a demo, made in one folder."""

    def __init__(
        self, folder: Path, *, rows: str = "(1, 0.3), (2, 7.5)", chunk: bytes = b"chunk", lake_rows: int = 2, run: str = "a"
    ) -> None:
        self.store = LocalObjectStore(folder / "store")
        self.warehouse = folder / "analytics.duckdb"
        self.put(f"{RAW}/0-0-1.parquet", chunk)
        entry = Entry(f"{RAW}/0-0-1.parquet", len(chunk), 2, hashlib.sha256(chunk).hexdigest())
        publish_manifest(self.store, RAW, Manifest("raw", {"source": "web"}, [entry], {"landed_count": 2}, run_id=run), None)
        lake = Entry(f"{LAKE}/{run}/0.parquet", 3, lake_rows, hashlib.sha256(run.encode()).hexdigest())
        publish_manifest(self.store, LAKE, Manifest("lake/events", {"date": "2026-03-14"}, [lake], {"rows": lake_rows}, run_id=run), None)
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.execute(f"CREATE SCHEMA marts; CREATE TABLE marts.revenue AS SELECT * FROM (VALUES {rows}) AS t(day, revenue)")
            connection.execute("CREATE VIEW marts.some_view AS SELECT random() AS x")

    def put(self, key: str, data: bytes) -> None:
        self.store.put(key, data)

    def fingerprint(self) -> Fingerprint:
        return take_fingerprint(self.store, self.warehouse)


@pytest.fixture
def expected(tmp_path: Path) -> Fingerprint:
    return Result(tmp_path / "expected").fingerprint()


def test_another_run_and_another_order_are_the_same(expected: Fingerprint, tmp_path: Path) -> None:
    other = Result(tmp_path / "other", rows="(2, 7.5), (1, 0.3)", run="b")
    assert expected.differences(other.fingerprint()) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"chunk": b"other"}, ["raw_objects raw/", "partitions raw/"]),
        ({"lake_rows": 3}, ["partitions lake/"]),
        ({"rows": "(1, 0.3)"}, ['tables "marts"."revenue"']),
        ({"rows": "(1, 0.3), (2, 7.6)"}, ['tables "marts"."revenue"']),
        ({"rows": "(1, 0.3), (2, 7.5), (2, 7.5)"}, ['tables "marts"."revenue"']),
        ({"rows": "(1, 7.5), (2, 0.3)"}, ['tables "marts"."revenue"']),
    ],
)
def test_a_change_is_named(expected: Fingerprint, tmp_path: Path, change: dict[str, object], named: list[str]) -> None:
    differences = expected.differences(Result(tmp_path / "other", **change).fingerprint())
    assert len(differences) == len(named)
    for sentence, beginning in zip(differences, named, strict=True):
        assert sentence.startswith(beginning)


def test_a_raw_object_that_no_manifest_names_is_a_difference(expected: Fingerprint, tmp_path: Path) -> None:
    other = Result(tmp_path / "other")
    other.put(f"{RAW}/0-2-2.parquet", b"left behind")
    (difference,) = expected.differences(other.fingerprint())
    assert "0-2-2.parquet: absent became" in difference
