"""Publishing is a swap: readers see a whole version, whatever happens to the publisher."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from data_pipeline.common.errors import PermanentError, TransientError
from data_pipeline.serving.duckdb_reader import DuckDbMartReader
from data_pipeline.serving.publish import publish_marts
from data_pipeline.serving.reader import MartsUnavailableError, NoDataError, Query
from data_pipeline.serving.tables import DIMENSIONS, EVENT_OFFSETS, MARTS
from data_pipeline_tests.unit.serving.mart_rows import arrival, volume, write_warehouse

DAY = date(2026, 3, 14)
OFFSETS = [
    {"event_date": DAY, "source": "web", "kafka_partition": partition, "kafka_offset": offset, "received_at": datetime(2026, 3, 14, hour)}
    for partition, offset, hour in ((0, 7, 9), (0, 11, 10), (0, 9, 9), (1, 3, 9))
]
BOTH = Query(
    "select (select sum(event_count) from mart_event_volume) as events, (select sum(landed_count) from mart_data_quality) as landed"
)


def version(path: Path, number: int, rows: int = 200) -> Path:
    """A warehouse whose two marts both say `number` in total."""
    each, rest = divmod(number, rows)
    write_warehouse(
        path,
        {
            "mart_event_volume": [volume(DAY, 9, "web", f"type-{i}", each + (rest if i == 0 else 0)) for i in range(rows)],
            "mart_data_quality": [arrival(DAY, 9, "web", number, 0)],
            "fct_events": OFFSETS,
        },
    )
    return path


def totals(reader: DuckDbMartReader) -> tuple[int, int]:
    with reader.snapshot() as marts:
        events, landed = marts.fetch(BOTH).row(0)
    return int(events), int(landed)


def test_publishes_every_table_and_the_offsets_behind_a_day(tmp_path: Path) -> None:
    now = datetime(2026, 3, 15, 6, 30, tzinfo=UTC)
    published = publish_marts(version(tmp_path / "analytics.duckdb", 1000), tmp_path / "serving" / "marts.duckdb", run_id="run-7", now=now)

    assert set(published.tables) == {*MARTS, *DIMENSIONS, EVENT_OFFSETS}
    assert published.tables["mart_event_volume"] == 200
    assert published.published_at == now
    assert published.size_bytes == (tmp_path / "serving" / "marts.duckdb").stat().st_size
    reader = DuckDbMartReader(tmp_path / "serving" / "marts.duckdb")
    with reader.snapshot() as marts:
        offsets = marts.fetch(Query(f"select kafka_partition, first_offset, last_offset, event_count from {EVENT_OFFSETS} order by 1"))
        publication = marts.fetch(Query("select * from publication"))
    assert offsets.rows() == [(0, 7, 11, 3), (1, 3, 3, 1)]
    assert publication.rows() == [(now.replace(tzinfo=None), "run-7")]


def test_publishing_twice_gives_equal_tables_and_leaves_nothing_behind(tmp_path: Path) -> None:
    warehouse, serving = version(tmp_path / "analytics.duckdb", 1000), tmp_path / "serving" / "marts.duckdb"
    first = publish_marts(warehouse, serving)
    assert publish_marts(warehouse, serving).tables == first.tables
    assert sorted(path.name for path in serving.parent.iterdir()) == [".marts.duckdb.lock", "marts.duckdb"]


def test_readers_see_a_whole_version_while_others_are_swapped_in(tmp_path: Path) -> None:
    serving = tmp_path / "serving" / "marts.duckdb"
    warehouses = [version(tmp_path / f"analytics{number}.duckdb", number) for number in (1000, 2345)]
    publish_marts(warehouses[0], serving)
    stop, seen, wrong = threading.Event(), set(), []

    def read() -> None:
        reader = DuckDbMartReader(serving)
        while not stop.is_set():
            try:
                events, landed = totals(reader)
            except Exception as error:
                wrong.append(repr(error))
                return
            seen.add(events)
            if events != landed:
                wrong.append(f"{events} events beside {landed} landed")

    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in readers:
        thread.start()
    for number in range(12):
        publish_marts(warehouses[number % 2], serving)
    stop.set()
    for thread in readers:
        thread.join()
    assert wrong == []
    assert seen == {1000, 2345}


def test_an_open_snapshot_keeps_its_version_and_the_next_one_has_the_new(tmp_path: Path) -> None:
    serving = tmp_path / "marts.duckdb"
    publish_marts(version(tmp_path / "a.duckdb", 1000), serving)
    reader = DuckDbMartReader(serving)
    with reader.snapshot() as old:
        publish_marts(version(tmp_path / "b.duckdb", 2345), serving)
        assert old.fetch(BOTH).row(0) == (1000, 1000)
        assert totals(reader) == (2345, 2345)
        assert old.fetch(Query("select count(*) as rows from mart_event_volume")).item() == 200


PUBLISHER = """
import sys
from pathlib import Path
from data_pipeline.serving.publish import publish_marts
print("ready", flush=True)
while True:
    publish_marts(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_a_publisher_killed_at_any_point_leaves_a_whole_version(tmp_path: Path) -> None:
    serving = tmp_path / "serving" / "marts.duckdb"
    warehouse = version(tmp_path / "analytics.duckdb", 1000)
    publish_marts(warehouse, serving)
    reader = DuckDbMartReader(serving)
    left_behind = 0
    for attempt in range(8):
        process = subprocess.Popen([sys.executable, "-c", PUBLISHER, str(warehouse), str(serving)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.05 + 0.013 * attempt)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        left_behind += len([path for path in serving.parent.iterdir() if path.name.startswith(".publishing-")])
        assert totals(reader) == (1000, 1000)
    assert left_behind > 0, "no kill met a publisher at work, so the test showed nothing"
    publish_marts(version(tmp_path / "next.duckdb", 2345), serving)
    assert totals(reader) == (2345, 2345)
    assert not [path for path in serving.parent.iterdir() if path.name.startswith(".publishing-")]


def test_a_missing_mart_is_named_and_the_old_version_stays(tmp_path: Path) -> None:
    warehouse, serving = version(tmp_path / "analytics.duckdb", 1000), tmp_path / "marts.duckdb"
    publish_marts(warehouse, serving)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("drop table marts.mart_funnel")
    with pytest.raises(PermanentError, match=r"has no mart_funnel; run dbt build"):
        publish_marts(warehouse, serving)
    assert totals(DuckDbMartReader(serving)) == (1000, 1000)


def test_two_tables_of_one_name_are_refused(tmp_path: Path) -> None:
    warehouse = version(tmp_path / "analytics.duckdb", 1000)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema dev; create table dev.mart_funnel as from marts.mart_funnel")
    with pytest.raises(PermanentError, match="mart_funnel in the schemas dev, marts"):
        publish_marts(warehouse, tmp_path / "marts.duckdb")


def test_views_are_copied_as_rows(tmp_path: Path) -> None:
    warehouse = version(tmp_path / "analytics.duckdb", 1000)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("alter table core.fct_events rename to events")
        connection.execute('create view core.fct_events as select * from "analytics"."core"."events"')
    assert publish_marts(warehouse, tmp_path / "marts.duckdb").tables[EVENT_OFFSETS] == 2


def test_no_warehouse_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"There is no warehouse .*; materialize the warehouse and dbt assets first"):
        publish_marts(tmp_path / "analytics.duckdb", tmp_path / "marts.duckdb")
    assert not (tmp_path / "marts.duckdb").exists()


def test_a_damaged_warehouse_leaves_the_old_version(tmp_path: Path) -> None:
    serving = tmp_path / "marts.duckdb"
    publish_marts(version(tmp_path / "analytics.duckdb", 1000), serving)
    (tmp_path / "bad.duckdb").write_bytes(b"no database" * 1000)
    with pytest.raises(PermanentError, match="The old marts stay"):
        publish_marts(tmp_path / "bad.duckdb", serving)
    assert totals(DuckDbMartReader(serving)) == (1000, 1000)


HOLDER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("create or replace table held as select 1 as x")
print("held", flush=True)
sys.stdin.readline()
"""


def test_a_file_that_is_held_for_writing_is_named_with_its_holder(tmp_path: Path) -> None:
    warehouse, serving = version(tmp_path / "analytics.duckdb", 1000), tmp_path / "marts.duckdb"
    publish_marts(warehouse, serving)
    for held in (warehouse, serving):
        holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(held)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            if held is warehouse:
                with pytest.raises(TransientError, match="publish when that run has ended"):
                    publish_marts(warehouse, serving)
            else:
                with pytest.raises(MartsUnavailableError, match=f"is locked by another process.*PID {holder.pid}"):
                    totals(DuckDbMartReader(serving))
        finally:
            holder.communicate(b"\n")


def test_reading_what_is_not_there_or_damaged_or_old(tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match="marts have not been published yet"):
        totals(DuckDbMartReader(tmp_path / "marts.duckdb"))
    (tmp_path / "bad.duckdb").write_bytes(b"no database" * 1000)
    with pytest.raises(MartsUnavailableError, match=r"is damaged.*to publish it anew"):
        totals(DuckDbMartReader(tmp_path / "bad.duckdb"))
    duckdb.connect(str(tmp_path / "old.duckdb")).close()
    with DuckDbMartReader(tmp_path / "old.duckdb").snapshot() as marts, pytest.raises(NoDataError, match="has no mart_funnel"):
        marts.fetch(Query("select * from mart_funnel", {}, ("mart_funnel",)))


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    serving = tmp_path / "marts.duckdb"
    publish_marts(version(tmp_path / "analytics.duckdb", 1000), serving)
    with DuckDbMartReader(serving).snapshot() as marts, pytest.raises(duckdb.InvalidInputException, match="read-only"):
        marts.fetch(Query("delete from mart_event_volume"))
