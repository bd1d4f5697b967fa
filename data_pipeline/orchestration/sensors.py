"""Sensors: what the graph does by itself when its inputs change.

Belongs here: asking for runs. Does not: finding out what changed (`transforms/`).
"""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from data_pipeline.common.windows import parse_day
from data_pipeline.orchestration.platform import Dataset, Platform
from data_pipeline.transforms import stale_days

LATE_DAYS_EVERY_S = 300
LOOKBACK_DAYS = 31
"""The contract lets an event arrive up to 30 days after it happened."""

MOST_RUNS_AN_HOUR = 12


def late_days_sensor(dataset: Dataset, job: UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """Asks for the days whose staged inputs changed since they were built, and only those."""

    @dg.sensor(
        name="late_days",
        job=job,
        minimum_interval_seconds=LATE_DAYS_EVERY_S,
        description="Requests the days whose staged hours changed since the day was last built: late data heals itself.",
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def late_days(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult | dg.SkipReason:
        candidates = _built_days(datetime.now(UTC).date(), parse_day(platform.settings.partitions_start))
        stale = stale_days(platform.store, dataset.source_names, candidates)
        if not stale:
            return dg.SkipReason("Every built day is as its staged hours are.")
        requests = [
            dg.RunRequest(run_key=f"{found.day}:{found.inputs_digest}", partition_key=found.day.isoformat())
            for found in stale[:MOST_RUNS_AN_HOUR]
        ]
        return dg.SensorResult(run_requests=requests)

    return late_days


def _built_days(today: date, start: date) -> list[date]:
    first = max(start, today - timedelta(days=LOOKBACK_DAYS))
    return [first + timedelta(days=n) for n in range((today - first).days)]
