"""`warehouse/<table>`: a day of a lake table, replaced whole in one transaction."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from data_pipeline.common.layout import lake_prefix
from data_pipeline.common.manifest import require_manifest
from data_pipeline.common.windows import parse_day
from data_pipeline.contracts.columns import Table
from data_pipeline.orchestration.keys import WAREHOUSE, lake_key, warehouse_key
from data_pipeline.orchestration.metadata import table_column_schema
from data_pipeline.orchestration.platform import Dataset, Platform
from data_pipeline.orchestration.ranges import Reported, Verdict, materialize_each

CONSERVATION = "loaded_equals_manifest"


def warehouse_asset(table: Table, dataset: Dataset, partitions: dg.DailyPartitionsDefinition, engine: str) -> dg.AssetsDefinition:
    """The warehouse table of one lake table."""
    key = warehouse_key(table.name)

    @dg.multi_asset(
        name=f"load_{table.name}",
        specs=[
            dg.AssetSpec(
                key,
                deps=[lake_key(table.name)],
                description=table.description,
                group_name=WAREHOUSE,
                owners=dataset.owners,
                kinds={engine},
                metadata={"dagster/column_schema": table_column_schema(table), "dagster/table_name": f"warehouse.{table.name}"},
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(CONSERVATION, asset=key, blocking=True, description="Rows in the table for the day = rows of the manifest."),
        ],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def load(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        def load_one(partition_key: str) -> Reported:
            day = parse_day(partition_key)
            manifest = require_manifest(platform.store, lake_prefix(table.name, day), f"lake/{table.name}")
            loaded = platform.warehouse().replace_window(table, day, manifest, platform.store, run_id=context.run_id)
            sentence = f"{loaded.rows_loaded:,} loaded = {manifest.row_count:,} in the manifest"
            return Reported(
                {key: {"dagster/partition_row_count": loaded.rows_loaded, "replaced_rows": loaded.rows_deleted, "equation": sentence}},
                {key: {CONSERVATION: Verdict(loaded.rows_loaded == manifest.row_count, sentence)}},
            )

        yield from materialize_each(context, context.partition_keys, load_one)

    return load
