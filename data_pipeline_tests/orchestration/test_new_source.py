"""A fifth source by one block of YAML: payments, with a contract of its own, on real servers through Dagster."""

import json
from datetime import UTC, datetime, timedelta

import dagster as dg
import duckdb
import pytest
from confluent_kafka import Producer
from pydantic import SecretStr

from data_pipeline.common.sources import load_sources
from data_pipeline.orchestration.build import build_definitions
from data_pipeline.orchestration.dbt_project import prepare_dbt_project
from data_pipeline.orchestration.platform import Platform
from data_pipeline.settings import PROJECT_ROOT, Settings

DAY = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
HOUR = f"{DAY}T09"
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Payment, version 1",
    "type": "object",
    "required": ["payment_id", "schema_version", "amount", "paidAt"],
    "properties": {
        "payment_id": {"type": "string", "pattern": "^p_[0-9]+$", "description": "Identifier of the payment."},
        "schema_version": {"const": 1},
        "amount": {"type": "number", "minimum": 0},
        "paidAt": {"type": ["string", "null"], "format": "date-time"},
        "method": {"enum": ["card", "transfer", None]},
        "order": {"type": ["object", "null"], "properties": {"select": {"type": "string"}}},
    },
}
GOOD = [{"payment_id": f"p_{n}", "schema_version": 1, "amount": n / 4, "paidAt": f"{HOUR}:00:00.000Z", "method": "card"} for n in range(20)]
BAD = [{**GOOD[0], "amount": -1}, {**GOOD[0], "amount": "1"}]


@pytest.fixture
def settings(tmp_path, kafka, s3_server, s3_bucket_store):
    """A deployment whose sources file has a block more than the project's."""
    (tmp_path / "contracts" / "payments").mkdir(parents=True)
    (tmp_path / "contracts" / "payments" / "v1.schema.json").write_text(json.dumps(SCHEMA))
    block = "  payments:\n    topic: payments.v1\n    contract: contracts/payments\n    owner: team:finance\n    schedule: hourly\n"
    (tmp_path / "sources.yaml").write_text((PROJECT_ROOT / "sources.yaml").read_text() + block)
    return Settings.from_env(
        state_dir=tmp_path / "state",
        sources_file=tmp_path / "sources.yaml",
        kafka_bootstrap_servers=kafka.bootstrap_servers,
        s3_endpoint_url=s3_server.endpoint_url,
        s3_bucket=s3_bucket_store.bucket,
        AWS_ACCESS_KEY_ID=s3_server.keys.access_key,
        AWS_SECRET_ACCESS_KEY=SecretStr(s3_server.keys.secret_key),
        partitions_start=DAY,
    )


def send(kafka):
    kafka.create_topic("payments.v1", partitions=2)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    start = datetime.fromisoformat(f"{HOUR}:00:00+00:00")
    for number, value in enumerate([*GOOD, *BAD]):
        at = int((start + timedelta(minutes=number)).timestamp() * 1000)
        producer.produce("payments.v1", json.dumps(value).encode(), key=b"k", timestamp=at)
    assert producer.flush(30) == 0


def test_one_block_gives_it_everything(settings, kafka):
    send(kafka)
    definitions = build_definitions(settings)
    graph = definitions.resolve_asset_graph()
    names = {key.to_user_string() for key in graph.get_all_asset_keys() if "payments" in key.to_user_string()}
    assert names == {
        *("kafka/payments", "raw/payments", "staged/payments", "quarantine/payments", "resolved/payments"),
        *("lake/payments", "warehouse/payments", "staging/stg_own__payments"),
    }
    assert graph.get(dg.AssetKey(["raw", "payments"])).owners == ["team:finance"]
    assert "land_payments" in {schedule.name for schedule in definitions.get_repository_def().schedule_defs}

    instance = dg.DagsterInstance.ephemeral()
    hours = definitions.resolve_job_def("land_and_validate_payments")
    assert hours.execute_in_process(instance=instance, partition_key=f"{HOUR}|payments").success
    day = definitions.resolve_implicit_global_asset_job_def()
    done = day.execute_in_process(
        instance=instance,
        partition_key=DAY,
        asset_selection=[dg.AssetKey(["lake", "payments"]), dg.AssetKey(["warehouse", "payments"])],
    )
    assert done.success

    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        rows = connection.execute("select payment_id, amount, method, arrival_date from warehouse.payments order by amount").fetchall()
    assert [(row[0], row[1], row[2]) for row in rows] == [(value["payment_id"], value["amount"], "card") for value in GOOD]
    assert {str(row[3]) for row in rows} == {DAY}
    [rejected] = [
        event.asset_materialization.metadata["dagster/row_count"].value
        for event in instance.fetch_materializations(dg.AssetKey(["quarantine", "payments"]), limit=1).records
    ]
    assert rejected == len(BAD)


def test_its_staging_model_is_part_of_the_dbt_project(settings):
    build_definitions(settings)
    platform = Platform(settings, load_sources(settings.sources_file))
    from data_pipeline.orchestration.build import _own_table

    [dataset] = [dataset for dataset in platform.datasets if not dataset.is_product_events]
    project = prepare_dbt_project(platform, [_own_table(platform, dataset)])
    manifest = json.loads(project.manifest_path.read_text())
    model = manifest["nodes"]["model.data_pipeline.stg_own__payments"]
    assert model["depends_on"]["nodes"] == ["source.data_pipeline.own_payments.payments"]
    assert model["columns"]["payment_id"]["description"] == "Identifier of the payment."
