"""The audit tables: numbers from manifests, rejected rows from quarantine, nothing personal shown."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.layout import hour_partition, hour_prefix
from data_pipeline.common.manifest import Entry, Manifest, publish_manifest
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.common.windows import Hour
from data_pipeline.contracts.render import arrow_schema
from data_pipeline.contracts.tables import INGEST_HOURS, REJECTIONS
from data_pipeline.transforms import build_audit_day, read_ingest_hours, read_rejections
from data_pipeline.transforms.rejected_values import describe_value

DAY = date(2026, 3, 14)
HOUR = Hour.parse("2026-03-14T09")
AT = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
GOOD = b'{"event_type":"click","context":{"app_version":"5.1.0"},"n":1}'


@pytest.fixture
def store(tmp_path: Path) -> LocalObjectStore:
    return LocalObjectStore(tmp_path)


def publish(store: LocalObjectStore, stage: str, counts: dict[str, int], rows: pa.Table | None = None, source: str = "web") -> str:
    prefix, entries = hour_prefix(stage, source, HOUR), []
    if rows is not None:
        buffer = io.BytesIO()
        pq.write_table(rows, buffer)
        store.put(f"{prefix}/part-0.parquet", buffer.getvalue())
        entries = [Entry(f"{prefix}/part-0.parquet", len(buffer.getvalue()), rows.num_rows, "0" * 64)]
    publish_manifest(store, prefix, Manifest(stage, hour_partition(source, HOUR), entries, counts), None)
    return f"{prefix}/part-0.parquet"


def quarantine(*rows: tuple[bytes | None, list[str]]) -> pa.Table:
    return pa.table(
        {
            "partition": pa.array([3] * len(rows), pa.int32()),
            "offset": pa.array(range(len(rows)), pa.int64()),
            "received_at": pa.array([AT] * len(rows), pa.timestamp("ms", tz="UTC")),
            "key": pa.array([b"k"] * len(rows), pa.binary()),
            "value": pa.array([value for value, _ in rows], pa.binary()),
            "rules": pa.array([rules for _, rules in rows], pa.list_(pa.string())),
            "stage": pa.array(["row"] * len(rows)),
        }
    )


def test_hours_carry_the_numbers_of_their_manifests(store: LocalObjectStore) -> None:
    publish(store, "raw", {"offset_count": 10, "landed_count": 8, "control_or_gap_count": 2}, quarantine((GOOD, [])))
    publish(store, "staged", {"rows_in": 8, "rows_staged": 6, "rows_quarantined": 2})
    publish(store, "raw", {"offset_count": 4, "landed_count": 4, "control_or_gap_count": 0}, source="ios")
    table = read_ingest_hours(store, DAY, ["web", "ios", "android"])
    assert table.schema == arrow_schema(INGEST_HOURS)
    ios, web = table.to_pylist()
    assert (ios["source"], ios["landed_count"], ios["staged_count"], ios["raw_bytes"]) == ("ios", 4, None, 0)
    assert web["raw_bytes"] > 0
    assert {name: web[name] for name in ("hour_at", "offset_count", "landed_count", "control_or_gap_count")} == {
        "hour_at": HOUR.start,
        "offset_count": 10,
        "landed_count": 8,
        "control_or_gap_count": 2,
    }
    assert (web["staged_count"], web["quarantined_count"]) == (6, 2)


def test_a_rejected_row_is_one_row_a_rule(store: LocalObjectStore) -> None:
    rows = quarantine((GOOD, ["schema", "clocks", "clocks"]), (None, ["json"]), (b'{"event_type": "search", "app_version":"1.2', ["json"]))
    publish(store, "quarantine", {"rows_quarantined": 3}, rows)
    table = read_rejections(store, DAY, ["web"])
    assert table.schema == arrow_schema(REJECTIONS)
    found = [(r["kafka_offset"], r["rule"], r["event_type"], r["app_version"], r["value_excerpt"]) for r in table.to_pylist()]
    assert found == [
        (0, "clocks", "click", "5.1.0", GOOD.decode()),
        (0, "schema", "click", "5.1.0", GOOD.decode()),
        (1, "json", None, None, None),
        (2, "json", "search", None, '{"event_type": "search", "app_version":"1.2'),
    ]


@pytest.mark.parametrize(
    ("value", "rules", "is_shown"),
    [
        (b'{"search":{"query":"a@b.example"}}', ["privacy", "schema"], False),
        (b'{"search":{"query":"a@b.example"', ["json"], False),
        (b'{"search":{"query":"a%40b.example"', ["json"], False),
        (b'{"q":"call +4915112345678', ["json"], False),
        (b'{"q":"4111 1111 1111 1111', ["json"], False),
        (b'{"occurred_at":"2026-03-14T09:26:53.589Z","event_id":"6513270e-269e-4d37-b2a7-4de452e6b438","n":1e5', ["json"], True),
        (b"\xff\xfe\x00{", ["json"], True),
    ],
)
def test_excerpt_shows_nothing_personal(value: bytes, rules: list[str], is_shown: bool) -> None:
    excerpt = describe_value(value, rules).excerpt
    assert (excerpt is not None) == is_shown
    assert "\x00" not in (excerpt or "")


def test_excerpt_is_cut_by_characters_and_labels_by_bytes() -> None:
    value = ('{"event_type": "' + "é" * 200 + '", "context": 7}').encode()
    shown = describe_value(value, ["schema"])
    assert shown.event_type == "é" * 32
    assert shown.app_version is None
    assert shown.excerpt is not None
    assert len(describe_value(("x" + "é" * 4000).encode(), ["json"]).excerpt or "") == 300


def test_audit_day_is_the_same_objects_when_built_again(store: LocalObjectStore) -> None:
    publish(store, "raw", {"offset_count": 1, "landed_count": 1, "control_or_gap_count": 0})
    publish(store, "quarantine", {"rows_quarantined": 1}, quarantine((GOOD, ["schema"])))
    first = build_audit_day(DAY, store, run_id="one", sources=["web"])
    again = build_audit_day(DAY, store, run_id="two", sources=["web"])
    assert first == again
    assert {name: manifest.row_count for name, manifest in first.items()} == {"ingest_hours": 1, "rejections": 1}
    entry = first["rejections"].entries[0]
    assert pq.read_table(io.BytesIO(store.get(entry.key))).num_rows == 1


def test_day_that_was_not_landed_and_a_broken_object_are_errors(store: LocalObjectStore) -> None:
    with pytest.raises(PermanentError, match="No hour of 2026-03-14 is landed for web"):
        build_audit_day(DAY, store, run_id="one", sources=["web"])
    key = publish(store, "quarantine", {"rows_quarantined": 1}, quarantine((GOOD, ["schema"])))
    store.put(key, store.get(key)[:50])
    with pytest.raises(PermanentError, match=r"part-0\.parquet cannot be read as quarantine"):
        read_rejections(store, DAY, ["web"])
