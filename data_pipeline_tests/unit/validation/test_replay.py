"""Dead letters judged again: what passes joins staged once, whatever stops the replay and however often it runs."""

from __future__ import annotations

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from data_pipeline.common.errors import OvertakenError, PermanentError
from data_pipeline.common.layout import hour_prefix
from data_pipeline.common.manifest import Manifest, manifest_key, read_manifest
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.contracts.contract import CONTRACTS_DIR, Contract, load_contract
from data_pipeline.transforms.staged_hours import StagedHours
from data_pipeline.transforms.stale import stale_days
from data_pipeline.validation import validate_hour
from data_pipeline.validation.replay import replay_hour
from data_pipeline_tests.unit.validation.rows import example, raw_table
from data_pipeline_tests.unit.validation.test_hour import CONTRACT, HOUR, land, mutated

STAGES = ("staged", "quarantine", "resolved")


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """The contract after a fix: no rule of money and privacy, and a second version."""
    folder = tmp_path_factory.mktemp("contracts") / "product_event"
    folder.mkdir()
    rules = yaml.safe_load((CONTRACTS_DIR / "product_event" / "rules.yaml").read_text())
    rules["rules"] = [rule for rule in rules["rules"] if rule["name"] not in ("money", "privacy")]
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    schema = json.loads((CONTRACTS_DIR / "product_event" / "v1.schema.json").read_text())
    (folder / "v1.schema.json").write_text(json.dumps(schema))
    schema["properties"]["schema_version"] = {"const": 2}
    (folder / "v2.schema.json").write_text(json.dumps(schema))
    return load_contract(folder)


def values() -> list[bytes | None]:
    """Mutated rows, some purchases whose total is wrong, and some of version 2."""
    rows: list[dict[str, Any]] = []
    for number in range(6):
        purchase = example("purchase")
        purchase["event_id"] = f"00000000-0000-4000-8000-{number:012d}"
        purchase["order"]["order_id"] = f"again-{number}"
        purchase["order"]["total"] += 1
        purchase["source"] = "web"
        purchase["context"]["user_agent"] = "x"
        rows.append(purchase)
    rows += [{**example("page_view"), "schema_version": 2, "event_id": f"00000000-0000-4000-9000-{n:012d}"} for n in range(5)]
    return [*mutated(150, 3), *(json.dumps(row).encode() for row in rows), None, b"{"]


@pytest.fixture
def store(tmp_path: Path) -> LocalObjectStore:
    store = LocalObjectStore(tmp_path / "bucket")
    land(store, "web", [raw_table(values())])
    validate_hour(CONTRACT, "web", HOUR, store, run_id="validate")
    return store


def replay(store: Any, contract: Contract, rules: tuple[str, ...] = ()) -> Any:
    return replay_hour(contract, "web", HOUR, store, run_id="replay", rules=rules)


def manifest(store: LocalObjectStore, stage: str) -> Manifest | None:
    published = read_manifest(store, hour_prefix(stage, "web", HOUR))
    return published.manifest if published else None


def rows(store: LocalObjectStore, stage: str) -> list[dict[str, Any]]:
    found = manifest(store, stage)
    tables = [pq.read_table(io.BytesIO(store.get(entry.key))) for entry in found.entries] if found else []
    place = "kafka_offset" if stage == "staged" else "offset"
    return sorted((row for table in tables for row in table.to_pylist()), key=lambda row: row[place])


def state(store: LocalObjectStore) -> dict[str, Any]:
    """What readers see: rows, counts and days, not how they are cut into objects."""
    staged, quarantine = manifest(store, "staged"), manifest(store, "quarantine")
    assert staged is not None
    assert quarantine is not None
    return {
        "rows": {stage: rows(store, stage) for stage in STAGES},
        "counts": (dict(staged.counts), dict(quarantine.counts)),
        "event_days": staged.details["event_days"],
        "by_rule": quarantine.details["by_rule"],
    }


def holds(store: LocalObjectStore) -> None:
    """Landed = staged + quarantined, and every dead letter stands in exactly one of quarantine and resolved."""
    staged, landed = manifest(store, "staged"), manifest(store, "raw")
    assert staged is not None
    assert landed is not None
    offsets = {stage: [row["kafka_offset" if stage == "staged" else "offset"] for row in rows(store, stage)] for stage in STAGES}
    assert sorted(offsets["staged"] + offsets["quarantine"]) == list(range(landed.row_count))
    assert staged.counts["rows_staged"] + staged.counts["rows_quarantined"] == staged.counts["rows_in"] == landed.row_count
    assert sorted(offsets["resolved"]) == sorted(set(offsets["resolved"]))
    assert not set(offsets["resolved"]) & set(offsets["quarantine"])


def test_what_passes_now_joins_staged_once_and_stays_a_dead_letter_on_record(store: LocalObjectStore, fixed: Contract) -> None:
    before, objects = state(store), {info.key: info.etag for info in store.list("quarantine/") if info.key.endswith(".parquet")}
    generations = {stage: manifest(store, stage).generation for stage in ("staged", "quarantine")}  # type: ignore[union-attr]
    outcome = replay(store, fixed)
    holds(store)
    after = state(store)
    assert outcome.rows_joined >= 11
    assert outcome.rows_joined == len(after["rows"]["staged"]) - len(before["rows"]["staged"]) == len(after["rows"]["resolved"])
    assert sum(outcome.event_days.values()) == outcome.rows_joined
    # A dead letter that passed keeps its bytes and the rules that it broke.
    assert [row for row in before["rows"]["quarantine"] if row in after["rows"]["resolved"]] == after["rows"]["resolved"]
    assert objects.items() <= {info.key: info.etag for info in store.list("quarantine/")}.items()
    assert {stage: manifest(store, stage).generation - n for stage, n in generations.items()} == {"staged": 1, "quarantine": 1}  # type: ignore[union-attr]
    orders = pq.read_table(io.BytesIO(store.get(f"orders/{HOUR.path}/source=web/orders.parquet")))
    assert {f"again-{number}" for number in range(6)} <= set(orders["order_id"].to_pylist())


def test_validating_again_from_raw_gives_the_same_answer(store: LocalObjectStore, fixed: Contract) -> None:
    replay(store, fixed)
    replayed = state(store)
    validate_hour(fixed, "web", HOUR, store, run_id="validate again")
    holds(store)
    again = state(store)
    assert {**again, "rows": {**again["rows"], "resolved": []}} == {**replayed, "rows": {**replayed["rows"], "resolved": []}}
    assert replay(store, fixed).rows_joined == 0
    assert state(store) == again


def test_a_replay_under_the_same_rules_and_a_second_one_change_nothing(store: LocalObjectStore, fixed: Contract) -> None:
    before = {stage: manifest(store, stage) for stage in STAGES}
    assert replay(store, CONTRACT).rows_joined == 0
    assert {stage: manifest(store, stage) for stage in STAGES} == before
    replay(store, fixed)
    once = {stage: manifest(store, stage) for stage in STAGES}
    assert replay(store, fixed).rows_joined == 0
    assert {stage: manifest(store, stage) for stage in STAGES} == once


def test_only_rows_of_the_rules_asked_for_are_judged_again(store: LocalObjectStore, fixed: Contract) -> None:
    whole = state(store)
    outcome = replay(store, CONTRACT, ("schema",))
    assert outcome.rows_tried == sum("schema" in row["rules"] for row in whole["rows"]["quarantine"])
    narrow = replay(store, fixed, ("schema",))
    holds(store)
    assert narrow.rows_tried == outcome.rows_tried
    assert 5 <= narrow.rows_joined < 11
    replay(store, fixed)
    holds(store)
    in_steps = state(store)
    validate_hour(fixed, "web", HOUR, store, run_id="from raw")
    assert rows(store, "staged") == in_steps["rows"]["staged"]
    with pytest.raises(PermanentError, match="'nonsense' is no rule of the contract 'product_event'; its rules are size, json, types"):
        replay(store, fixed, ("nonsense",))


class _Killed(BaseException):
    """As a SIGKILL: nothing catches it."""


class _Dying(LocalObjectStore):
    """Dies before its n-th write."""

    def __init__(self, root: Path, writes: int) -> None:
        super().__init__(root)
        object.__setattr__(self, "left", [writes])

    def _count(self) -> None:
        self.left[0] -= 1  # type: ignore[attr-defined]
        if self.left[0] < 0:  # type: ignore[attr-defined]
            raise _Killed

    def put(self, key: str, data: bytes) -> str:
        self._count()
        return super().put(key, data)


@pytest.mark.parametrize("then", [(), ("schema",)])
def test_killed_before_any_of_its_writes_it_ends_as_if_it_had_not_been(tmp_path: Path, fixed: Contract, then: tuple[str, ...]) -> None:
    """Every write passes `put`; the next replay may even ask for other rules first."""
    expected: dict[str, Any] | None = None
    for writes in range(1000):
        root = tmp_path / str(writes)
        store = LocalObjectStore(root)
        land(store, "web", [raw_table(values())])
        validate_hour(CONTRACT, "web", HOUR, store, run_id="validate")
        if expected is None:
            replay(store, fixed)
            expected = state(store)
            continue
        try:
            replay(_Dying(root, writes - 1), fixed)
            is_done = True
        except _Killed:
            is_done = False
        staged, quarantine = manifest(store, "staged"), manifest(store, "quarantine")
        assert staged is not None
        assert quarantine is not None
        offsets = {row["kafka_offset"] for row in rows(store, "staged")} | {row["offset"] for row in rows(store, "quarantine")}
        assert offsets == set(range(staged.counts["rows_in"]))
        replay(store, fixed, then)
        replay(store, fixed)
        holds(store)
        assert state(store) == expected
        if is_done:
            break
    assert writes >= 7


def test_two_replays_at_once_are_one(store: LocalObjectStore, fixed: Contract, tmp_path: Path) -> None:
    barrier = threading.Barrier(2)

    class Meeting(LocalObjectStore):
        """Lets both read everything before either publishes."""

        def replace(self, key: str, data: bytes, etag: str) -> str:
            if key == manifest_key(hour_prefix("staged", "web", HOUR)):
                barrier.wait(10)
            return super().replace(key, data, etag)

    with ThreadPoolExecutor(2) as pool:
        joined = [future.result().rows_joined for future in [pool.submit(replay, Meeting(store.root), fixed) for _ in range(2)]]
    assert joined[0] == joined[1]
    holds(store)
    other = LocalObjectStore(tmp_path / "other")
    land(other, "web", [raw_table(values())])
    validate_hour(CONTRACT, "web", HOUR, other, run_id="validate")
    replay(other, fixed)
    assert state(store) == state(other)


def test_a_replay_that_another_one_overtook_fails_and_can_be_run_again(store: LocalObjectStore, fixed: Contract) -> None:
    class Slow(LocalObjectStore):
        def replace(self, key: str, data: bytes, etag: str) -> str:
            if key == manifest_key(hour_prefix("staged", "web", HOUR)):
                replay(store, fixed, ("schema",))
            return super().replace(key, data, etag)

    with pytest.raises(OvertakenError, match="Run again"):
        replay(Slow(store.root), fixed)
    replay(store, fixed)
    holds(store)


def test_the_days_of_the_rows_that_joined_are_asked_for_again(store: LocalObjectStore, fixed: Contract) -> None:
    day = HOUR.date
    before = StagedHours(store, ["web"]).inputs_of(day)
    outcome = replay(store, fixed)
    assert day.isoformat() in outcome.event_days
    assert StagedHours(store, ["web"]).inputs_of(day) != before
    assert [stale.day for stale in stale_days(store, ["web"], [day])] == [day]


def test_an_hour_that_is_not_validated_is_named(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="staged of web 2026-03-14T09 is not published; materialize it"):
        replay(LocalObjectStore(tmp_path), CONTRACT)


def test_raw_rows_without_dead_letters_stay_as_they_are(tmp_path: Path) -> None:
    store = LocalObjectStore(tmp_path)
    land(store, "web", [pa.concat_tables([raw_table([json.dumps(example("page_view")).encode()])])])
    validate_hour(CONTRACT, "web", HOUR, store, run_id="validate")
    outcome = replay(store, CONTRACT)
    assert (outcome.rows_tried, outcome.rows_joined, outcome.rows_quarantined) == (0, 0, 0)
