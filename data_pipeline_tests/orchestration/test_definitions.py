"""The asset graph as a whole: what is in it, and that each part tells a reader what it is."""

import subprocess
import sys
import textwrap

import dagster as dg
import pytest

from data_pipeline.contracts.contract import load_contract
from data_pipeline.settings import PROJECT_ROOT


def test_assets_with_their_parents(definitions, snapshot):
    graph = definitions.resolve_asset_graph()
    lines = []
    for key in sorted(graph.get_all_asset_keys(), key=lambda key: key.path):
        parents = ", ".join(sorted(parent.to_user_string() for parent in graph.get(key).parent_keys))
        lines.append(f"{key.to_user_string()} <- {parents}" if parents else key.to_user_string())
    snapshot("assets.txt", "\n".join(lines) + "\n")


def test_jobs_schedules_sensors_and_checks(definitions, snapshot):
    repository = definitions.get_repository_def()
    lines = [f"job {job.name}" for job in sorted(repository.get_all_jobs(), key=lambda job: job.name) if not job.name.startswith("__")]
    lines += [f"schedule {schedule.name} {schedule.cron_schedule}" for schedule in sorted(repository.schedule_defs, key=lambda s: s.name)]
    lines += [f"sensor {sensor.name}" for sensor in repository.sensor_defs]
    checks = definitions.resolve_asset_graph().asset_check_keys
    ours = [key for key in checks if key.asset_key.path[0] not in {"staging", "intermediate", "core", "marts"}]
    lines += sorted(f"check {key.asset_key.to_user_string()} {key.name}" for key in ours)
    snapshot("automation.txt", "\n".join(lines) + "\n")


def test_every_asset_is_described_owned_grouped_and_of_a_kind(definitions):
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        name = key.to_user_string()
        assert node.description, f"{name} has no description"
        assert node.owners, f"{name} has no owner"
        assert node.group_name != "default", f"{name} has no group"
        assert node.kinds, f"{name} has no kind"
        if node.is_executable:
            assert node.is_partitioned, f"{name} has no partitions"
            assert node.backfill_policy == dg.BackfillPolicy.single_run(), f"a backfill of {name} would be a run a partition"


def test_every_table_shows_its_columns(definitions):
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        if key.path[0] in {"raw", "staged", "quarantine", "lake", "warehouse", "core", "marts"}:
            schema = graph.get(key).metadata.get("dagster/column_schema")
            assert schema is not None, f"{key.to_user_string()} shows no columns"
            assert schema.columns, f"{key.to_user_string()} shows no columns"


def test_dashboards_lead_back_to_the_topics(definitions):
    graph = definitions.resolve_asset_graph()
    topics = {key for key in graph.get_all_asset_keys() if key.path[0] == "kafka"}
    for key in graph.get_all_asset_keys():
        if key.path[0] == "dashboards":
            assert topics <= graph.get_ancestor_asset_keys(key), f"{key.to_user_string()} does not lead back to every topic"


def test_a_backfill_of_everything_begins_at_the_topics(definitions):
    """One request from the UI: all roots have the same partitions."""
    graph = definitions.resolve_asset_graph()
    executable = {key for key in graph.get_all_asset_keys() if graph.get(key).is_executable}
    roots = {key for key in executable if not graph.get(key).parent_keys & executable}
    assert roots == {dg.AssetKey(["raw", "events"])}


def test_a_fresh_interpreter_loads_them_without_network(tmp_path, definitions):
    """The first load of a state folder parses the models; from then on nothing but files is read."""
    program = textwrap.dedent("""
        import socket
        def refuse(*args, **kwargs):
            raise AssertionError(f"loading the definitions used the network: {args}")
        socket.socket.connect = refuse
        socket.socket.connect_ex = refuse
        socket.create_connection = refuse
        socket.getaddrinfo = refuse
        from data_pipeline.definitions import defs
        print(len(defs.resolve_asset_graph().get_all_asset_keys()))
    """)
    command = ["env", f"DATA_PIPELINE_STATE_DIR={tmp_path}", "DAGSTER_DISABLE_TELEMETRY=1", sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout.split()[-1]) == len(definitions.resolve_asset_graph().get_all_asset_keys())


@pytest.mark.parametrize("name", ["build_day", "land_and_validate_events"])
def test_jobs_resolve(definitions, name):
    assert definitions.resolve_job_def(name).partitions_def is not None


def test_the_rules_of_the_contract_stand_on_the_asset_that_they_fill(definitions):
    described = definitions.resolve_asset_graph().get(dg.AssetKey(["quarantine", "events"])).description
    for rule in load_contract("product_event").rules:
        assert f"| `{rule.name}` | {rule.sentence[:20]}" in described


def test_staged_columns_are_described_in_the_contracts_words(definitions):
    columns = definitions.resolve_asset_graph().get(dg.AssetKey(["staged", "events"])).metadata["dagster/column_schema"].columns
    described = {column.name: column.description for column in columns}
    for name, node in load_contract("product_event").latest.properties.items():
        assert described[name] == (node.description or None)
