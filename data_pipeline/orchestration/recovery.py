"""Ends the runs that a crash left behind, so that Dagster's retry daemon starts them again.

Run as `python -m data_pipeline.orchestration.recovery` while no process of Dagster lives: a run that is recorded as
being at work then has no worker, and would hold its place among the concurrent runs for ever.
Belongs here: finding and ending those. Does not: starting them again (`run_retries` of the instance does).
"""

from __future__ import annotations

import sys

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.events import JobFailureData, RunFailureReason

_AT_WORK = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]
_MESSAGE = (
    "The process of this run ended without a word: it was killed, or the machine stopped. Dagster starts the run again from where it was."
)


def end_orphaned_runs(instance: DagsterInstance) -> list[str]:
    """End every run that is recorded as being at work; returns their ids.

    Args:
        instance: an instance of which neither daemon nor code server is running.
    """
    ended = []
    for run in instance.get_runs(RunsFilter(statuses=_AT_WORK)):
        instance.report_run_failed(run, _MESSAGE, JobFailureData(error=None, failure_reason=RunFailureReason.UNEXPECTED_TERMINATION))
        ended.append(run.run_id)
    for run in instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.CANCELING])):
        instance.report_run_canceled(run, "The process of this run had ended before it could be canceled.")
        ended.append(run.run_id)
    return ended


def main() -> None:
    """Entry point; the instance is that of `DAGSTER_HOME`."""
    with DagsterInstance.get() as instance:
        for run_id in end_orphaned_runs(instance):
            sys.stdout.write(f"{run_id}\n")


if __name__ == "__main__":
    main()
