"""The open hour is landed chunk by chunk through Dagster, on real servers."""

from datetime import UTC, datetime

import dagster as dg
import pytest
from confluent_kafka import Producer
from pydantic import SecretStr

from data_pipeline.common.sources import load_sources
from data_pipeline.orchestration.open_hours import open_hours_job
from data_pipeline.orchestration.platform import Platform
from data_pipeline.settings import PROJECT_ROOT, Settings

CHUNK = 1_000


@pytest.fixture
def settings(tmp_path, kafka, s3_server, s3_bucket_store):
    return Settings.from_env(
        state_dir=tmp_path / "state",
        kafka_bootstrap_servers=kafka.bootstrap_servers,
        s3_endpoint_url=s3_server.endpoint_url,
        s3_bucket=s3_bucket_store.bucket,
        AWS_ACCESS_KEY_ID=s3_server.keys.access_key,
        AWS_SECRET_ACCESS_KEY=SecretStr(s3_server.keys.secret_key),
    )


def test_full_chunks_land_and_a_source_that_fails_stops_no_other(settings, kafka, s3_bucket_store):
    sources = load_sources(PROJECT_ROOT / "sources.yaml")
    web = sources["web"]
    kafka.create_topic(web.topic, partitions=1)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for number in range(2 * CHUNK + 7):
        producer.produce(web.topic, b"%d" % number)
    assert producer.flush(30) == 0

    with dg.DagsterInstance.ephemeral() as instance:
        job = open_hours_job(chunk_rows=CHUNK)
        result = job.execute_in_process(instance=instance, resources={"platform": Platform(settings)}, raise_on_error=False)

        records = instance.get_records_for_run(result.run_id, of_type=dg.DagsterEventType.ASSET_OBSERVATION).records
    [observation] = [record.event_log_entry.dagster_event.asset_observation_data.asset_observation for record in records]
    assert observation.partition.endswith("|web")
    assert observation.metadata["objects"].value == 2
    keys = [item.key for item in s3_bucket_store.list("raw/")]
    assert sorted(key.rsplit("/", 1)[1] for key in keys if key.endswith(".parquet")) == [
        "0-0-999.parquet",
        "0-1000-1999.parquet",
    ]
    assert not any(key.endswith("_manifest.json") for key in keys), "the hour is open: nobody may take it for whole"
    assert not result.success
    assert "does not exist" in str([event for event in result.all_events if event.is_step_failure or event.is_step_up_for_retry])


@pytest.mark.parametrize(
    ("name", "job_name", "run_key", "partition"),
    [
        ("land_open_hours", "land_open_hours", "2026-03-14T00:20:00+00:00", None),
        ("build_today", "build_day", "today:2026-03-13T23", "2026-03-13"),
    ],
)
def test_a_schedule_waits_for_the_run_before(definitions, name, job_name, run_key, partition):
    job = definitions.resolve_job_def(job_name)
    schedule = definitions.get_repository_def().get_schedule_def(name)
    at = datetime(2026, 3, 14, 0, 20, tzinfo=UTC)
    with (
        dg.instance_for_test() as instance,
        dg.build_schedule_context(
            instance=instance, scheduled_execution_time=at, repository_def=definitions.get_repository_def()
        ) as context,
    ):
        request = schedule.evaluate_tick(context).run_requests[0]
        assert (request.run_key, request.partition_key) == (run_key, partition)
        instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        assert "still" in schedule.evaluate_tick(context).skip_message


def test_the_present_day_is_a_partition(definitions):
    """What happened this morning has to be on a dashboard today."""
    partitions = definitions.resolve_asset_graph().get(dg.AssetKey(["lake", "events"])).partitions_def
    assert datetime.now(UTC).date().isoformat() in partitions.get_partition_keys()
