"""The surge planner wired up: a sensor that decides every half minute, and the demand that planner and Lambda function measure.

Belongs here: wiring. Does not: the policy (`operations/surge.py`), the Lambda entry (`surge_entry.py`).
"""

from collections.abc import Callable
from datetime import UTC, datetime

import dagster as dg

from data_pipeline.common.errors import PermanentError, PipelineError
from data_pipeline.landing import measure_lag
from data_pipeline.operations.surge import SurgePolicy
from data_pipeline.operations.surge_planner import Demand, plan_round
from data_pipeline.orchestration.platform import Platform
from data_pipeline.settings import Settings

PLAN_EVERY_S = 30


def surge_sensor() -> dg.SensorDefinition:
    """`plan_surge`: each decision and its reason is recorded in the bucket, and the landing function's concurrency is set."""

    @dg.sensor(
        name="plan_surge",
        minimum_interval_seconds=PLAN_EVERY_S,
        description="Reads backlog and rate, decides how many workers land at once, and records the decision with its reason.",
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def plan_surge(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SkipReason:
        try:
            decision = plan(platform)
        except PermanentError:
            raise
        except PipelineError as error:
            return dg.SkipReason(f"No decision: {error}")
        return dg.SkipReason(f"{decision}")

    return plan_surge


def plan(platform: Platform) -> str:
    """One round; the decision in words."""
    settings = platform.settings
    policy = build_surge_policy(settings)
    decision = plan_round(platform.store, policy, lambda: measure_demand(platform), concurrency_setter(settings), datetime.now(UTC))
    return f"{decision.before} → {decision.workers} workers. {decision.reason}."


def measure_demand(platform: Platform) -> Demand:
    """Backlog and rate over all partitions of all sources."""
    lags = [lag for source in platform.sources.values() for lag in measure_lag(source, platform.kafka, platform.store)]
    return Demand(float(sum(lag.offsets_behind for lag in lags)), float(sum(lag.rate_per_s for lag in lags)))


def build_surge_policy(settings: Settings) -> SurgePolicy:
    """The policy with the deployment's bounds and budget."""
    return SurgePolicy(max_workers=settings.surge_max_workers, cost_cap_per_day=settings.surge_cost_cap_per_day)


def concurrency_setter(settings: Settings) -> Callable[[int], None]:
    """Sets the reserved concurrency of the landing function; without a function nothing is set, only recorded."""

    def set_reserved(workers: int) -> None:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        store = settings.object_store()
        access, secret, token = store.credentials or (None, None, None)
        session = boto3.session.Session(access, secret, token, region_name=settings.s3_region)
        client = session.client("lambda", endpoint_url=settings.surge_lambda_endpoint_url)
        try:
            client.put_function_concurrency(FunctionName=settings.surge_function_name, ReservedConcurrentExecutions=workers)
        except (ClientError, BotoCoreError) as error:
            raise PermanentError(
                f"The reserved concurrency of '{settings.surge_function_name}' could not be set to {workers} ({error}); "
                "check the function's name and lambda:PutFunctionConcurrency."
            ) from error

    return set_reserved if settings.surge_function_name else lambda workers: None
