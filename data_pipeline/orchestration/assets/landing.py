"""`raw/<dataset>`: hours landed from Kafka, byte for byte."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from data_pipeline.common.errors import TransientError
from data_pipeline.common.layout import hour_prefix
from data_pipeline.landing import RAW_SCHEMA, LandedHour, land_hour
from data_pipeline.orchestration.keys import RAW, raw_key, topic_key
from data_pipeline.orchestration.metadata import arrow_column_schema, manifest_metadata, markdown_table
from data_pipeline.orchestration.partitions import read_hour_key
from data_pipeline.orchestration.platform import Dataset, Platform
from data_pipeline.orchestration.ranges import Reported, Verdict, materialize_each

CONSERVATION = "landed_equals_offsets"


def raw_asset(dataset: Dataset, partitions: dg.MultiPartitionsDefinition) -> dg.AssetsDefinition:
    """The raw asset of a dataset."""
    key = raw_key(dataset.name)

    @dg.multi_asset(
        name=f"raw_{dataset.name}",
        specs=[
            dg.AssetSpec(
                key,
                deps=[topic_key(name) for name in dataset.source_names],
                description="Every record of the hour by its Kafka offset, byte for byte, as Parquet; the manifest is its commit.",
                group_name=RAW,
                owners=dataset.owners,
                kinds={"kafka", "s3", "parquet"},
                metadata={"dagster/column_schema": arrow_column_schema(RAW_SCHEMA)},
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                CONSERVATION,
                asset=key,
                blocking=True,
                description="For each Kafka partition: landed + control records and gaps = end − start of the offsets.",
            )
        ],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def raw(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        def land(partition_key: str) -> Reported:
            source, hour = read_hour_key(partition_key)
            landed = land_hour(
                platform.source(source),
                hour,
                platform.kafka,
                platform.store,
                run_id=context.run_id,
                worker_count=platform.settings.worker_count,
            )
            return _report(dataset, platform, source, landed, hour_prefix(RAW, source, hour))

        yield from materialize_each(context, context.partition_keys, land)

    return raw


def _report(dataset: Dataset, platform: Platform, source: str, landed: LandedHour, prefix: str) -> Reported:
    if landed.manifest is None:
        raise TransientError(f"The hour of {source} is not over; what was full so far is landed. Run again after its end.")
    offsets = sum(proof.end - proof.start for proof in landed.partitions)
    rows = sum(proof.landed for proof in landed.partitions)
    gaps = sum(proof.control_or_gap for proof in landed.partitions)
    key = raw_key(dataset.name)
    sentence = f"{rows:,} landed + {gaps:,} control or gap = {offsets:,} offsets"
    return Reported(
        metadata={
            key: {
                **manifest_metadata(landed.manifest, platform.store, prefix),
                "equation": sentence,
                "offsets": markdown_table(
                    [
                        {
                            "partition": proof.partition,
                            "start": proof.start,
                            "end": proof.end,
                            "landed": proof.landed,
                            "control_or_gap": proof.control_or_gap,
                            "difference": proof.difference,
                        }
                        for proof in landed.partitions
                    ]
                ),
            }
        },
        verdicts={key: {CONSERVATION: Verdict(all(proof.difference == 0 for proof in landed.partitions), sentence)}},
    )
