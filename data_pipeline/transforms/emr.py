"""Days built on EMR Serverless: what is uploaded, how a job is submitted, how its outcome is read.

Belongs here: the package, the request and the outcome, for a client that is given. Does not: what the job does
(`emr_entry.py`), when it runs (orchestration), making the application (deployment).
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from data_pipeline.common.errors import PermanentError, TransientError
from data_pipeline.common.object_store import ObjectStore

PACKAGE_NAME, ENTRY_NAME = "data_pipeline.zip", "emr_entry.py"
_PACKAGES = ("common", "contracts", "transforms")
_DONE, _FAILED = "SUCCESS", ("FAILED", "CANCELLED")
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class EmrApplication:
    """Where days are built.

    Attributes:
        application_id: the EMR Serverless application (Spark, release with Spark 4).
        role_arn: role of the job: reads `staged`, writes `lake`.
        artifacts_prefix: keys below which the package stands.
        python_archive_url: packed environment with pyarrow and boto3, `s3://…/environment.tar.gz`; None where the image has them.
        log_url: `s3://…` for logs, None for none.
    """

    application_id: str
    role_arn: str
    artifacts_prefix: str = "artifacts/spark"
    python_archive_url: str | None = None
    log_url: str | None = None


def build_package() -> bytes:
    """The stage with what it imports, as a zip for `--py-files`; the same bytes for the same code."""
    root = Path(__file__).resolve().parent.parent
    files = [root / "__init__.py", *(path for name in _PACKAGES for path in (root / name).rglob("*") if path.is_file())]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for path in sorted(path for path in files if "__pycache__" not in path.parts):
            package.writestr(zipfile.ZipInfo(path.relative_to(root.parent).as_posix(), _EPOCH), path.read_bytes())
    return buffer.getvalue()


def upload_package(store: ObjectStore, application: EmrApplication) -> None:
    """Put the package and the entry point where jobs find them."""
    store.put(f"{application.artifacts_prefix}/{PACKAGE_NAME}", build_package())
    store.put(f"{application.artifacts_prefix}/{ENTRY_NAME}", (Path(__file__).parent / ENTRY_NAME).read_bytes())


def submit_days(
    client: Any, store: ObjectStore, application: EmrApplication, days: Sequence[date], sources: Sequence[str], run_id: str, region: str
) -> str:
    """Start a job that builds the days; the same run id starts one job, however often it is asked for.

    Args:
        client: boto3's `emr-serverless` client.
        store: the store in AWS that holds staged hours; the package is uploaded into it.
        application: where.
        days: UTC days of `occurred_at`.
        sources: sources whose events belong together.
        run_id: names the run.
        region: the bucket's.

    Returns:
        The job run's id.
    """
    upload_package(store, application)
    conf = {"spark.submit.pyFiles": store.url(f"{application.artifacts_prefix}/{PACKAGE_NAME}")}
    if application.python_archive_url:
        python = "./environment/bin/python"
        conf |= {
            "spark.archives": f"{application.python_archive_url}#environment",
            "spark.emr-serverless.driverEnv.PYSPARK_PYTHON": python,
            "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON": python,
            "spark.executorEnv.PYSPARK_PYTHON": python,
        }
    arguments = ["--store", store.url("").rstrip("/"), "--region", region, "--run-id", run_id, "--report-key", report_key(run_id)]
    arguments += [part for source in sources for part in ("--source", source)]
    arguments += [part for day in days for part in ("--day", day.isoformat())]
    request: dict[str, Any] = {
        "applicationId": application.application_id,
        "clientToken": run_id,
        "executionRoleArn": application.role_arn,
        "name": f"transform {', '.join(map(str, days))}"[:256],
        "jobDriver": {
            "sparkSubmit": {
                "entryPoint": store.url(f"{application.artifacts_prefix}/{ENTRY_NAME}"),
                "entryPointArguments": arguments,
                "sparkSubmitParameters": " ".join(f"--conf {key}={value}" for key, value in conf.items()),
            }
        },
        "tags": {"run_id": run_id},
    }
    if application.log_url:
        request["configurationOverrides"] = {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": application.log_url}}}
    return str(client.start_job_run(**request)["jobRunId"])


def wait_for_job(
    client: Any,
    store: ObjectStore,
    application: EmrApplication,
    job_run_id: str,
    run_id: str,
    *,
    poll_s: float = 15.0,
    timeout_s: float = 7200.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Mapping[str, Any]:
    """Wait for a job and read its report: by day the counts, or the error.

    Raises:
        PermanentError: the job failed; names each day's error as the job reported it, or the job's own state.
        TransientError: the job was not done within `timeout_s`.
    """
    waited = 0.0
    while True:
        job = client.get_job_run(applicationId=application.application_id, jobRunId=job_run_id)["jobRun"]
        if job["state"] == _DONE or job["state"] in _FAILED:
            break
        if waited >= timeout_s:
            raise TransientError(f"EMR job {job_run_id} is still {job['state']} after {timeout_s:.0f} s; look at it or wait longer.")
        sleep(poll_s)
        waited += poll_s
    found = store.find(report_key(run_id))
    days: Mapping[str, Any] = json.loads(found.data)["days"] if found else {}
    errors = [f"{day}: {outcome['error']}" for day, outcome in days.items() if "error" in outcome]
    if job["state"] in _FAILED:
        raise PermanentError(f"EMR job {job_run_id} is {job['state']}: {' '.join(errors) or job.get('stateDetails') or 'no reason given'}")
    return days


def report_key(run_id: str) -> str:
    """Where a job leaves its report."""
    return f"artifacts/reports/{run_id}.json"
