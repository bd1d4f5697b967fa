"""The open hour: every few minutes its full chunks are landed, so that closing it has only the rest to land.

Belongs here: the job and its schedule. Does not: hours that are over (`assets/landing.py` lands and publishes those).
"""

from datetime import UTC, datetime

import dagster as dg

from data_pipeline.common.errors import PipelineError
from data_pipeline.common.windows import Hour
from data_pipeline.landing import CHUNK_ROWS, land_hour
from data_pipeline.orchestration.failures import translated_failures
from data_pipeline.orchestration.keys import raw_key
from data_pipeline.orchestration.partitions import hour_key
from data_pipeline.orchestration.platform import Platform
from data_pipeline.orchestration.schedules import has_run_at_work

OPEN_HOURS_CRON = "*/5 * * * *"


def open_hours_job(chunk_rows: int = CHUNK_ROWS) -> dg.JobDefinition:
    """Lands what the open hour of every source holds so far; reports observations, since the partition is not whole.

    Args:
        chunk_rows: offset grid of an hour that no run has begun yet.
    """

    @dg.op(description="Lands the full chunks of the present hour of every source; the hour stays open.")
    def land_full_chunks(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
        _land_each(context, platform, Hour.containing(datetime.now(UTC)), chunk_rows)

    @dg.job(
        name="land_open_hours",
        description="Lands the open hour of every source chunk by chunk; the hourly run closes it.",
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        land_full_chunks()

    return job


def _land_each(context: dg.OpExecutionContext, platform: Platform, hour: Hour, chunk_rows: int) -> None:
    """Land every source; one that fails stops no other, and the run fails at its end with the first error."""
    errors: list[PipelineError] = []
    for dataset in platform.datasets:
        for source in dataset.source_names:
            try:
                landed = land_hour(
                    platform.source(source),
                    hour,
                    platform.kafka,
                    platform.store,
                    run_id=context.run_id,
                    worker_count=platform.settings.worker_count,
                    chunk_rows=chunk_rows,
                )
            except PipelineError as error:
                context.log.error(f"{source}: {error}")
                errors.append(error)
                continue
            metadata = {"objects": landed.object_count, "size_bytes": landed.size_bytes, "is_closed": landed.is_closed}
            context.log_event(
                dg.AssetObservation(
                    raw_key(dataset.name), partition=hour_key(hour, source), metadata=metadata, description="The hour so far; it is open."
                )
            )
    if errors:
        with translated_failures(context.retry_number):
            raise errors[0]


def open_hours_schedule(job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """Every five minutes, unless the run before is still at work."""

    @dg.schedule(
        name="land_open_hours",
        cron_schedule=OPEN_HOURS_CRON,
        execution_timezone="UTC",
        job=job,
        description="Lands what the open hour holds so far, every five minutes: closing the hour has little left to land.",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    def land_open_hours(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if has_run_at_work(context.instance, job.name):
            return dg.SkipReason("The run before is still landing.")
        return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat())

    return land_open_hours
