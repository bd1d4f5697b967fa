"""Freshness on the assets themselves: a day stands on marts and dashboards two hours after it ended.

Belongs here: the policy and the assets that it is for. Does not: freshness from event to dashboard (`operations/signals/partitions.py`).
"""

import warnings
from datetime import timedelta

import dagster as dg

from data_pipeline.operations.signals.facts import Limits

_PROMISED = ("marts", "dashboards")


def with_freshness(definitions: dg.Definitions) -> dg.Definitions:
    """The definitions, with a policy on every mart and dashboard: built between midnight and the day's deadline, each day, UTC."""
    deadline = Limits().day_deadline
    policy = dg.FreshnessPolicy.cron(deadline_cron=f"0 {deadline // timedelta(hours=1)} * * *", lower_bound_delta=deadline, timezone="UTC")

    def apply(spec: dg.AssetSpec) -> dg.AssetSpec:
        return dg.apply_freshness_policy(spec, policy) if spec.key.path[0] in _PROMISED else spec

    with warnings.catch_warnings():
        # Dagster calls the mapping a preview; it would say so at every load.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return definitions.map_asset_specs(func=apply)
