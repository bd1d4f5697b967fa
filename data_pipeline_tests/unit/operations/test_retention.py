"""Retention: nothing young, held or unproven goes; what goes leaves its record; an archived day comes back byte for byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from data_pipeline.common.errors import PermanentError, TransientError
from data_pipeline.common.layout import hour_partition, hour_prefix, lake_prefix
from data_pipeline.common.manifest import Entry, Manifest, manifest_key, publish_manifest, read_manifest
from data_pipeline.common.object_store import LocalObjectStore, ObjectStore, S3ObjectStore
from data_pipeline.common.windows import Hour
from data_pipeline.operations.retention.apply import delete_partitions
from data_pipeline.operations.retention.holds import Hold, add_hold, read_holds, release_hold
from data_pipeline.operations.retention.lifecycle import TAG, apply_lifecycle, lifecycle_rules, tag_movable
from data_pipeline.operations.retention.plan import Action, make_plan, retired_key
from data_pipeline.operations.retention.restore import restore
from data_pipeline.operations.retention.rules import load_rules

RULES = load_rules()
DAY = date(2024, 3, 14)
HOUR = Hour.parse("2024-03-14T09")
LATER = DAY + timedelta(days=800)
BYTES = b"x" * 200


def put(store: ObjectStore, stage: str, prefix: str, partition: dict[str, str], counts: dict[str, int], details: dict[str, Any]) -> str:
    """Publish one object below a prefix; the digest of its manifest."""
    key = f"{prefix}/0-0-9.parquet"
    store.put(key, BYTES)
    entry = Entry(key, len(BYTES), 10, hashlib.sha256(BYTES).hexdigest())
    publish_manifest(store, prefix, Manifest(stage, partition, [entry], counts, details, "test"), None)
    return hashlib.sha256(store.get(manifest_key(prefix))).hexdigest()


def publish_all(store: ObjectStore) -> None:
    """An hour from raw to the lake, each stage made of the one before."""
    prefixes = {stage: hour_prefix(stage, "web", HOUR) for stage in ("raw", "staged", "quarantine")}
    partition = hour_partition("web", HOUR)
    raw = put(store, "raw", prefixes["raw"], partition, {"landed_count": 10}, {})
    staged = put(
        store, "staged", prefixes["staged"], partition, {"rows_staged": 10}, {"raw_sha256": raw, "event_days": {DAY.isoformat(): 10}}
    )
    put(store, "quarantine", prefixes["quarantine"], partition, {"rows_quarantined": 10}, {"raw_sha256": raw})
    put(
        store,
        "lake/events",
        lake_prefix("events", DAY),
        {"date": DAY.isoformat()},
        {},
        {"inputs": {manifest_key(prefixes["staged"]): staged}},
    )


def actions(store: ObjectStore, today: date = LATER, holds: tuple[Hold, ...] = (), rows: int | None = 10) -> dict[str, str]:
    return {item.stage: str(item.action) for item in make_plan(store, RULES, holds, today, lambda *_: rows)}


@pytest.fixture
def store(tmp_path: Path) -> LocalObjectStore:
    local = LocalObjectStore(tmp_path)
    publish_all(local)
    return local


def test_what_is_old_and_proven_goes_with_its_record(store: LocalObjectStore):
    assert set(actions(store).values()) == {"delete"}
    before = {item.folder: json.loads(store.get(item.manifest_key)) for item in make_plan(store, RULES, (), LATER, lambda *_: 10)}
    delete_partitions(store, make_plan(store, RULES, (), LATER, lambda *_: 10), datetime.now(UTC))
    left = [info.key for info in store.list("")]
    assert sorted(left) == sorted(retired_key(folder) for folder in before)
    for folder, document in before.items():
        record = json.loads(store.get(retired_key(folder)))
        assert record["retired"]["reason"]
        assert {name: value for name, value in record.items() if name != "retired"} == document


@hypothesis_settings(deadline=None, max_examples=25)
@given(age=st.integers(0, 1500))
def test_nothing_younger_than_its_rule_ever_goes(tmp_path_factory: pytest.TempPathFactory, age: int):
    local = LocalObjectStore(tmp_path_factory.mktemp("bucket"))
    publish_all(local)
    for stage, action in actions(local, DAY + timedelta(days=age)).items():
        keep = RULES[stage].keep_days
        assert keep is not None
        assert (action == "delete") == (age >= keep)


def test_a_hold_keeps_what_it_covers(store: LocalObjectStore):
    add_hold(store, Hold("case-7", DAY, DAY, ("raw",), "court"))
    assert read_holds(store) == [Hold("case-7", DAY, DAY, ("raw",), "court")]
    found = actions(store, holds=tuple(read_holds(store)))
    assert found["raw"] == "held"
    assert found["staged"] == "delete"
    with pytest.raises(PermanentError, match="already"):
        add_hold(store, Hold("case-7", DAY, DAY, (), "again"))
    release_hold(store, "case-7")
    assert actions(store, holds=tuple(read_holds(store)))["raw"] == "delete"
    with pytest.raises(PermanentError, match="no hold 'case-7'"):
        release_hold(store, "case-7")
    store.put("operations/holds.json", b"{}")
    with pytest.raises(PermanentError, match="nothing is deleted"):
        read_holds(store)


def test_without_the_proof_downstream_nothing_goes(store: LocalObjectStore):
    staged = hour_prefix("staged", "web", HOUR)
    store.delete(manifest_key(staged))
    found = actions(store)
    assert found["raw"] == "blocked"
    publish_manifest(store, staged, Manifest("staged", {}, [], {}, {"raw_sha256": "other", "event_days": {}}, "x"), None)
    assert actions(store)["raw"] == "blocked"
    assert actions(store)["staged"] == "blocked"


@pytest.mark.parametrize("rows", [None, 9])
def test_the_lake_stays_until_the_warehouse_holds_its_rows(store: LocalObjectStore, rows: int | None):
    assert actions(store, rows=rows)["lake"] == "blocked"


def test_staged_of_a_day_that_was_never_built_stays(store: LocalObjectStore):
    store.delete(manifest_key(lake_prefix("events", DAY)))
    assert actions(store)["staged"] == "blocked"


def test_raw_goes_years_after_staged_by_the_record_that_staged_left(store: LocalObjectStore):
    early = make_plan(store, RULES, (), DAY + timedelta(days=100), lambda *_: 10)
    assert {item.stage for item in early if item.action is Action.DELETE} == {"staged"}
    delete_partitions(store, early, datetime.now(UTC))
    assert actions(store)["raw"] == "delete"


class _Killed(LocalObjectStore):
    """Dies at the n-th deletion."""

    left = 0

    def delete(self, key: str) -> None:
        type(self).left -= 1
        if type(self).left < 0:
            raise KeyboardInterrupt
        super().delete(key)


@pytest.mark.parametrize("steps", range(8))
def test_a_kill_at_any_deletion_is_finished_by_the_next_run(tmp_path: Path, steps: int):
    publish_all(LocalObjectStore(tmp_path))
    _Killed.left = steps
    items = make_plan(_Killed(tmp_path), RULES, (), LATER, lambda *_: 10)
    with pytest.raises(KeyboardInterrupt):
        delete_partitions(_Killed(tmp_path), items, datetime.now(UTC))
    store = LocalObjectStore(tmp_path)
    for _ in range(2):
        delete_partitions(store, make_plan(store, RULES, (), LATER, lambda *_: 10), datetime.now(UTC))
    assert len(list(store.list("retired/"))) == 4
    assert [info.key for info in store.list("") if not info.key.startswith("retired/")] == []


@pytest.fixture(scope="module")
def moto_store() -> Iterator[S3ObjectStore]:
    """A bucket on moto's S3 server, which has lifecycle rules and storage classes; the local stack's server has not."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    s3 = S3ObjectStore("retention", f"http://{host}:{port}", credentials=("test", "test", None))
    s3.client.create_bucket(Bucket="retention")
    yield s3
    server.stop()


def test_lifecycle_rules_are_taken_and_stand_beside_those_of_others(moto_store: S3ObjectStore):
    foreign = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 1}}
    moto_store.client.put_bucket_lifecycle_configuration(Bucket="retention", LifecycleConfiguration={"Rules": [foreign]})  # type: ignore[typeddict-item]
    for _ in range(2):
        names = apply_lifecycle(moto_store, RULES)
    moving = {f"data-pipeline-{stage}" for stage, rule in RULES.items() if len(rule.classes) > 1}
    assert len(moving) >= 3
    assert sorted(names) == sorted({"data-pipeline-clean-up", "theirs", *moving})
    present = moto_store.client.get_bucket_lifecycle_configuration(Bucket="retention")["Rules"]
    (raw,) = [rule for rule in present if rule["ID"] == "data-pipeline-raw"]
    assert [(move["Days"], move["StorageClass"]) for move in raw["Transitions"]] == [(30, "GLACIER_IR"), (120, "DEEP_ARCHIVE")]
    assert not any("Expiration" in rule for rule in lifecycle_rules(RULES)), "S3 itself must not delete: it asks for no proof"


def test_a_day_is_archived_and_restored_with_equal_bytes(moto_store: S3ObjectStore):
    publish_all(moto_store)
    items = make_plan(moto_store, RULES, (), DAY + timedelta(days=130), lambda *_: 10)
    assert tag_movable(moto_store, items, RULES, DAY + timedelta(days=130)) > 0
    folder = hour_prefix("raw", "web", HOUR)
    key = f"{folder}/0-0-9.parquet"
    client = moto_store.client
    tags = client.get_object_tagging(Bucket="retention", Key=key)["TagSet"]
    assert tags == [{"Key": TAG, "Value": "yes"}]
    assert client.get_object_tagging(Bucket="retention", Key=manifest_key(folder))["TagSet"] == []
    # What S3's daemon does a day later: the tagged object goes to the archive.
    client.copy_object(Bucket="retention", Key=key, CopySource=f"retention/{key}", StorageClass="DEEP_ARCHIVE", MetadataDirective="COPY")
    with pytest.raises(PermanentError, match="InvalidObjectState"):
        moto_store.get(key)
    assert read_manifest(moto_store, folder) is not None
    done = restore(moto_store, [folder], poll_s=0.01, timeout_s=5)
    assert (done.object_count, done.restored_count, done.size_bytes) == (1, 1, len(BYTES))
    assert moto_store.get(key) == BYTES
    again = restore(moto_store, [folder], poll_s=0.01, timeout_s=5)
    assert again.restored_count == 0


def test_a_restore_that_takes_longer_can_be_gone_on_with_and_other_bytes_are_refused(moto_store: S3ObjectStore, monkeypatch: Any):
    folder = hour_prefix("raw", "web", HOUR.next)
    put(moto_store, "raw", folder, hour_partition("web", HOUR.next), {}, {})
    key = f"{folder}/0-0-9.parquet"
    moto_store.client.copy_object(Bucket="retention", Key=key, CopySource=f"retention/{key}", StorageClass="DEEP_ARCHIVE")
    monkeypatch.setattr("data_pipeline.operations.retention.restore._is_back", lambda *_: False)
    with pytest.raises(TransientError, match="run again later"):
        restore(moto_store, [folder], poll_s=0.01, timeout_s=0.05)
    monkeypatch.undo()
    assert restore(moto_store, [folder], poll_s=0.01).object_count == 1
    moto_store.put(key, b"other")
    with pytest.raises(PermanentError, match="other bytes"):
        restore(moto_store, [folder], poll_s=0.01)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"classes": {0: "DEEP_ARCHIVE", 9: "STANDARD"}}, "cheaper with age"),
        ({"classes": {5: "STANDARD"}}, "beginning with 0"),
        ({"classes": {0: "COLD"}}, "'COLD' is no storage class"),
        ({"classes": {0: "STANDARD", 5: "STANDARD_IA"}}, "before day 30"),
        ({"keep_days": 0}, "keep_days is 0"),
        ({"keep_days": 60, "classes": {0: "STANDARD", 90: "DEEP_ARCHIVE"}}, "deleted on day 60 already"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(tmp_path: Path, change: dict[str, Any], words: str):
    path = tmp_path / "rules.yaml"
    rule = {"keep_days": 100, "classes": {0: "STANDARD"}, "needs": [], "why": "w", **change}
    path.write_text(json.dumps({"stages": {"raw": rule}}).replace('"0"', "0").replace('"5"', "5").replace('"9"', "9").replace('"90"', "90"))
    with pytest.raises(PermanentError, match=words):
        load_rules(path)


def test_spans_cover_a_life_without_gap():
    raw = RULES["raw"]
    assert list(raw.spans()) == [("STANDARD", 30), ("GLACIER_IR", 90), ("DEEP_ARCHIVE", 610)]
    assert list(raw.spans(40)) == [("STANDARD", 30), ("GLACIER_IR", 10)]
    with pytest.raises(PermanentError, match="for ever"):
        list(replace(raw, keep_days=None).spans())
