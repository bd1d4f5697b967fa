"""The replay through Dagster: materializing `resolved/events` lets dead letters join staged, and says so on both assets."""

import json

import dagster as dg
import pytest
import yaml

from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.contracts.contract import CONTRACTS_DIR, load_contract
from data_pipeline.orchestration.assets.replay import replay_asset
from data_pipeline.orchestration.partitions import hour_by_source, hour_key
from data_pipeline.orchestration.platform import Platform
from data_pipeline.settings import Settings
from data_pipeline.validation import validate_hour
from data_pipeline_tests.unit.validation.rows import example, raw_table
from data_pipeline_tests.unit.validation.test_hour import CONTRACT, HOUR, land

PARTITION = str(hour_key(HOUR, "web"))


@pytest.fixture
def platform(tmp_path):
    """An hour of three rows, of which one breaks `money` and one is no JSON."""
    platform = Platform(Settings.from_env(state_dir=tmp_path / "state"))
    platform.store = LocalObjectStore(tmp_path / "bucket")
    wrong = example("purchase")
    wrong["source"] = "web"
    wrong["context"]["user_agent"] = "x"
    wrong["order"]["total"] += 1
    land(platform.store, "web", [raw_table([json.dumps(example("page_view")).encode(), json.dumps(wrong).encode(), b"{"])])
    validate_hour(CONTRACT, "web", HOUR, platform.store, run_id="validate")
    return platform


@pytest.fixture
def without_money(tmp_path):
    folder = tmp_path / "product_event"
    folder.mkdir()
    rules = yaml.safe_load((CONTRACTS_DIR / "product_event" / "rules.yaml").read_text())
    rules["rules"] = [rule for rule in rules["rules"] if rule["name"] != "money"]
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    (folder / "v1.schema.json").write_bytes((CONTRACTS_DIR / "product_event" / "v1.schema.json").read_bytes())
    return load_contract(folder)


def replay(platform, contract, instance, rules=()):
    dataset = platform.product_events
    config = {"ops": {"replay_events": {"config": {"rules": list(rules)}}}}
    asset = replay_asset(dataset, contract, hour_by_source("2026-03-01", dataset.source_names))
    return dg.materialize(
        [asset], partition_key=PARTITION, instance=instance, resources={"platform": platform}, run_config=config, raise_on_error=False
    )


def test_what_passes_now_joins_staged_and_both_assets_say_so(platform, without_money):
    instance = dg.DagsterInstance.ephemeral()
    result = replay(platform, without_money, instance)
    assert result.success
    [own] = result.asset_materializations_for_node("replay_events")[-1:]
    assert own.asset_key == dg.AssetKey(["resolved", "events"])
    assert (own.metadata["tried"].value, own.metadata["joined_staged"].value) == (2, 1)
    assert own.metadata["equation"].value == "2 staged + 1 quarantined = 3 landed"
    for name, rows in (("staged", 2), ("quarantine", 1)):
        told = instance.get_latest_materialization_event(dg.AssetKey([name, "events"])).asset_materialization
        assert (told.partition, told.metadata["generation"].value, told.metadata["dagster/row_count"].value) == (PARTITION, 2, rows)


def test_a_rule_that_does_not_exist_is_named(platform, without_money):
    result = replay(platform, CONTRACT, dg.DagsterInstance.ephemeral(), ["nonsense"])
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "'nonsense' is no rule of the contract" in failure.event_specific_data.error_display_string
