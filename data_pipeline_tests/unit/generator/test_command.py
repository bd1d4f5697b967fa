"""`data-pipeline generate` into files: what it writes is what it says."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from data_pipeline.commands.generate import command
from data_pipeline.common.errors import PermanentError
from data_pipeline.devstack.generator.batch import RAW_SCHEMA


def run(*arguments):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_parquet_files_hold_exactly_the_events_asked_for(tmp_path):
    result = run("--day", "2026-03-14", "--events", 3000, "--days", 2, "--fault-rate", 0.02, "--out", tmp_path, "--json")
    document = json.loads(result.stdout)
    assert document["records"] == 6000
    assert sorted(Path(path).name for path in document["files"]) == sorted(path.name for path in tmp_path.iterdir())
    rows = 0
    for path in tmp_path.iterdir():
        source, day = path.stem.split("-", 1)
        table = pq.read_table(path)
        assert table.schema == RAW_SCHEMA
        assert {f"{moment:%Y-%m-%d}" for moment in table["received_at"].to_pylist()} == {day}
        assert document["by_source"][source]["records"] >= table.num_rows
        rows += table.num_rows
    assert rows == 6000


def test_ndjson_has_one_value_a_line(tmp_path):
    run("--day", "2026-03-14", "--events", 500, "--sources", "ios", "--out", tmp_path, "--format", "ndjson", "--per", "hour")
    lines = [line for path in sorted(tmp_path.glob("ios-2026-03-14T*.ndjson")) for line in path.read_bytes().splitlines()]
    assert len(lines) == 500
    assert {json.loads(line)["source"] for line in lines} == {"ios"}


def test_real_and_made_up_records_of_a_source_are_merged_in_order_of_arrival(tmp_path):
    result = run(
        "--day",
        "2026-03-17",
        "--events",
        300,
        "--real",
        "--sources",
        "server",
        "--out",
        tmp_path,
        "--totals",
        tmp_path / "totals.json",
        "--json",
    )
    table = pq.read_table(tmp_path / "server-2026-03-17.parquet")
    received_at = table["received_at"].to_pylist()
    assert received_at == sorted(received_at)
    values = [json.loads(value) for value in table["value"].to_pylist()]
    real = [event for event in values if event["user_id"] is None or not event["user_id"].startswith("u_")]
    assert len(values) == 300 + 144
    assert len(real) >= 144
    for partition in set(table["partition"].to_pylist()):
        offsets = [row["offset"] for row in table.select(["partition", "offset"]).to_pylist() if row["partition"] == partition]
        assert offsets == list(range(len(offsets)))
    assert json.loads((tmp_path / "totals.json").read_text()) == json.loads(result.stdout)


def test_table_for_people_names_every_source(tmp_path):
    text = run("--day", "2026-03-14", "--events", 200, "--out", tmp_path).stdout
    assert all(source in text for source in ("web", "ios", "android", "server"))
    assert "200 records" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--day", "14.3.2026"], "'14.3.2026' is not a day"),
        (["--day", "2026-03-14", "--sources", "web,tv"], "'tv' cannot be generated"),
        (["--day", "2026-03-14", "--fault-rate", "2"], "fault rate of 2.0"),
        (["--day", "2026-03-14", "--faults", "rust"], "'rust' is not a fault"),
        (["--day", "2026-03-14", "--to-kafka", "--out", "x"], "exclude each other"),
    ],
)
def test_bad_options_get_one_sentence(arguments, words):
    with pytest.raises(PermanentError, match=words):
        run(*arguments)


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(PermanentError, match="cannot be made"):
        run("--day", "2026-03-14", "--events", 10, "--out", tmp_path / "taken" / "below")


def test_failure_half_way_leaves_no_file_that_looks_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("data_pipeline.commands.generate.EventTotals.add", lambda self, batch: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("--day", "2026-03-14", "--events", 100, "--out", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_same_command_writes_the_same_values(tmp_path):
    def values(name):
        run("--day", "2026-03-14", "--events", 400, "--seed", 9, "--fault-rate", 0.1, "--out", tmp_path / name)
        return {path.name: pq.read_table(path) for path in (tmp_path / name).iterdir()}

    first, second = values("first"), values("second")
    assert first == second
    assert all(table["received_at"][0].as_py() >= datetime(2026, 3, 14, tzinfo=UTC) for table in first.values())
