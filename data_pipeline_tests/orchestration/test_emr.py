"""A day built by a job on EMR Serverless: the API is moto's, the job is the uploaded package in its own process, on a real S3 server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest
from moto import mock_aws

from data_pipeline.common.layout import lake_prefix
from data_pipeline.common.manifest import read_manifest
from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.orchestration.assets.lake import lake_assets
from data_pipeline.orchestration.partitions import daily
from data_pipeline.orchestration.platform import Platform
from data_pipeline.settings import Settings
from data_pipeline_tests.spark_session import FAST_START
from data_pipeline_tests.staged_data import instant, publish_staged, staged_row

ROLE = "arn:aws:iam::123456789012:role/transform"


class LocalEmr:
    """Moto's client; a job that it accepts is run here at once, and its state is how that went."""

    def __init__(self, client: Any, store: S3ObjectStore, jars: Path, folder: Path) -> None:
        self._client, self._store, self._jars, self._folder = client, store, jars, folder
        self.requests: list[dict[str, Any]] = []
        self._state = "RUNNING"

    def start_job_run(self, **request: Any) -> Any:
        self.requests.append(request)
        answer = self._client.start_job_run(**request)
        submit = request["jobDriver"]["sparkSubmit"]
        conf = dict(re.findall(r"--conf (\S+?)=(\S+)", submit["sparkSubmitParameters"]))
        package, entry = self._folder / "package.zip", self._folder / "entry.py"
        self._store.download(self._store.key(conf["spark.submit.pyFiles"]), package)
        self._store.download(self._store.key(submit["entryPoint"]), entry)
        prefix = "spark.emr-serverless.driverEnv."
        environment = {key.removeprefix(prefix): value for key, value in conf.items() if key.startswith(prefix)}
        done = subprocess.run(
            [sys.executable, str(entry), *submit["entryPointArguments"]],
            env={**os.environ, **environment, **self._cluster(), "PYTHONPATH": str(package)},
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )
        self.output = done.stdout + done.stderr
        self._state = "FAILED" if done.returncode else "SUCCESS"
        return answer

    def get_job_run(self, **names: str) -> Any:
        job = self._client.get_job_run(**names)["jobRun"]
        return {"jobRun": {**job, "state": self._state}}

    def get_dashboard_for_job_run(self, **_: str) -> Any:
        return {"url": "https://dashboard.example"}

    def _cluster(self) -> dict[str, str]:
        """What the application's image and role give a job on AWS."""
        assert self._store.credentials is not None
        access, secret, _ = self._store.credentials
        conf = {
            "spark.jars": ",".join(map(str, sorted(self._jars.glob("*.jar")))),
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.memory": "1g",
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": "2",
            "spark.local.dir": str(self._folder),
            "spark.hadoop.fs.s3a.endpoint": str(self._store.endpoint_url),
            "spark.hadoop.fs.s3a.endpoint.region": self._store.region,
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
            "spark.hadoop.fs.s3a.aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
            "spark.hadoop.fs.s3a.access.key": access,
            "spark.hadoop.fs.s3a.secret.key": secret,
        }
        words = " ".join(f"--conf {key}={value}" for key, value in conf.items())
        return {
            "PYSPARK_SUBMIT_ARGS": f'--master local[2] --driver-java-options "{FAST_START}" {words} pyspark-shell',
            "PYSPARK_PYTHON": sys.executable,
            "AWS_ACCESS_KEY_ID": access,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_ENDPOINT_URL_S3": str(self._store.endpoint_url),
        }


@pytest.mark.timeout(600)
def test_days_are_built_by_a_submitted_job_and_its_numbers_come_back(
    s3_bucket_store: S3ObjectStore, jars_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = s3_bucket_store
    rows = [staged_row("page_view", instant(f"2026-03-14T{hour:02}:00"), offset=hour) for hour in range(5)]
    rows.append({**rows[0], "kafka_offset": 99})
    publish_staged(store, rows)
    real = boto3.client
    with mock_aws():
        emr = real("emr-serverless", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
        application = emr.create_application(name="transform", releaseLabel="emr-8.0.0", type="SPARK")["applicationId"]
        local = LocalEmr(emr, store, jars_dir / "spark", tmp_path)
        monkeypatch.setattr(boto3, "client", lambda name, *args, **words: local if name == "emr-serverless" else real(name, *args, **words))
        settings = Settings.from_env(
            state_dir=tmp_path, spark_master="emr-serverless", emr_application_id=application, emr_role_arn=ROLE, emr_poll_s=0.1
        )
        platform = Platform(settings)
        platform.__dict__["store"] = store
        dataset = platform.product_events
        assert dataset is not None
        asset = lake_assets(dataset, daily("2026-03-01"))
        tags = {"dagster/asset_partition_range_start": "2026-03-14", "dagster/asset_partition_range_end": "2026-03-15"}
        with dg.DagsterInstance.ephemeral() as instance:
            done = dg.materialize([asset], instance=instance, resources={"platform": platform}, tags=tags, raise_on_error=False)
            logged = [record.user_message for record in instance.all_logs(done.run_id)]
            made = instance.get_latest_materialization_event(dg.AssetKey(["lake", "sessions"]))

    assert len(local.requests) == 1, "one job for all days of a run"
    arguments = local.requests[0]["jobDriver"]["sparkSubmit"]["entryPointArguments"]
    assert [arguments[n + 1] for n, part in enumerate(arguments) if part == "--day"] == ["2026-03-14", "2026-03-15"]
    published = read_manifest(store, lake_prefix("events", rows[0]["occurred_at"].date()))
    assert published is not None, local.output[-3000:]
    assert published.manifest.counts == {"rows_in": 6, "rows_out": 5, "duplicates": 1, "conflicts": 0}
    # The day without rows failed, by the job's own words; the other one is materialized, with what Spark counted there.
    failures = " ".join(str(event) for event in done.get_step_failure_events())
    assert "No hour of 2026-03-15 is validated" in failures
    assert made is not None
    assert made.asset_materialization is not None
    metadata = made.asset_materialization.metadata
    assert metadata["rows_read"].value == 5
    assert metadata["shuffle_bytes"].value > 0
    assert any("bytes shuffled" in message for message in logged), "a line that the job logged came by Pipes"
