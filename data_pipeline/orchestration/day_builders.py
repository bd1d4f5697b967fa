"""Where the day's tables are built: by Spark in this process (or on its cluster), or by a job on EMR Serverless.

Belongs here: that choice, by settings, and the submission through Dagster Pipes. Does not: what is built (`transforms/`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

import dagster as dg

from data_pipeline.common.errors import PermanentError, TransientError
from data_pipeline.common.layout import lake_prefix
from data_pipeline.common.manifest import require_manifest
from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.contracts.tables import LAKE_TABLES
from data_pipeline.orchestration.platform import Platform
from data_pipeline.transforms import BuiltDay, build_day
from data_pipeline.transforms.emr import EmrApplication, job_request, read_report, report_key, upload_package
from data_pipeline.transforms.staged_hours import StagedHours
from data_pipeline.transforms.step_metrics import StepMetrics

if TYPE_CHECKING:
    from dagster_aws.pipes import PipesEMRServerlessClient

EMR_SERVERLESS = "emr-serverless"


class DayBuilder(Protocol):
    """Builds days of events."""

    def prepare(self, days: Sequence[date]) -> None:
        """Called once, before the first of these days is asked for."""
        ...

    def build(self, day: date) -> BuiltDay:
        """Build the day; raises as `transforms.build_day` does."""
        ...


def day_builder(context: dg.AssetExecutionContext, platform: Platform, sources: Sequence[str]) -> DayBuilder:
    """The builder that `DATA_PIPELINE_SPARK_MASTER` names."""
    if platform.settings.spark_master == EMR_SERVERLESS:
        return EmrDayBuilder(context, platform, sources)
    return SparkDayBuilder(platform, sources, context.run_id)


class SparkDayBuilder:
    """Builds with the Spark session of this process; the days of a run share it and the staged manifests."""

    def __init__(self, platform: Platform, sources: Sequence[str], run_id: str) -> None:
        self._platform = platform
        self._sources = sources
        self._run_id = run_id
        self._staged = StagedHours(platform.store, sources)

    def prepare(self, days: Sequence[date]) -> None:
        """Nothing: the session is made at the first day."""

    def build(self, day: date) -> BuiltDay:
        return build_day(day, self._platform.store, self._platform.spark(), run_id=self._run_id, sources=self._sources, staged=self._staged)


class EmrDayBuilder:
    """Submits one job for all days of the run; logs and metrics come back by Dagster Pipes while it runs."""

    def __init__(self, context: dg.AssetExecutionContext, platform: Platform, sources: Sequence[str]) -> None:
        self._context = context
        self._platform = platform
        self._sources = sources
        # EMR starts one job a token; a step that Dagster tries again needs another.
        self._token = f"{context.run_id}-{context.retry_number}"
        self._outcomes: Mapping[str, Any] = {}

    def prepare(self, days: Sequence[date]) -> None:
        store = self._platform.store
        if not isinstance(store, S3ObjectStore):
            raise PermanentError("EMR Serverless reads and writes S3 only; set DATA_PIPELINE_SPARK_MASTER to local[*] for another store.")
        application = _application(self._platform)
        upload_package(store, application)
        request = job_request(store, application, days, self._sources, self._token, self._platform.settings.s3_region)
        failure = ""
        try:
            self._client(store).run(context=self._context, start_job_run_params=request)
        except RuntimeError as error:
            # Pipes says only that the job failed; its report says which day, and why.
            failure = str(error)
        self._outcomes = read_report(store, self._token)
        if failure and not any("error" in outcome for outcome in self._outcomes.values()):
            raise PermanentError(
                f"{failure} before it reported on any day; its logs are at {application.log_url or 'DATA_PIPELINE_EMR_LOG_URL (not set)'}, "
                f"its report would be {store.url(report_key(self._token))}."
            )

    def build(self, day: date) -> BuiltDay:
        outcome = self._outcomes.get(day.isoformat(), {"error": f"The job on EMR ended before it came to {day}.", "try_again": True})
        if "error" in outcome:
            raise (TransientError if outcome.get("try_again") else PermanentError)(outcome["error"])
        store = self._platform.store
        manifests = {table.name: require_manifest(store, lake_prefix(table.name, day), f"lake/{table.name}") for table in LAKE_TABLES}
        return BuiltDay(day, manifests, tuple(StepMetrics(**step) for step in outcome["steps"]))

    def _client(self, store: S3ObjectStore) -> PipesEMRServerlessClient:
        import boto3
        from dagster_aws.pipes import PipesEMRServerlessClient, PipesS3MessageReader

        class Client(PipesEMRServerlessClient):
            def _read_messages(self, context: Any, session: Any, response: Any) -> None:
                """Messages come by S3 while the job runs; the parent would look for them in CloudWatch."""

        settings = self._platform.settings
        access, secret, token = store.credentials or (None, None, None)
        emr = boto3.client(
            "emr-serverless", settings.s3_region, aws_access_key_id=access, aws_secret_access_key=secret, aws_session_token=token
        )
        reader = PipesS3MessageReader(bucket=store.bucket, client=store.client, interval=2, include_stdio_in_messages=True)
        return Client(client=emr, message_reader=reader, poll_interval=settings.emr_poll_s)


def _application(platform: Platform) -> EmrApplication:
    settings = platform.settings
    unset = [
        variable
        for variable, value in (
            ("DATA_PIPELINE_EMR_APPLICATION_ID", settings.emr_application_id),
            ("DATA_PIPELINE_EMR_ROLE_ARN", settings.emr_role_arn),
        )
        if not value
    ]
    if unset:
        raise PermanentError(f"The Spark master is {EMR_SERVERLESS}, but {', '.join(unset)} is not set (docs/transforms.md).")
    return EmrApplication(
        settings.emr_application_id or "",
        settings.emr_role_arn or "",
        python_archive_url=settings.emr_python_archive_url,
        log_url=settings.emr_log_url,
    )
