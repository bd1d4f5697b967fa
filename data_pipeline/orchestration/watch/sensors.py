"""Sensors that look after the platform: one every half minute, one at every failed run.

Belongs here: when to look. Does not: what is looked at (`gather.py`), who is told (`alerting.py`).
"""

from functools import lru_cache

import dagster as dg

from data_pipeline.operations.alerts.delivery import Outcome
from data_pipeline.orchestration.platform import Platform
from data_pipeline.orchestration.watch.alerting import Alerting, build_channels
from data_pipeline.settings import Settings

WATCH_EVERY_S = 30
"""Half of the minute within which an alert has to be out."""


def watch_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """`watch` and `watch_failed_runs`; they run by themselves where a channel is configured."""
    is_wanted = bool(build_channels(settings))
    status = dg.DefaultSensorStatus.RUNNING if is_wanted else dg.DefaultSensorStatus.STOPPED

    @dg.sensor(
        name="watch",
        minimum_interval_seconds=WATCH_EVERY_S,
        description="Runs every check of `data-pipeline doctor`, and tells the channels of the settings what is new and what is over.",
        default_status=status,
    )
    def watch(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SkipReason:
        return dg.SkipReason(_evaluate(platform, context.instance, context.log))

    @dg.run_failure_sensor(
        name="watch_failed_runs",
        description="Looks at once when a run has failed, instead of at the next half minute.",
        default_status=status,
    )
    def watch_failed_runs(context: dg.RunFailureSensorContext, platform: dg.ResourceParam[Platform]) -> dg.SkipReason:
        return dg.SkipReason(_evaluate(platform, context.instance, context.log))

    return [watch, watch_failed_runs]


@lru_cache(maxsize=1)
def _alerting(platform: Platform) -> Alerting:
    """One for the life of the code server's process: slow facts are kept for some minutes."""
    return Alerting(platform)


def _evaluate(platform: Platform, instance: dg.DagsterInstance, log: object) -> str:
    results, outcome = _alerting(platform).run(instance)
    _log(outcome, log)
    red = [result.kind for result in results if result.alerts]
    blind = [result.kind for result in results if result.blind_on and not result.alerts]
    return f"{len(results) - len(red) - len(blind)} of {len(results)} checks are green. " + (f"Red: {', '.join(red)}." if red else "")


def _log(outcome: Outcome, log: object) -> None:
    write = getattr(log, "warning", print)
    for delivery in outcome.deliveries:
        write(f"{delivery.message.kind} '{delivery.message.subject}' went to {', '.join(delivery.taken_by) or 'nobody'}")
        for failure in delivery.failures:
            write(failure)
    if outcome.problem:
        write(f"The state of alerts was not kept: {outcome.problem}")
