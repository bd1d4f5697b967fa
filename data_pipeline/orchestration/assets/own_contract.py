"""`lake/<dataset>` of sources with a contract of their own: staged rows of a day of arrival, flattened for the warehouse."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from data_pipeline.common.layout import lake_prefix
from data_pipeline.common.windows import parse_day
from data_pipeline.contracts.columns import Table
from data_pipeline.orchestration.keys import LAKE, lake_key, staged_key
from data_pipeline.orchestration.metadata import manifest_metadata, table_column_schema
from data_pipeline.orchestration.platform import Dataset, Platform
from data_pipeline.orchestration.ranges import Reported, Verdict, materialize_each
from data_pipeline.warehouse.source_day import build_source_day

CONSERVATION = "flattened_equals_staged"


def source_day_asset(table: Table, dataset: Dataset, partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """The day of one dataset, as it is loaded."""
    key = lake_key(table.name)

    @dg.multi_asset(
        name=f"flatten_{table.name}",
        specs=[
            dg.AssetSpec(
                key,
                deps=[staged_key(dataset.name)],
                description=table.description,
                group_name=LAKE,
                owners=dataset.owners,
                kinds={"python", "s3", "parquet"},
                metadata={"dagster/column_schema": table_column_schema(table)},
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(CONSERVATION, asset=key, blocking=True, description="Rows written = rows staged on that day of arrival."),
        ],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def flatten(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        def flatten_one(partition_key: str) -> Reported:
            day = parse_day(partition_key)
            manifest = build_source_day(table, day, platform.store, sources=dataset.source_names, run_id=context.run_id)
            rows_in, rows_out = manifest.counts["rows_in"], manifest.counts["rows_out"]
            sentence = f"{rows_out:,} flattened = {rows_in:,} staged"
            metadata = {**manifest_metadata(manifest, platform.store, lake_prefix(table.name, day)), "equation": sentence}
            return Reported({key: metadata}, {key: {CONSERVATION: Verdict(rows_in == rows_out, sentence)}})

        yield from materialize_each(context, context.partition_keys, flatten_one)

    return flatten
