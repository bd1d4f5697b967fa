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

from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.transforms.emr import EmrApplication, build_package, job_request, read_report, report_key, upload_package

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
    upload_package(store, application)
    request = job_request(store, application, [date(2026, 3, 14), date(2026, 3, 15)], ["ios", "web"], "run-1-0", "us-east-1")
    job_id = client.start_job_run(**request)["jobRunId"]
    job = client.get_job_run(applicationId=application.application_id, jobRunId=job_id)["jobRun"]
    submit = job["jobDriver"]["sparkSubmit"]
    arguments = submit["entryPointArguments"]
    assert store.get(store.key(submit["entryPoint"])).startswith(b'"""Entry point of a job on a Spark cluster')
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
    assert "dagster_pipes/__init__.py" in names
    strangers = ("data_pipeline/orchestration", "data_pipeline/landing", "data_pipeline/settings.py")
    assert not [name for name in names if name.startswith(strangers)]


def test_a_report_is_read_back_and_a_missing_one_is_empty(aws: tuple[Any, S3ObjectStore, EmrApplication]) -> None:
    _, store, _ = aws
    assert read_report(store, "run-1-0") == {}
    store.put(report_key("run-1-0"), json.dumps({"days": {"2026-03-14": {"counts": {"events": {"rows_out": 5}}}}}).encode())
    assert read_report(store, "run-1-0") == {"2026-03-14": {"counts": {"events": {"rows_out": 5}}}}
