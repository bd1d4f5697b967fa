"""Erasure: every trace of a person goes, nobody else's does, the equations hold, and a kill at any step is gone on with."""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.layout import hour_partition, hour_prefix
from data_pipeline.common.manifest import Entry, Manifest, publish_manifest, read_manifest
from data_pipeline.common.object_store import LocalObjectStore, ObjectStore
from data_pipeline.common.windows import Hour
from data_pipeline.contracts.contract import load_contract
from data_pipeline.landing import RAW_SCHEMA
from data_pipeline.operations.erasure.forget import Rebuild, plan_erasure, run_erasure
from data_pipeline.operations.erasure.person import Person, exclusive_devices
from data_pipeline.operations.erasure.search import search_bucket
from data_pipeline.operations.manifests import read_hours
from data_pipeline.operations.signals.checks import CHECKS
from data_pipeline.operations.signals.facts import Facts, Limits, SourceFact
from data_pipeline.validation import validate_hour

HOUR = Hour.parse("2026-03-14T09")
CONTRACT = load_contract("product_event")
VICTIM, OTHER = "u_victim_0001", "u_other_0002"
OWN_DEVICE, SHARED_DEVICE, OTHER_DEVICE = (f"a_{name}_device_00" for name in ("victims", "shared", "others"))


def value(number: int, **changes: Any) -> bytes:
    text = (resources.files("data_pipeline.contracts") / "product_event" / "examples.ndjson").read_text()
    document = next(item for line in text.splitlines() if (item := json.loads(line))["source"] == "web")
    at = (HOUR.start + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    document |= {"event_id": str(uuid.UUID(int=number)), "occurred_at": at, "sent_at": at, **changes}
    return json.dumps(document).encode()


ROWS: list[tuple[bytes | None, bytes | None]] = [
    (OWN_DEVICE.encode(), value(1, user_id=VICTIM, anonymous_id=OWN_DEVICE)),
    (OWN_DEVICE.encode(), value(2, user_id=None, anonymous_id=OWN_DEVICE)),
    (SHARED_DEVICE.encode(), value(3, user_id=VICTIM, anonymous_id=SHARED_DEVICE)),
    (VICTIM.encode(), b'{"broken": "' + VICTIM.encode()),
    (b"x", value(5, user_id=VICTIM, anonymous_id=OWN_DEVICE, event_type="no such type")),
    (b"x", value(6, user_id=OTHER, anonymous_id=OTHER_DEVICE, page={"url": f"https://shop.example/account/{VICTIM}", "title": "Account"})),
    (OWN_DEVICE.encode(), None),
    (b"x", value(8, user_id=VICTIM).replace(VICTIM.encode(), VICTIM.replace("v", "\\u0076").encode())),
    (SHARED_DEVICE.encode(), value(9, user_id=OTHER, anonymous_id=SHARED_DEVICE)),
    (SHARED_DEVICE.encode(), value(10, user_id=None, anonymous_id=SHARED_DEVICE)),
    (OTHER_DEVICE.encode(), value(11, user_id=OTHER, anonymous_id=OTHER_DEVICE)),
    (b"k", None),
]
THEIRS = 8
"""The first eight rows are the victim's, or speak of them."""


def land(store: ObjectStore) -> None:
    rows = [
        {"partition": 0, "offset": n, "received_at": HOUR.start + timedelta(minutes=n + 1), "key": key, "value": data, "headers": []}
        for n, (key, data) in enumerate(ROWS)
    ]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=RAW_SCHEMA), buffer)
    folder = hour_prefix("raw", "web", HOUR)
    key = f"{folder}/0-0-{len(rows) - 1}.parquet"
    store.put(key, buffer.getvalue())
    entry = Entry(key, len(buffer.getvalue()), len(rows), hashlib.sha256(buffer.getvalue()).hexdigest())
    counts = {"offset_count": len(rows), "landed_count": len(rows), "control_or_gap_count": 0}
    details = {"partitions": [{"partition": 0, "start": 0, "end": len(rows)}]}
    publish_manifest(store, folder, Manifest("raw", hour_partition("web", HOUR), [entry], counts, details, "test"), None)


def validate(store: ObjectStore) -> None:
    validate_hour(CONTRACT, "web", HOUR, store, run_id="test", worker_count=1)


def rebuild(store: ObjectStore) -> Rebuild:
    def hours(folders: Sequence[str]) -> None:
        assert list(folders) == [hour_prefix("raw", "web", HOUR)]
        validate(store)

    return Rebuild(hours, lambda days: None, lambda names: [])


def forget(store: ObjectStore) -> dict[str, Any]:
    erasure = plan_erasure(store, VICTIM, ["events"], lambda _: None)
    return run_erasure(store, erasure, rebuild(store), lambda _: None)


def require_forgotten(store: ObjectStore) -> None:
    assert search_bucket(store, [VICTIM, OWN_DEVICE]).hits == ()
    (item,) = read_hours(store, ["web"], [HOUR])
    assert item.raw is not None
    assert item.raw.row_count == len(ROWS)
    rows = [row for entry in item.raw.entries for row in pq.read_table(io.BytesIO(store.get(entry.key))).to_pylist()]
    assert [row["offset"] for row in rows] == list(range(len(ROWS)))
    assert all(row["key"] is row["value"] is None for row in rows[:THEIRS])
    assert [(row["key"], row["value"]) for row in rows[THEIRS:]] == ROWS[THEIRS:]
    facts = Facts(
        datetime(2026, 3, 14, 10, 5, tzinfo=UTC), {"web": SourceFact("web", "t", "events", "o", False, HOUR.start)}, hours=(item,)
    )
    assert CHECKS["conservation_broken"].signal(facts, Limits()) == []
    assert item.staged is not None
    assert item.staged.counts["rows_staged"] + item.staged.counts["rows_quarantined"] == len(ROWS)
    named = {entry.key for manifest in (item.raw, item.staged, item.quarantine) if manifest for entry in manifest.entries}
    lying = {info.key for stage in ("raw", "staged", "quarantine") for info in store.list(f"{stage}/") if info.key.endswith(".parquet")}
    assert lying == named, "objects of the former versions are gone"


@pytest.fixture
def store(tmp_path: Path) -> LocalObjectStore:
    local = LocalObjectStore(tmp_path / "bucket")
    land(local)
    validate(local)
    return local


def test_a_person_goes_and_nobody_else_does(store: LocalObjectStore):
    (item,) = read_hours(store, ["web"], [HOUR])
    assert item.staged is not None
    assert item.staged.row_count >= 6, "the example is one of rows that pass, and of some that do not"
    assert search_bucket(store, [VICTIM]).hits, "the search finds what is there"
    done = forget(store)
    assert done["records"] == THEIRS
    require_forgotten(store)
    (tombstone,) = list(store.list("erasures/"))
    assert json.loads(store.get(tombstone.key)) == done
    assert done["records_by_hour"] == {hour_prefix("raw", "web", HOUR): THEIRS}
    assert search_bucket(store, [OTHER, OTHER_DEVICE, SHARED_DEVICE]).hits, "others are still there"


def test_resolved_dead_letters_are_emptied_too(store: LocalObjectStore):
    (item,) = read_hours(store, ["web"], [HOUR])
    assert item.quarantine is not None
    folder = hour_prefix("resolved", "web", HOUR)
    entries = []
    for entry in item.quarantine.entries:
        key = entry.key.replace("quarantine/", "resolved/", 1)
        store.put(key, store.get(entry.key))
        entries.append(Entry(key, entry.size_bytes, entry.row_count, entry.sha256))
    publish_manifest(store, folder, Manifest("resolved", hour_partition("web", HOUR), entries, {}, {}, "test"), None)
    done = forget(store)
    assert done["records"] == THEIRS, "each record is counted once"
    require_forgotten(store)
    published = read_manifest(store, folder)
    assert published is not None
    assert published.manifest.row_count == item.quarantine.row_count


def test_forgotten_twice_says_that_nobody_is_there(store: LocalObjectStore):
    forget(store)
    with pytest.raises(PermanentError, match="No record of the account"):
        forget(store)


class _Killed(LocalObjectStore):
    """Dies at the n-th change."""

    left = 10**9

    def _step(self) -> None:
        type(self).left -= 1
        if type(self).left < 0:
            raise KeyboardInterrupt

    def put(self, key: str, data: bytes) -> str:
        self._step()
        return super().put(key, data)

    def delete(self, key: str) -> None:
        self._step()
        super().delete(key)


def test_a_kill_at_any_change_is_gone_on_with(tmp_path: Path):
    kills = 0
    for step in range(60):
        root = tmp_path / str(step)
        land(LocalObjectStore(root))
        validate(LocalObjectStore(root))
        _Killed.left = step
        try:
            forget(_Killed(root))
        except KeyboardInterrupt:
            kills += 1
        else:
            break
        _Killed.left = 10**9
        store = LocalObjectStore(root)
        forget(store)
        require_forgotten(store)
        assert {json.loads(store.get(info.key))["state"] for info in store.list("erasures/")} == {"done"}
    assert kills > 8


def test_while_something_is_found_the_erasure_stays_pending(store: LocalObjectStore):
    store.put("exports/list.csv", f"id\n{VICTIM}\n".encode())
    with pytest.raises(PermanentError, match=r"exports/list\.csv"):
        forget(store)
    store.delete("exports/list.csv")
    assert forget(store)["records"] == THEIRS
    require_forgotten(store)


def test_an_hour_of_the_lake_without_its_staged_rows_is_refused_before_anything_changes(store: LocalObjectStore):
    publish_manifest(store, "lake/events/date=2026-03-14", Manifest("lake/events", {}, [], {}, {}, "t"), None)
    store.delete(f"{hour_prefix('staged', 'web', HOUR)}/_manifest.json")
    before = {info.key: info.etag for info in store.list("")}
    with pytest.raises(PermanentError, match="Nothing was changed"):
        forget(store)
    assert {info.key: info.etag for info in store.list("")} == before


def test_devices_are_theirs_only_where_nobody_else_used_them():
    pairs = [("d1", "u"), ("d2", "u"), ("d2", "v"), ("d3", "v")]
    assert exclusive_devices("u", pairs) == ("d1",)


@pytest.mark.parametrize(
    ("data", "is_theirs"),
    [
        (b'{"user_id": "u_1"}', True),
        (b'{"user_id": "u_10"}', True),
        (b'{"user_id": "u_2", "anonymous_id": "d1"}', True),
        (b'{"user_id": null, "anonymous_id": "d1"}', True),
        (b'{"user_id": "u_2"}', False),
        (b'["u_1"]', True),
        (b"u_1 \xff", True),
        (b"\xff", False),
        (None, False),
    ],
)
def test_whose_a_value_is(data: bytes | None, is_theirs: bool):
    assert Person("u_1", ("d1",)).owns_value(data) is is_theirs


def test_the_search_looks_into_nested_columns_dictionaries_and_footers(tmp_path: Path):
    store = LocalObjectStore(tmp_path)
    table = pa.table(
        {
            "plain": pa.array(["a"]),
            "nested": pa.array([{"x": [{"y": "needle"}]}]),
            "coded": pa.array(["needle"]).dictionary_encode(),
            "bytes": pa.array([b"has needle inside"]),
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    store.put("a/x.parquet", buffer.getvalue())
    store.put("b.json", b'{"a": "needle"}')
    found = search_bucket(store, ["needle"])
    assert {hit.split(" ")[0] for hit in found.hits} == {"a/x.parquet", "b.json"}
    assert {"a/x.parquet (nested)", "a/x.parquet (coded)", "a/x.parquet (bytes)"} <= set(found.hits)
    store.put("c.parquet", b"no parquet")
    with pytest.raises(PermanentError, match=r"c\.parquet"):
        search_bucket(store, ["needle"])


def test_raw_stays_what_landing_wrote(store: LocalObjectStore):
    forget(store)
    published = read_manifest(store, hour_prefix("raw", "web", HOUR))
    assert published is not None
    (entry,) = published.manifest.entries
    schema = pq.read_schema(io.BytesIO(store.get(entry.key)))
    assert schema.equals(RAW_SCHEMA)
    assert published.manifest.details["erasures"][0]["rows"] == THEIRS
