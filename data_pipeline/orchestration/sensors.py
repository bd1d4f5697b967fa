"""Sensors: what the graph does by itself when its inputs change.

Belongs here: asking for runs. Does not: finding out what changed and what is asked for when (`transforms/`).
"""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from data_pipeline.common.windows import parse_day
from data_pipeline.orchestration.platform import Dataset, Platform
from data_pipeline.transforms import plan_rebuilds, stale_days
from data_pipeline.transforms.rebuilds import MOST_RUNS_AN_HOUR, REST, Rebuild
from data_pipeline.transforms.staged_hours import LOOKBACK_DAYS

LATE_DAYS_EVERY_S = 300


def late_days_sensor(dataset: Dataset, job: UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """Asks for the days whose staged inputs changed since they were built, and only those."""

    @dg.sensor(
        name="late_days",
        job=job,
        minimum_interval_seconds=LATE_DAYS_EVERY_S,
        description=(
            "Requests the days whose staged hours changed since the day was last built: late data heals itself. Neighbouring days share a "
            f"run; at most {MOST_RUNS_AN_HOUR} runs an hour; a day at most every {REST / timedelta(hours=1):.0f} hours."
        ),
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def late_days(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult | dg.SkipReason:
        now = _now()
        candidates = _built_days(now.date(), parse_day(platform.settings.partitions_start))
        stale = stale_days(platform.store, dataset.source_names, candidates)
        if not stale:
            return dg.SkipReason("Every built day is as its staged hours are.")
        asked, run_times = _read_cursor(context.cursor)
        rebuilds = plan_rebuilds(stale, asked, run_times, now)
        if not rebuilds:
            waiting = ", ".join(str(found.day) for found in stale)
            return dg.SkipReason(f"Out of date, but asked for already or waiting for a free place: {waiting}.")
        asked |= {day: now for rebuild in rebuilds for day in rebuild.days}
        cursor = _write_cursor(asked, [*run_times, *[now] * len(rebuilds)], now)
        return dg.SensorResult(run_requests=[_request(rebuild) for rebuild in rebuilds], cursor=cursor)

    return late_days


def _request(rebuild: Rebuild) -> dg.RunRequest:
    first, last = rebuild.first.isoformat(), rebuild.last.isoformat()
    if first == last:
        return dg.RunRequest(run_key=f"{first}:{rebuild.digest}", partition_key=first)
    tags = {ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last}
    return dg.RunRequest(run_key=f"{first}/{last}:{rebuild.digest}", tags=tags)


def _read_cursor(cursor: str | None) -> tuple[dict[date, datetime], list[datetime]]:
    """When each day was asked for last, and when runs were asked for."""
    kept = json.loads(cursor) if cursor else {"days": {}, "runs": []}
    days = {date.fromisoformat(day): datetime.fromisoformat(at) for day, at in kept["days"].items()}
    return days, [datetime.fromisoformat(at) for at in kept["runs"]]


def _write_cursor(asked: dict[date, datetime], run_times: Sequence[datetime], now: datetime) -> str:
    """Only what can still keep something waiting."""
    days = {day.isoformat(): at.isoformat() for day, at in sorted(asked.items()) if now - at < REST}
    return json.dumps({"days": days, "runs": [at.isoformat() for at in run_times if now - at < timedelta(hours=1)]})


def _built_days(today: date, start: date) -> list[date]:
    first = max(start, today - timedelta(days=LOOKBACK_DAYS))
    return [first + timedelta(days=n) for n in range((today - first).days)]


def _now() -> datetime:
    return datetime.now(UTC)
