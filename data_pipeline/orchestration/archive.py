"""The monthly job that moves days older than two years from the warehouse into the archive, and lets dbt empty them too.

Belongs here: the job and its schedule. Does not: which days, how they are moved (`warehouse/archive.py`).
"""

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster_dbt import DbtProject

from data_pipeline.common.windows import parse_day
from data_pipeline.contracts.tables import WAREHOUSE_TABLES
from data_pipeline.orchestration.dbt_project import run_dbt
from data_pipeline.orchestration.failures import translated_failures
from data_pipeline.orchestration.metadata import markdown_table
from data_pipeline.orchestration.platform import Platform
from data_pipeline.warehouse.archive import RETENTION_MONTHS, archive_days, first_kept_day
from data_pipeline.warehouse.dbt_args import build_args, day_ranges

MONTHLY_CRON = "0 4 2 * *"
"""The second of the month, when the first one's late rows are in."""


def archive_definitions(project: DbtProject) -> dg.Definitions:
    """The job `archive_old_days` with its schedule."""

    @dg.op(
        config_schema={"before": dg.Field(str, is_required=False, description="First day that stays, instead of the one two years ago.")},
        out=dg.Out(dg.Nothing),
    )
    def archive_and_drop(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
        before = context.op_config.get("before")
        with translated_failures(context.retry_number):
            first_kept = parse_day(before) if before else first_kept_day(datetime.now(UTC).date())
            warehouse = platform.warehouse()
            warehouse.ensure_tables(WAREHOUSE_TABLES)
            moved = archive_days(warehouse, WAREHOUSE_TABLES, first_kept, platform.store, context.run_id)
        rows = [item.to_json() for item in moved]
        context.log_event(dg.AssetObservation("warehouse_archive", metadata={"first_kept": str(first_kept), "days": markdown_table(rows)}))
        platform.export_dbt_environment(context.run_id)
        # The models of those days, and the tests that hold their sums to the tables', which are empty now on both sides.
        for first, last in day_ranges([item.day for item in moved]):
            days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
            done = run_dbt(project.project_dir, platform.settings.warehouse.value, build_args(days))
            if done.returncode != 0:
                raise dg.Failure(f"dbt failed for {first} to {last} after they were archived: {done.stdout[-2000:]}")

    @dg.job(name="archive_old_days", description=f"Moves days older than {RETENTION_MONTHS} months into the archive.")
    def archive_old_days() -> None:
        archive_and_drop()

    schedule = dg.ScheduleDefinition(
        name="archive_monthly",
        job=archive_old_days,
        cron_schedule=MONTHLY_CRON,
        execution_timezone="UTC",
        description="Moves a month that became older than two years out of the warehouse.",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    return dg.Definitions(jobs=[archive_old_days], schedules=[schedule])
