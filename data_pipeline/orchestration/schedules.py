"""Schedules: hours are landed and validated as they end, days are built in the night after.

Belongs here: when. Does not: what is run (`jobs.py`).
"""

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from data_pipeline.common.sources import Source
from data_pipeline.common.windows import Hour
from data_pipeline.orchestration.partitions import hour_key

HOURLY_CRON = "3 * * * *"
DAILY_CRON = "30 1 * * *"
"""An hour and a half after midnight: sessions that cross it and late senders are in by then."""


def source_schedule(source: Source, job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Land and validate the hour of a source that ended last."""

    @dg.schedule(
        name=f"land_{source.name}",
        cron_schedule=HOURLY_CRON if source.schedule == "hourly" else source.schedule,
        execution_timezone="UTC",
        job=job,
        description=f"Lands and validates the hour of `{source.name}` that ended last.",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    def land(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        key = hour_key(last_complete_hour(context.scheduled_execution_time), source.name)
        return dg.RunRequest(run_key=str(key), partition_key=key)

    return land


def daily_schedule(job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Build the day that ended last."""

    @dg.schedule(
        name="build_yesterday",
        cron_schedule=DAILY_CRON,
        execution_timezone="UTC",
        job=job,
        description="Builds the day that ended last, from the staged hours to the dashboards.",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    def build_yesterday(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        day = (context.scheduled_execution_time.astimezone(UTC) - timedelta(days=1)).date().isoformat()
        return dg.RunRequest(run_key=day, partition_key=day)

    return build_yesterday


def last_complete_hour(now: datetime) -> Hour:
    """The hour that ended last before an instant."""
    return Hour.containing(now - timedelta(hours=1))
