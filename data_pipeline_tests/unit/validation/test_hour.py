"""An hour from raw to staged and quarantine, over a directory: counts, manifests, faults, memory of names."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.layout import hour_partition, hour_prefix
from data_pipeline.common.manifest import Entry, Manifest, manifest_key, publish_manifest, read_manifest
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.common.windows import Hour
from data_pipeline.contracts.contract import CONTRACTS_DIR, Contract, load_contract
from data_pipeline.validation import validate_hour, validate_table
from data_pipeline.validation.table import TableValidator
from data_pipeline_tests.unit.validation.rows import EXAMPLES, Mutator, encode, raw_table

CONTRACT = load_contract("product_event")
HOUR = Hour.parse("2026-03-14T09")


def land(store: LocalObjectStore, source: str, tables: list[pa.Table]) -> list[str]:
    """Publish raw tables as landing would; returns the keys."""
    prefix = hour_prefix("raw", source, HOUR)
    entries = []
    for number, table in enumerate(tables):
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        key, data = f"{prefix}/0-{number}.parquet", buffer.getvalue()
        store.put(key, data)
        entries.append(Entry(key, len(data), table.num_rows, hashlib.sha256(data).hexdigest()))
    publish_manifest(store, prefix, Manifest("raw", hour_partition(source, HOUR), entries, {}), read_manifest(store, prefix))
    return [entry.key for entry in entries]


def read(store: LocalObjectStore, manifest: Manifest) -> pa.Table:
    return pa.concat_tables([pq.read_table(io.BytesIO(store.get(entry.key))) for entry in manifest.entries])


def mutated(count: int, seed: int = 1) -> list[bytes | None]:
    mutator = Mutator(seed)
    return [data for _, data in (mutator.row() for _ in range(count))]


@pytest.fixture
def store(tmp_path: Path) -> LocalObjectStore:
    return LocalObjectStore(tmp_path / "bucket")


@pytest.mark.parametrize("workers", [1, 3])
def test_raw_is_staged_plus_quarantined(store: LocalObjectStore, workers: int) -> None:
    tables = [raw_table(mutated(200, seed)) for seed in (1, 2)] + [raw_table([])]
    land(store, "web", tables)
    validated = validate_hour(CONTRACT, "web", HOUR, store, run_id="a", worker_count=workers)
    expected = validate_table(CONTRACT, "web", pa.concat_tables(tables))
    assert (validated.rows_in, validated.rows_staged, validated.rows_quarantined) == (
        400, expected.staged.num_rows, expected.quarantine.num_rows,
    )  # fmt: skip
    assert read(store, validated.staged).to_pylist() == expected.staged.to_pylist()
    assert read(store, validated.quarantine).to_pylist() == expected.quarantine.to_pylist()
    assert validated.staged.counts == {"rows_in": 400, "rows_staged": validated.rows_staged, "rows_quarantined": validated.rows_quarantined}
    assert validated.quarantine.details["by_rule"] == dict(sorted(expected.by_rule.items()))
    days = Counter(str(day.date()) for day in expected.staged["occurred_at"].to_pylist())
    assert validated.staged.details["event_days"] == dict(days)
    raw = store.get(manifest_key(hour_prefix("raw", "web", HOUR)))
    assert validated.staged.details["raw_sha256"] == hashlib.sha256(raw).hexdigest()
    for entry in (*validated.staged.entries, *validated.quarantine.entries):
        assert f"-{hashlib.sha256(store.get(entry.key)).hexdigest()[:16]}.parquet" in entry.key


def test_a_second_run_changes_nothing(store: LocalObjectStore) -> None:
    land(store, "web", [raw_table(mutated(100))])
    first = validate_hour(CONTRACT, "web", HOUR, store, run_id="a")
    second = validate_hour(CONTRACT, "web", HOUR, store, run_id="b")
    assert second.staged == first.staged
    assert second.quarantine == first.quarantine
    assert (second.staged.run_id, second.staged.generation) == ("a", 1)


def test_new_raw_is_a_new_generation_and_no_object_is_overwritten(store: LocalObjectStore) -> None:
    land(store, "web", [raw_table(mutated(100))])
    first = validate_hour(CONTRACT, "web", HOUR, store, run_id="a")
    land(store, "web", [raw_table(mutated(120))])
    second = validate_hour(CONTRACT, "web", HOUR, store, run_id="b")
    assert (second.staged.generation, second.rows_in) == (2, 120)
    assert read(store, first.staged).num_rows == first.rows_staged


def test_an_empty_hour_has_empty_manifests(store: LocalObjectStore) -> None:
    land(store, "web", [])
    validated = validate_hour(CONTRACT, "web", HOUR, store, run_id="a")
    assert (validated.rows_in, validated.staged.entries, validated.quarantine.entries) == (0, [], [])
    assert read_manifest(store, hour_prefix("staged", "web", HOUR)) is not None


def test_objects_are_divided_by_size(store: LocalObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_pipeline.validation.writer.ROW_GROUP_ROWS", 50)
    values: list[bytes | None] = [encode(row) for row in EXAMPLES if row["source"] == "web"] * 50
    land(store, "web", [raw_table(values[start : start + 60]) for start in range(0, len(values), 60)])
    validated = validate_hour(CONTRACT, "web", HOUR, store, run_id="a", max_object_bytes=1)
    assert len(validated.staged.entries) > 3
    assert sum(entry.row_count for entry in validated.staged.entries) == validated.rows_staged == len(values)
    assert read(store, validated.staged)["kafka_offset"].to_pylist() == [offset % 60 for offset in range(len(values))]


def _truncate(store: LocalObjectStore, key: str) -> None:
    store.put(key, store.get(key)[:-50])


def _replace(store: LocalObjectStore, key: str) -> None:
    data = bytearray(store.get(key))
    data[100] ^= 1
    store.put(key, bytes(data))


@pytest.mark.parametrize(
    ("damage", "says"), [(_truncate, "bytes, its manifest says"), (_replace, "digest"), (LocalObjectStore.delete, "does not exist")]
)
def test_a_damaged_raw_object_is_named_and_nothing_is_published(store: LocalObjectStore, damage: Any, says: str) -> None:
    keys = land(store, "web", [raw_table(mutated(50, 1)), raw_table(mutated(50, 2))])
    damage(store, keys[1])
    with pytest.raises(PermanentError) as caught:
        validate_hour(CONTRACT, "web", HOUR, store, run_id="a")
    assert keys[1] in str(caught.value)
    assert says in str(caught.value)
    for stage in ("staged", "quarantine"):
        assert read_manifest(store, hour_prefix(stage, "web", HOUR)) is None


def test_an_hour_that_has_not_landed_is_an_error_that_says_what_to_do(store: LocalObjectStore) -> None:
    with pytest.raises(PermanentError, match="materialize raw/product_event of web 2026-03-14T09"):
        validate_hour(CONTRACT, "web", HOUR, store, run_id="a")


@pytest.fixture
def two_versions(tmp_path: Path) -> Contract:
    """Version 2 adds an optional field and an event type."""
    folder = tmp_path / "product_event"
    folder.mkdir()
    for name in ("v1.schema.json", "rules.yaml"):
        (folder / name).write_bytes((CONTRACTS_DIR / "product_event" / name).read_bytes())
    schema = json.loads((folder / "v1.schema.json").read_text())
    schema["properties"]["schema_version"] = {"const": 2}
    schema["properties"]["event_type"]["enum"].append("share")
    schema["properties"]["experiment"] = {"type": ["string", "null"], "maxLength": 3}
    (folder / "v2.schema.json").write_text(json.dumps(schema))
    return load_contract(folder)


@pytest.mark.parametrize("use_fast_path", [False, True])
def test_versions_side_by_side_are_judged_each_by_its_own(two_versions: Contract, use_fast_path: bool) -> None:
    base = next(row for row in EXAMPLES if row["event_type"] == "page_view" and "experiment" not in row)
    rows: list[tuple[dict[str, Any], list[str]]] = [
        ({"schema_version": 1}, []),
        ({"schema_version": 2}, []),
        ({"schema_version": 2, "experiment": "b"}, []),
        ({"schema_version": 1, "experiment": 12345}, []),
        ({"schema_version": 2, "experiment": "long"}, ["schema"]),
        ({"schema_version": 2, "experiment": 1}, ["types"]),
        ({"schema_version": 2, "event_type": "share"}, []),
        ({"schema_version": 1, "event_type": "share"}, ["schema"]),
        ({"schema_version": 3}, ["schema"]),
    ]
    values: list[bytes | None] = [encode({**deepcopy(base), **change}) for change, _ in rows]
    validated = TableValidator(two_versions, "web", use_fast_path=use_fast_path).validate(raw_table(values))
    found = dict(zip(validated.quarantine["offset"].to_pylist(), validated.quarantine["rules"].to_pylist(), strict=True))
    assert [found.get(offset, []) for offset in range(len(rows))] == [rules for _, rules in rows]
    staged = dict(zip(validated.staged["kafka_offset"].to_pylist(), validated.staged["experiment"].to_pylist(), strict=True))
    # A field that version 1 does not name is no column of its rows, though version 2 has one of that name.
    assert staged == {0: None, 1: None, 2: "b", 3: None, 6: None}
    assert validated.unknown_fields == {"experiment": 1}


PAYMENTS = [
    (b'{"payment_id":"6513270e-269e-4d37-b2a7-4de452e6b438","amount":1.5,"tags":["a","b"],"payer":{"name":"x","is_company":true}}', []),
    (b'{"payment_id":"6513270e-269e-4d37-b2a7-4de452e6b438","amount":2,"paid_on":"2026-02-28","tags":null}', ["types"]),
    (b'{"payment_id":"6513270e-269e-4d37-b2a7-4de452e6b438","amount":2,"paid_on":"2026-02-28","payer":null}', []),
    (b'{"payment_id":"6513270e-269e-4d37-b2a7-4de452e6b438","amount":0}', ["schema"]),
    (b'{"payment_id":"6513270e-269e-4d37-b2a7-4de452e6b438","amount":1e400}', ["types"]),
    (b'{"payment_id":"no","amount":1,"paid_on":"2026-02-30"}', ["schema"]),
    (b'{"payment_id":"6513270e-269e-4d37-b2a7-4de452e6b438","amount":1,"tags":["a",""]}', ["schema"]),
    (b'{"payment_id":"6513270e-269e-4d37-b2a7-4de452e6b438","amount":1,"tags":["\\u200b"]}', ["text"]),
]


@pytest.mark.parametrize("use_fast_path", [False, True])
def test_a_contract_of_ones_own(tmp_path: Path, use_fast_path: bool) -> None:
    from data_pipeline_tests.unit.contracts.test_contract import PAYMENT, folder

    contract = load_contract(folder(tmp_path / "payments", PAYMENT))
    values: list[bytes | None] = [data for data, _ in PAYMENTS]
    validated = TableValidator(contract, "payments", use_fast_path=use_fast_path).validate(raw_table(values))
    found = dict(zip(validated.quarantine["offset"].to_pylist(), validated.quarantine["rules"].to_pylist(), strict=True))
    assert [found.get(offset, []) for offset in range(len(values))] == [rules for _, rules in PAYMENTS]
    first = validated.staged.sort_by("kafka_offset").to_pylist()[0]
    assert (first["tags"], first["payer"], first["amount"]) == (["a", "b"], {"name": "x", "is_company": True}, 1.5)
