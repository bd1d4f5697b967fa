"""`data-pipeline check`, through its command line."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from data_pipeline.commands.check import command
from data_pipeline.common.errors import PermanentError
from data_pipeline.contracts.contract import load_contract
from data_pipeline.validation import QUARANTINE_SCHEMA, staged_arrow_schema
from data_pipeline_tests.unit.validation.rows import EXAMPLES, INVALID, RECEIVED_AT, encode, example, raw_table

WINDOW = "2026-03-14T09"


def check(*files: Path, out: Path, source: str = "web", window: str = WINDOW) -> dict[str, Any]:
    arguments = [*map(str, files), "--source", source, "--window", window, "--profiles", str(out.parent / "profiles"), "--out", str(out)]
    result = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    report: dict[str, Any] = json.loads((out / "report.json").read_text())
    assert json.loads(result.output) == report
    assert report["rows_in"] == report["rows_staged"] + report["rows_quarantined"] + report["duplicates"]
    assert pq.read_schema(out / "staged.parquet").equals(staged_arrow_schema(load_contract("product_event")))
    assert pq.read_schema(out / "quarantine.parquet").equals(QUARANTINE_SCHEMA)
    assert pq.read_metadata(out / "staged.parquet").num_rows == report["rows_staged"]
    assert pq.read_metadata(out / "quarantine.parquet").num_rows == report["rows_quarantined"]
    return report


@pytest.mark.parametrize("source", ["web", "ios", "android", "server"])
def test_the_contracts_own_lines(tmp_path: Path, source: str) -> None:
    good = [encode(row) for row in EXAMPLES if row["source"] == source]
    bad = [line["value"].encode() for line in INVALID if line["source"] == source]
    lines = tmp_path / "lines.ndjson"
    lines.write_bytes(b"".join(line + b"\n" for line in good + bad))
    report = check(lines, out=tmp_path / "out", source=source)
    assert report["rows_staged"] == len(good)
    assert report["rows_in"] == len(good) + len(bad)
    expected = Counter(rule for line in INVALID if line["source"] == source for rule in line["rules"])
    assert report["by_rule"] == dict(sorted(expected.items()))


def test_resends_and_conflicts(tmp_path: Path) -> None:
    first = example("page_view")
    resend = dict(reversed({**first, "sent_at": "2026-03-14T09:40:00.000Z", "duration_ms": 18250.0}.items()))
    conflict = {**first, "duration_ms": 1}
    early = {**first, "duration_ms": 2}
    values: list[bytes | None] = [encode(row) for row in (first, resend, conflict, conflict, early)]
    received = [RECEIVED_AT, RECEIVED_AT, RECEIVED_AT, RECEIVED_AT, RECEIVED_AT - timedelta(seconds=1)]
    pq.write_table(raw_table(values[:3], received[:3]), tmp_path / "a.parquet")
    pq.write_table(raw_table(values[3:], received[3:]), tmp_path / "b.parquet")
    report = check(tmp_path / "a.parquet", tmp_path / "b.parquet", out=tmp_path / "out")
    # The one received first is kept, though it stands last: all others differ from it.
    assert (report["rows_staged"], report["rows_quarantined"], report["duplicates"]) == (1, 4, 0)
    assert pq.read_table(tmp_path / "out" / "staged.parquet")["duration_ms"].to_pylist() == [2]
    quarantine = pq.read_table(tmp_path / "out" / "quarantine.parquet")
    assert quarantine["rules"].to_pylist() == [["event_id_conflict"]] * 4
    assert set(quarantine["stage"].to_pylist()) == {"deduplicate"}
    assert sorted(quarantine["value"].to_pylist()) == sorted(value for value in values[:4] if value)
    report = check(tmp_path / "a.parquet", out=tmp_path / "out")
    assert (report["rows_staged"], report["rows_quarantined"], report["duplicates"]) == (1, 1, 1)


def test_an_empty_line_is_a_value_and_a_missing_line_end_is_none(tmp_path: Path) -> None:
    lines = tmp_path / "lines.ndjson"
    lines.write_bytes(encode(example("page_view")) + b"\n\n" + encode(example("search")))
    report = check(lines, out=tmp_path / "out")
    assert (report["rows_in"], report["rows_staged"], report["by_rule"]) == (3, 2, {"json": 1})


def test_an_empty_file_is_an_empty_window(tmp_path: Path) -> None:
    (tmp_path / "lines.ndjson").write_bytes(b"")
    assert check(tmp_path / "lines.ndjson", out=tmp_path / "out")["rows_in"] == 0


def test_unknown_fields_are_reported_by_name_and_count(tmp_path: Path) -> None:
    value = example("page_view")
    value["context"]["battery"] = {"level": 1}
    lines = tmp_path / "lines.ndjson"
    lines.write_bytes(b"\n".join([encode(value), encode({**value, "event_id": "x", "new": [1, 2]})]))
    assert check(lines, out=tmp_path / "out")["unknown_fields"] == {"context.battery": 2, "new": 1}


def _parquet_without_value(path: Path) -> None:
    pq.write_table(raw_table([b"{}"]).drop_columns(["value"]), path)


def _truncated(path: Path) -> None:
    pq.write_table(raw_table([b"{}"] * 1000), path)
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("name", "make", "source", "window", "says"),
    [
        ("a.parquet", None, "web", WINDOW, "a.parquet' does not exist"),
        ("a.parquet", _truncated, "web", WINDOW, "cannot be read as Parquet"),
        ("a.parquet", _parquet_without_value, "web", WINDOW, "no column 'value'"),
        ("a.csv", Path.touch, "web", WINDOW, "neither .parquet"),
        ("a.parquet", Path.mkdir, "web", WINDOW, "is not a file"),
        ("a.ndjson", Path.touch, "fax", WINDOW, "'fax' is not a source; there are android"),
        ("a.ndjson", Path.touch, "web", "2026-03-14T25", "'2026-03-14T25' is not an hour"),
        ("a.ndjson", Path.touch, "web", "yesterday", "'yesterday' is not a window"),
    ],
)
def test_bad_input_is_one_clear_sentence_and_leaves_nothing(
    tmp_path: Path, name: str, make: Any, source: str, window: str, says: str
) -> None:
    if make is not None:
        make(tmp_path / name)
    with pytest.raises(PermanentError) as caught:
        check(tmp_path / name, out=tmp_path / "out", source=source, window=window)
    assert says in str(caught.value)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "profiles").exists()
