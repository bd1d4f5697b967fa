"""Schedules: hours are landed and validated as they end, the present day is built each hour, and once more in the night after.

Belongs here: when. Does not: what is run (`jobs.py`).
"""

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from data_pipeline.common.sources import Source
from data_pipeline.common.windows import Hour
from data_pipeline.orchestration.partitions import hour_key

_AT_WORK = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
HOURLY_CRON = "3 * * * *"
DAILY_CRON = "30 1 * * *"
"""An hour and a half after midnight: sessions that cross it and late senders are in by then."""
TODAY_CRON = "20 * * * *"
"""An hour's events are landed and validated by then. With a build of up to 2 h they are on the dashboards within 4 h."""


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


def today_schedule(job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Build the day of the hour that ended last, unless a build is at work."""

    @dg.schedule(
        name="build_today",
        cron_schedule=TODAY_CRON,
        execution_timezone="UTC",
        job=job,
        description="Builds the day of the hour that ended last, as far as it is staged: an event is on the dashboards within 4 hours.",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    def build_today(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if has_run_at_work(context.instance, job.name):
            return dg.SkipReason("The build before is still at work; the next hour takes its turn.")
        hour = last_complete_hour(context.scheduled_execution_time)
        return dg.RunRequest(run_key=f"today:{hour}", partition_key=hour.date.isoformat())

    return build_today


def has_run_at_work(instance: dg.DagsterInstance, job_name: str) -> bool:
    """Whether a run of the job waits or runs."""
    return bool(instance.get_runs(dg.RunsFilter(job_name=job_name, statuses=_AT_WORK), limit=1))


def last_complete_hour(now: datetime) -> Hour:
    """The hour that ended last before an instant."""
    return Hour.containing(now - timedelta(hours=1))
