"""`resolved/<dataset>`: dead letters that passed when they were judged again; materializing it is the replay."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from data_pipeline.common.layout import hour_prefix
from data_pipeline.contracts.arrow import QUARANTINE_SCHEMA
from data_pipeline.contracts.contract import Contract
from data_pipeline.orchestration.keys import QUARANTINE, RESOLVED, STAGED, quarantine_key, resolved_key, staged_key
from data_pipeline.orchestration.metadata import arrow_column_schema, manifest_metadata, markdown_table
from data_pipeline.orchestration.partitions import read_hour_key
from data_pipeline.orchestration.platform import Dataset, Platform
from data_pipeline.orchestration.ranges import Reported, Verdict, materialize_each
from data_pipeline.validation.replay import ReplayedHour, replay_hour

CONSERVATION = "staged_plus_quarantined_equals_landed"


class ReplayConfig(dg.Config):
    """What to replay.

    Attributes:
        rules: only dead letters that broke one of these rules; all where empty.
    """

    rules: list[str] = Field(default_factory=list)


def replay_asset(dataset: Dataset, contract: Contract, partitions: dg.MultiPartitionsDefinition) -> dg.AssetsDefinition:
    """The replay of a dataset: no job or schedule asks for it, people do."""
    resolved = resolved_key(dataset.name)

    @dg.multi_asset(
        name=f"replay_{dataset.name}",
        specs=[
            dg.AssetSpec(
                resolved,
                deps=[staged_key(dataset.name), quarantine_key(dataset.name)],
                description="Dead letters that pass the present rules, with those that they broke. Materialize it after a fix of a rule or "
                "a new contract version: they join staged, and the days that they belong to are asked for again.",
                group_name=QUARANTINE,
                owners=dataset.owners,
                kinds={"polars", "s3", "parquet"},
                metadata={"dagster/column_schema": arrow_column_schema(QUARANTINE_SCHEMA)},
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                CONSERVATION, asset=resolved, blocking=True, description="Staged + quarantined = landed rows of the hour, after the replay."
            )
        ],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def replay(
        context: dg.AssetExecutionContext, config: ReplayConfig, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        def replay_one(partition_key: str) -> Reported:
            source, hour = read_hour_key(partition_key)
            outcome = replay_hour(contract, source, hour, platform.store, run_id=context.run_id, rules=config.rules)
            if outcome.rows_joined:
                for stage, key in ((STAGED, staged_key(dataset.name)), (QUARANTINE, quarantine_key(dataset.name))):
                    metadata = manifest_metadata(outcome.manifests[stage], platform.store, hour_prefix(stage, source, hour))
                    context.log_event(dg.AssetMaterialization(asset_key=key, partition=partition_key, metadata=metadata))
            return _report(resolved, platform, outcome, hour_prefix(RESOLVED, source, hour))

        yield from materialize_each(context, context.partition_keys, replay_one)

    return replay


def _report(resolved: dg.AssetKey, platform: Platform, outcome: ReplayedHour, prefix: str) -> Reported:
    sentence = f"{outcome.rows_staged:,} staged + {outcome.rows_quarantined:,} quarantined = {outcome.rows_in:,} landed"
    manifest = outcome.manifests.get(RESOLVED)
    metadata: dict[str, Any] = {
        **(manifest_metadata(manifest, platform.store, prefix) if manifest else {"dagster/row_count": 0}),
        "tried": outcome.rows_tried,
        "joined_staged": outcome.rows_joined,
        "equation": sentence,
        "event_days": dict(outcome.event_days),
        "still_quarantined_by_rule": markdown_table([{"rule": rule, "rows": rows} for rule, rows in outcome.by_rule.items()]),
    }
    holds = outcome.rows_staged + outcome.rows_quarantined == outcome.rows_in
    return Reported({resolved: metadata}, {resolved: {CONSERVATION: Verdict(holds, sentence)}})
