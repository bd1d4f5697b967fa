"""Runs that a crash left behind are ended, so that they neither hold a place for ever nor are lost."""

from __future__ import annotations

from pathlib import Path

from dagster import DagsterInstance, DagsterRunStatus, job, op
from dagster._core.storage.dagster_run import RunsFilter
from dagster._core.storage.tags import RUN_FAILURE_REASON_TAG, WILL_RETRY_TAG
from dagster._core.test_utils import instance_for_test

from data_pipeline.devstack.dagster_home import instance_configuration
from data_pipeline.orchestration.recovery import end_orphaned_runs
from data_pipeline.settings import Settings


@op
def _nothing() -> None: ...


@job
def _some_job() -> None:
    _nothing()


def _statuses(instance: DagsterInstance) -> dict[str, DagsterRunStatus]:
    return {run.run_id: run.status for run in instance.get_runs(RunsFilter())}


def test_runs_at_work_fail_and_are_retried_and_others_stay(tmp_path: Path) -> None:
    # The very configuration of the local stack decides whether a run is started again.
    settings = Settings.from_env(state_dir=tmp_path)
    with instance_for_test(temp_dir=str(tmp_path), overrides=instance_configuration(settings)) as instance:
        runs = {
            status: instance.create_run_for_job(_some_job, status=status).run_id
            for status in (
                DagsterRunStatus.NOT_STARTED,
                DagsterRunStatus.STARTING,
                DagsterRunStatus.STARTED,
                DagsterRunStatus.CANCELING,
                DagsterRunStatus.SUCCESS,
            )
        }
        ended = end_orphaned_runs(instance)
        statuses = _statuses(instance)
        orphans = [runs[DagsterRunStatus.STARTING], runs[DagsterRunStatus.STARTED]]
        assert sorted(ended) == sorted([*orphans, runs[DagsterRunStatus.CANCELING]])
        assert [statuses[run_id] for run_id in orphans] == [DagsterRunStatus.FAILURE] * 2
        assert statuses[runs[DagsterRunStatus.CANCELING]] == DagsterRunStatus.CANCELED
        assert statuses[runs[DagsterRunStatus.NOT_STARTED]] == DagsterRunStatus.NOT_STARTED
        assert statuses[runs[DagsterRunStatus.SUCCESS]] == DagsterRunStatus.SUCCESS
        for run_id in orphans:
            run = instance.get_run_by_id(run_id)
            assert run is not None
            assert run.tags[RUN_FAILURE_REASON_TAG] == "UNEXPECTED_TERMINATION"
            assert run.tags[WILL_RETRY_TAG] == "true"
        assert end_orphaned_runs(instance) == []
