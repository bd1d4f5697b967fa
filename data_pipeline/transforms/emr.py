"""Days built on EMR Serverless: what is uploaded, what a job is asked, how its outcome is read.

Belongs here: the package, the request and the report. Does not: what the job does (`cluster_job.py`), submitting and waiting
(`orchestration/day_builders.py`), making the application (`deploy/`).
"""

from __future__ import annotations

import importlib.util
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from data_pipeline.common.object_store import ObjectStore

PACKAGE_NAME, ENTRY_NAME = "data_pipeline.zip", "spark_job.py"
_PACKAGES = ("common", "contracts", "transforms")
_PIPES = "dagster_pipes"
"""Reports to Dagster; one folder of Python that needs nothing else."""
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
    package_root = Path(__file__).resolve().parent.parent
    files = {path: package_root.parent for name in _PACKAGES for path in (package_root / name).rglob("*")}
    files |= dict.fromkeys([package_root / "__init__.py"], package_root.parent)
    pipes = importlib.util.find_spec(_PIPES)
    for folder in map(Path, pipes.submodule_search_locations or () if pipes else ()):
        files |= dict.fromkeys(folder.rglob("*.py"), folder.parent)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for path in sorted(path for path in files if path.is_file() and "__pycache__" not in path.parts):
            package.writestr(zipfile.ZipInfo(path.relative_to(files[path]).as_posix(), _EPOCH), path.read_bytes())
    return buffer.getvalue()


def entry_point() -> bytes:
    """The file that `spark-submit` starts."""
    return (Path(__file__).resolve().parent.parent / ENTRY_NAME).read_bytes()


def upload_package(store: ObjectStore, application: EmrApplication) -> None:
    """Put the package and the entry point where jobs find them."""
    store.put(f"{application.artifacts_prefix}/{PACKAGE_NAME}", build_package())
    store.put(f"{application.artifacts_prefix}/{ENTRY_NAME}", entry_point())


def job_request(
    store: ObjectStore, application: EmrApplication, days: Sequence[date], sources: Sequence[str], token: str, region: str
) -> dict[str, Any]:
    """Parameters of `start_job_run` for a job that builds the days; EMR starts one job a token, however often it is asked.

    Args:
        store: the store in AWS that holds staged hours and the package.
        application: where.
        days: UTC days of `occurred_at`.
        sources: sources whose events belong together.
        token: names the job, its run folders and its report.
        region: the bucket's.
    """
    conf = {"spark.submit.pyFiles": store.url(f"{application.artifacts_prefix}/{PACKAGE_NAME}")}
    if application.python_archive_url:
        python = "./environment/bin/python"
        conf |= {
            "spark.archives": f"{application.python_archive_url}#environment",
            "spark.emr-serverless.driverEnv.PYSPARK_PYTHON": python,
            "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON": python,
            "spark.executorEnv.PYSPARK_PYTHON": python,
        }
    arguments = ["--store", store.url("").rstrip("/"), "--region", region, "--run-id", token, "--report-key", report_key(token)]
    arguments += [part for source in sources for part in ("--source", source)]
    arguments += [part for day in days for part in ("--day", day.isoformat())]
    request: dict[str, Any] = {
        "applicationId": application.application_id,
        "clientToken": token,
        "executionRoleArn": application.role_arn,
        "name": f"transform {', '.join(map(str, days))}"[:256],
        "jobDriver": {
            "sparkSubmit": {
                "entryPoint": store.url(f"{application.artifacts_prefix}/{ENTRY_NAME}"),
                "entryPointArguments": arguments,
                "sparkSubmitParameters": " ".join(f"--conf {key}={value}" for key, value in conf.items()),
            }
        },
    }
    if application.log_url:
        request["configurationOverrides"] = {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": application.log_url}}}
    return request


def read_report(store: ObjectStore, token: str) -> Mapping[str, Any]:
    """What a job reported: by day `counts` and `steps`, or `error` and `try_again`; empty where it left no report."""
    found = store.find(report_key(token))
    return dict(json.loads(found.data)["days"]) if found else {}


def report_key(token: str) -> str:
    """Where a job leaves its report."""
    return f"artifacts/reports/{token}.json"
