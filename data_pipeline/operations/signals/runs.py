"""Signals of Dagster: failed runs, stuck runs, silent daemons.

Belongs here: what the run history tells. Does not: what a run should have made (`partitions.py`).
"""

from __future__ import annotations

from datetime import timedelta

from data_pipeline.operations.alerts.alert import Alert, Severity
from data_pipeline.operations.signals.facts import PLATFORM_OWNER, Facts, Limits, RunFact

AT_WORK = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")
"""Statuses of runs that have not ended."""


def run_failed(facts: Facts, limits: Limits) -> list[Alert]:
    """A run failed, nothing is trying it again, and no later run of the same target succeeded."""
    return [
        Alert(
            "run_failed",
            run.job,
            run.target or run.run_id,
            run.error or "the run failed",
            "0 failed runs",
            run.changed_at,
            "The first line of the error says it: wrong data or settings, or a part of the platform that did not answer.",
            rerun_command(run.job, run.target),
            PLATFORM_OWNER,
            Severity.TICKET,
            f"run_failed:{run.job}",
            1.0,
        )
        for run in facts.runs
        if run.status == "FAILURE"
        and facts.now - run.changed_at < limits.failure_memory
        and not run.will_retry
        and not _is_settled(run, facts)
    ]


def run_stuck(facts: Facts, limits: Limits) -> list[Alert]:
    """A run says nothing for too long."""
    patience = {
        "STARTED": limits.run_silence,
        "CANCELING": limits.run_silence,
        "STARTING": limits.run_starting,
        "NOT_STARTED": limits.run_starting,
        "QUEUED": limits.run_queued,
    }
    alerts = []
    for run in facts.runs:
        allowed = patience.get(run.status)
        silent = facts.now - run.changed_at
        if allowed is None or silent <= allowed:
            continue
        alerts.append(
            Alert(
                "run_stuck",
                run.job,
                run.target or run.run_id,
                f"{run.status} without a word for {silent.total_seconds() / 60:,.0f} min",
                f"{allowed.total_seconds() / 60:,.0f} min",
                run.changed_at + allowed,
                "Its process was killed, waits for a lock or for a service that does not answer, or the queue is full.",
                "make down && make up",
                PLATFORM_OWNER,
                Severity.PAGE,
                f"run_stuck:{run.job}",
                silent.total_seconds(),
            )
        )
    return alerts


def dagster_down(facts: Facts, limits: Limits) -> list[Alert]:
    """A daemon of Dagster gave no sign of life, or its history cannot be read."""
    silent = [daemon for daemon in facts.daemons if not daemon.is_healthy]
    outages = [outage for outage in facts.outages if outage.service == "dagster"]
    if not silent and not outages:
        return []
    heard = [daemon.heard_at for daemon in silent if daemon.heard_at is not None]
    words = "; ".join([*(f"{daemon.name} is silent" for daemon in silent), *(outage.sentence for outage in outages)])
    return [
        Alert(
            "dagster_down",
            "dagster",
            "",
            words,
            "every daemon gives a sign of life",
            max(heard, default=facts.now - timedelta(0)),
            "The daemon was killed, or the machine was started again without it.",
            "make up",
            PLATFORM_OWNER,
            Severity.PAGE,
            "dagster",
            float(len(silent) + len(outages)),
        )
    ]


def _is_settled(run: RunFact, facts: Facts) -> bool:
    """Whether a later run did, or is doing, what this one did not."""
    return any(
        other.created_at > run.created_at
        and (other.root_id == run.root_id or (other.job, other.target) == (run.job, run.target))
        and (other.status == "SUCCESS" or other.status in AT_WORK)
        for other in facts.runs
    )


def rerun_command(job: str, target: str) -> str:
    """The command that asks Dagster for the same once more.

    Args:
        job: the job; runs of assets chosen by hand are asked for by the job that holds those partitions.
        target: a partition, or a range as `first...last`.
    """
    if job.startswith("__"):
        job = "land_and_validate_events" if "|" in target else "build_day"
    first, dots, last = target.partition("...")
    chosen = f"--from '{first}' --to '{last}'" if dots else f"--partitions '{target}'"
    return f"dagster job backfill -j {job} {chosen} --noprompt -w workspace.yaml"
