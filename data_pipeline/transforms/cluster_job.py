"""What a job on a Spark cluster does: builds days, given by arguments, and reports as JSON.

Belongs here: arguments to `build_day`, outcome to a report. Does not: submitting (`emr.py`), credentials (those of the job's
role), telling Dagster while it runs (`spark_job.py`, which starts this).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from data_pipeline.common.errors import PipelineError, TransientError
from data_pipeline.common.object_store import LocalObjectStore, ObjectStore, S3ObjectStore
from data_pipeline.common.windows import parse_day
from data_pipeline.transforms.day import build_day
from data_pipeline.transforms.session import SQL_CONF
from data_pipeline.transforms.staged_hours import StagedHours

EXIT_TROUBLE, EXIT_TRY_AGAIN = 1, 75


def build_days(arguments: Sequence[str] | None = None, say: Callable[[str], object] = print) -> int:
    """Build each day; go on past one that fails.

    The report lists for each day its counts by table, or the error, and goes to standard output (last line) and, with
    `--report-key`, into the store. Exit code: 0, 1 where a day failed, 75 where trying again may help.

    Args:
        arguments: as `spark-submit` passes them; None takes the process's.
        say: told of each day as it is done.
    """
    options = _parse(arguments)
    store = _open_store(options.store, options.endpoint_url, options.region)
    builder = SparkSession.builder.appName(f"data-pipeline {options.run_id}")
    for key, value in SQL_CONF.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    staged = StagedHours(store, options.source)
    days: dict[str, Any] = {}
    exit_code = 0
    for day in options.day:
        try:
            built = build_day(parse_day(day), store, spark, run_id=options.run_id, sources=options.source, staged=staged)
            counts = {name: dict(manifest.counts) for name, manifest in built.manifests.items()}
            days[day] = {"counts": counts, "steps": [asdict(step) for step in built.steps]}
            say(f"{day}: {counts['events']}, {sum(step.shuffle_bytes for step in built.steps):,} bytes shuffled")
        except PipelineError as error:
            exit_code = max(exit_code, EXIT_TRY_AGAIN if isinstance(error, TransientError) else EXIT_TROUBLE)
            days[day] = {"error": str(error), "try_again": isinstance(error, TransientError)}
            say(f"{day}: {error}")
    report = json.dumps({"run_id": options.run_id, "days": days}, sort_keys=True)
    if options.report_key:
        store.put(options.report_key, report.encode())
    print(report, flush=True)
    spark.stop()
    return exit_code


def store_client(arguments: Sequence[str] | None = None) -> Any:
    """boto3's client of the store that the arguments name; None for a folder."""
    options = _parse(arguments)
    store = _open_store(options.store, options.endpoint_url, options.region)
    return store.client if isinstance(store, S3ObjectStore) else None


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Build the lake's tables of days of events.")
    parser.add_argument("--day", action="append", required=True, help="UTC day of occurred_at, such as 2026-03-14; repeatable.")
    parser.add_argument("--source", action="append", required=True, help="Source of events; repeatable.")
    parser.add_argument("--store", required=True, help="s3://bucket[/prefix] or a folder.")
    parser.add_argument("--run-id", required=True, help="Names the run in folders and manifests.")
    parser.add_argument("--region", default="us-east-1", help="Region of the bucket.")
    parser.add_argument("--endpoint-url", help="S3 server; unset for AWS.")
    parser.add_argument("--report-key", help="Key below the store for the report.")
    return parser.parse_args(arguments)


def _open_store(address: str, endpoint_url: str | None, region: str) -> ObjectStore:
    if not address.startswith("s3://"):
        return LocalObjectStore(Path(address))
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    return S3ObjectStore(bucket, endpoint_url, region, prefix=f"{prefix.rstrip('/')}/" if prefix else "")
