"""Facts of Dagster: runs, daemons, schedules, and what was materialized last.

Belongs here: reading the instance. Does not: thresholds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorStatus
from dagster._core.storage.dagster_run import RunRecord
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
    WILL_RETRY_TAG,
)

from data_pipeline.operations.signals.facts import DaemonFact, RunFact
from data_pipeline.operations.signals.runs import AT_WORK
from data_pipeline.settings import Settings

MEMORY = timedelta(hours=24)
_AT_WORK = [DagsterRunStatus(status) for status in AT_WORK]
_LAYERS = ("marts", "dashboards")
_MOST_RUNS = 500


@dataclass(frozen=True)
class DagsterFacts:
    """What the instance tells."""

    runs: tuple[RunFact, ...]
    daemons: tuple[DaemonFact, ...]
    materialized: Mapping[str, Mapping[str, int]]
    running_schedules: frozenset[str]


@contextmanager
def open_instance(settings: Settings) -> Iterator[DagsterInstance]:
    """The local stack's instance, or that of `DAGSTER_HOME`.

    Raises:
        DagsterError: there is none, or its storage does not answer.
    """
    if (settings.dagster_home / "dagster.yaml").exists():
        with DagsterInstance.from_config(str(settings.dagster_home.absolute())) as instance:
            yield instance
    else:
        with DagsterInstance.get() as instance:
            yield instance


def gather_dagster(instance: DagsterInstance, now: datetime) -> DagsterFacts:
    """Read the instance; raises what Dagster raises where its storage does not answer."""
    recent = instance.get_run_records(RunsFilter(updated_after=now - MEMORY), limit=_MOST_RUNS)
    working = instance.get_run_records(RunsFilter(statuses=_AT_WORK), limit=_MOST_RUNS)
    records = {record.dagster_run.run_id: record for record in [*recent, *working]}
    return DagsterFacts(
        tuple(_run(instance, record) for record in records.values()),
        tuple(_daemons(instance)),
        _materialized(instance),
        frozenset(_running_schedules(instance)),
    )


def _run(instance: DagsterInstance, record: RunRecord) -> RunFact:
    run = record.dagster_run
    changed = record.update_timestamp
    if run.status in _AT_WORK:
        events = instance.get_records_for_run(run.run_id, limit=1, ascending=False).records
        changed = max([_utc(changed), *(datetime.fromtimestamp(event.timestamp, UTC) for event in events)])
    target = run.tags.get(PARTITION_NAME_TAG, "")
    if not target and ASSET_PARTITION_RANGE_START_TAG in run.tags:
        target = f"{run.tags[ASSET_PARTITION_RANGE_START_TAG]}...{run.tags[ASSET_PARTITION_RANGE_END_TAG]}"
    return RunFact(
        run_id=run.run_id,
        job=run.job_name,
        target=target,
        root_id=run.root_run_id or run.run_id,
        status=run.status.value,
        created_at=_utc(record.create_timestamp),
        changed_at=_utc(changed),
        error=_first_line(instance, run.run_id) if run.status is DagsterRunStatus.FAILURE else "",
        will_retry=run.tags.get(WILL_RETRY_TAG) == "true",
    )


def _first_line(instance: DagsterInstance, run_id: str) -> str:
    """The stage's own sentence: that of the step which failed, else the run's."""
    for kind in (DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE):
        for record in instance.get_records_for_run(run_id, of_type=kind, limit=1).records:
            event = record.event_log_entry.dagster_event
            if event is None:
                continue
            data = event.event_specific_data
            failure = getattr(data, "user_failure_data", None)
            words = (failure.description if failure else None) or event.message or ""
            if words.strip():
                return str(words.strip().splitlines()[0])
    return ""


def _daemons(instance: DagsterInstance) -> Iterator[DaemonFact]:
    for name, status in instance.get_daemon_statuses().items():
        if status.required:
            heartbeat = status.last_heartbeat
            heard_at = datetime.fromtimestamp(heartbeat.timestamp, UTC) if heartbeat else None
            yield DaemonFact(str(name), bool(status.healthy), heard_at)


def _materialized(instance: DagsterInstance) -> dict[str, dict[str, int]]:
    found = {}
    for key in instance.all_asset_keys():
        name = key.to_user_string()
        if key.path[0] in _LAYERS or name == "lake/events":
            places = instance.get_latest_storage_id_by_partition(key, DagsterEventType.ASSET_MATERIALIZATION)
            found[name] = {partition: place for partition, place in places.items() if partition is not None}
    return found


def _running_schedules(instance: DagsterInstance) -> Iterator[str]:
    for state in instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE):
        if state.status in (InstigatorStatus.RUNNING, InstigatorStatus.DECLARED_IN_CODE):
            yield state.name


def _utc(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
