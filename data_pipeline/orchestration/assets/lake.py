"""`lake/<table>`: the day's tables by Spark, and the day's audit tables off the manifests."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import dagster as dg

from data_pipeline.common.layout import lake_prefix
from data_pipeline.common.windows import parse_day
from data_pipeline.contracts.tables import AUDIT_TABLES, LAKE_TABLES
from data_pipeline.orchestration.day_builders import day_builder
from data_pipeline.orchestration.failures import translated_failures
from data_pipeline.orchestration.keys import LAKE, lake_key, quarantine_key, raw_key, staged_key
from data_pipeline.orchestration.metadata import manifest_metadata, markdown_table, table_column_schema
from data_pipeline.orchestration.open_findings import require_no_open_errors
from data_pipeline.orchestration.platform import Dataset, Platform
from data_pipeline.orchestration.ranges import Reported, Verdict, materialize_each
from data_pipeline.transforms import BuiltDay, build_audit_day
from data_pipeline.transforms.day import FACTS
from data_pipeline.transforms.step_metrics import StepMetrics

CONSERVATION = "events_plus_duplicates_plus_conflicts_equals_staged"
EVENTS = lake_key("events")


def lake_assets(dataset: Dataset, partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """The tables that Spark writes for a day of events: one step, one session."""

    @dg.multi_asset(
        name="transform_day",
        specs=[
            dg.AssetSpec(
                lake_key(table.name),
                deps=[staged_key(dataset.name)],
                description=table.description,
                group_name=LAKE,
                owners=dataset.owners,
                kinds={"spark", "s3", "parquet"},
                metadata={"dagster/column_schema": table_column_schema(table)},
            )
            for table in LAKE_TABLES
        ],
        check_specs=[
            dg.AssetCheckSpec(
                CONSERVATION, asset=EVENTS, blocking=True, description="Events + duplicates + conflicts = staged rows of that event day."
            ),
        ],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=True,
    )
    def transform_day(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        builder = day_builder(context, platform, dataset.source_names)
        with translated_failures(context.retry_number):
            builder.prepare([parse_day(key) for key in context.partition_keys])

        def transform(partition_key: str) -> Reported:
            require_no_open_errors(platform, dataset, parse_day(partition_key))
            return _report(platform, builder.build(parse_day(partition_key)))

        yield from materialize_each(context, context.partition_keys, transform)

    return transform_day


def _report(platform: Platform, built: BuiltDay) -> Reported:
    counts = built.manifests["events"].counts
    kept, duplicates, conflicts, rows_in = (counts[name] for name in ("rows_out", "duplicates", "conflicts", "rows_in"))
    sentence = f"{kept:,} events + {duplicates:,} duplicates + {conflicts:,} conflicts = {rows_in:,} staged"
    metadata = {
        lake_key(table): {**manifest_metadata(manifest, platform.store, lake_prefix(table, built.day)), "counts": dict(manifest.counts)}
        for table, manifest in built.manifests.items()
    }
    for step in built.steps:
        if step.step != FACTS:
            metadata[lake_key(step.step)] |= _step_metadata(step)
    metadata[EVENTS] |= {"equation": sentence, "spark_steps": markdown_table([asdict(step) for step in built.steps])}
    return Reported(metadata, {EVENTS: {CONSERVATION: Verdict(kept + duplicates + conflicts == rows_in, sentence)}})


def _step_metadata(step: StepMetrics) -> dict[str, Any]:
    names = ("rows_read", "bytes_read", "shuffle_rows", "shuffle_bytes", "spilled_bytes")
    return {"seconds": step.seconds, **{name: getattr(step, name) for name in names}}


def audit_assets(dataset: Dataset, partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """The numbers of the equations and the rejected rows of a day of arrival, for the data quality pages."""

    @dg.multi_asset(
        name="audit_day",
        specs=[
            dg.AssetSpec(
                lake_key(table.name),
                deps=[raw_key(dataset.name), staged_key(dataset.name), quarantine_key(dataset.name)],
                description=table.description,
                group_name=LAKE,
                owners=dataset.owners,
                kinds={"python", "s3", "parquet"},
                metadata={"dagster/column_schema": table_column_schema(table)},
            )
            for table in AUDIT_TABLES
        ],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=True,
    )
    def audit_day(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        def audit(partition_key: str) -> Reported:
            day = parse_day(partition_key)
            manifests = build_audit_day(day, platform.store, run_id=context.run_id, sources=dataset.source_names)
            return Reported(
                {
                    lake_key(table): manifest_metadata(manifest, platform.store, lake_prefix(table, day))
                    for table, manifest in manifests.items()
                }
            )

        yield from materialize_each(context, context.partition_keys, audit)

    return audit_day
