"""Submission to EMR Serverless against moto's API; the package is what a cluster needs and no more."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import date
from typing import Any

import boto3
import pytest
from moto import mock_aws

from data_pipeline.common.errors import PermanentError, TransientError
from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.transforms.emr import EmrApplication, build_package, report_key, submit_days, wait_for_job

ROLE = "arn:aws:iam::123456789012:role/transform"


@pytest.fixture
def aws() -> Iterator[tuple[Any, S3ObjectStore, EmrApplication]]:
    with mock_aws():
        store = S3ObjectStore("lake-bucket", credentials=("test", "test", None))
        store.client.create_bucket(Bucket="lake-bucket")
        client = boto3.client("emr-serverless", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
        application_id = client.create_application(name="transform", releaseLabel="emr-8.0.0", type="SPARK")["applicationId"]
        yield client, store, EmrApplication(application_id, ROLE, log_url="s3://lake-bucket/logs/")


def test_job_runs_the_uploaded_package_with_the_days_and_sources(aws: tuple[Any, S3ObjectStore, EmrApplication]) -> None:
    client, store, application = aws
    job_id = submit_days(client, store, application, [date(2026, 3, 14), date(2026, 3, 15)], ["ios", "web"], "run-1", "us-east-1")
    job = client.get_job_run(applicationId=application.application_id, jobRunId=job_id)["jobRun"]
    submit = job["jobDriver"]["sparkSubmit"]
    arguments = submit["entryPointArguments"]
    assert store.get(store.key(submit["entryPoint"])).startswith(b'"""The entry point that a Spark cluster runs')
    assert "spark.submit.pyFiles=s3://lake-bucket/artifacts/spark/data_pipeline.zip" in submit["sparkSubmitParameters"]
    assert [arguments[n + 1] for n, part in enumerate(arguments) if part == "--day"] == ["2026-03-14", "2026-03-15"]
    assert [arguments[n + 1] for n, part in enumerate(arguments) if part == "--source"] == ["ios", "web"]
    assert arguments[arguments.index("--store") + 1] == "s3://lake-bucket"
    assert job["executionRole"] == ROLE


def test_package_imports_nothing_that_is_not_in_it() -> None:
    package = build_package()
    assert package == build_package()
    names = zipfile.ZipFile(io.BytesIO(package)).namelist()
    assert "data_pipeline/transforms/day.py" in names
    strangers = ("data_pipeline/orchestration", "data_pipeline/landing", "data_pipeline/settings.py")
    assert not [name for name in names if name.startswith(strangers)]


class FinishedClient:
    """EMR's answer about a job in one state; moto's jobs never finish."""

    def __init__(self, state: str) -> None:
        self.state = state

    def get_job_run(self, **_: str) -> dict[str, Any]:
        return {"jobRun": {"state": self.state, "stateDetails": "details"}}


def test_outcome_is_the_jobs_own_report(aws: tuple[Any, S3ObjectStore, EmrApplication]) -> None:
    _, store, application = aws
    with pytest.raises(PermanentError, match="EMR job j is FAILED: details"):
        wait_for_job(FinishedClient("FAILED"), store, application, "j", "run-1")
    store.put(report_key("run-1"), json.dumps({"days": {"2026-03-14": {"error": "No hour is validated."}}}).encode())
    with pytest.raises(PermanentError, match=r"EMR job j is FAILED: 2026-03-14: No hour is validated\."):
        wait_for_job(FinishedClient("FAILED"), store, application, "j", "run-1")
    with pytest.raises(TransientError, match="EMR job j is still RUNNING after 30 s"):
        wait_for_job(FinishedClient("RUNNING"), store, application, "j", "run-1", timeout_s=30, sleep=lambda _: None)
    store.put(report_key("run-1"), json.dumps({"days": {"2026-03-14": {"counts": {"events": {"rows_out": 5}}}}}).encode())
    days = wait_for_job(FinishedClient("SUCCESS"), store, application, "j", "run-1")
    assert days == {"2026-03-14": {"counts": {"events": {"rows_out": 5}}}}
