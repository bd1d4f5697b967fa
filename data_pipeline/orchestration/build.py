"""The whole graph, assembled from settings: sources in, definitions out.

Belongs here: assembly that a deployment can override. Does not: any one asset.
"""

from __future__ import annotations

import dagster as dg

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.sources import Source
from data_pipeline.contracts.columns import Table
from data_pipeline.contracts.flatten import flatten_for_warehouse
from data_pipeline.contracts.tables import WAREHOUSE_TABLES
from data_pipeline.orchestration.archive import archive_definitions
from data_pipeline.orchestration.assets.dashboards import dashboard_assets
from data_pipeline.orchestration.assets.dbt import dbt_models
from data_pipeline.orchestration.assets.lake import audit_assets, lake_assets
from data_pipeline.orchestration.assets.landing import raw_asset
from data_pipeline.orchestration.assets.own_contract import source_day_asset
from data_pipeline.orchestration.assets.replay import replay_asset
from data_pipeline.orchestration.assets.topics import topic_spec
from data_pipeline.orchestration.assets.validation import validation_assets
from data_pipeline.orchestration.assets.warehouse import warehouse_asset
from data_pipeline.orchestration.dbt_project import prepare_dbt_project
from data_pipeline.orchestration.jobs import day_job, hour_job
from data_pipeline.orchestration.open_hours import open_hours_job, open_hours_schedule
from data_pipeline.orchestration.partitions import daily, hour_by_source
from data_pipeline.orchestration.platform import Dataset, Platform
from data_pipeline.orchestration.schedules import daily_schedule, source_schedule, today_schedule
from data_pipeline.orchestration.sensors import late_days_sensor
from data_pipeline.orchestration.watch.freshness import with_freshness
from data_pipeline.orchestration.watch.sensors import watch_sensors
from data_pipeline.orchestration.watch.surge import surge_sensor
from data_pipeline.settings import Settings
from data_pipeline.validation import staged_arrow_schema


def build_definitions(settings: Settings, sources: dict[str, Source] | None = None) -> dg.Definitions:
    """All assets, checks, jobs, schedules and sensors of a deployment.

    Args:
        settings: the deployment.
        sources: overrides the sources file, for tests and for composing deployments.
    """
    platform = Platform(settings, sources)
    days = daily(settings.partitions_start)
    job, open_hours = day_job(), open_hours_job()
    own_tables = {dataset.name: _own_table(platform, dataset) for dataset in platform.datasets if not dataset.is_product_events}
    parts = [_hourly(platform, dataset) for dataset in platform.datasets]
    parts += [_own_daily(platform, dataset, own_tables[dataset.name], days) for dataset in platform.datasets if dataset.name in own_tables]
    if platform.product_events is not None:
        parts.append(_product_daily(platform, platform.product_events, list(own_tables.values()), days))
        parts.append(dg.Definitions(sensors=[late_days_sensor(platform.product_events, job)]))
    shell = dg.Definitions(
        resources={"platform": platform},
        executor=dg.in_process_executor,
        jobs=[job, open_hours],
        schedules=[daily_schedule(job), today_schedule(job), open_hours_schedule(open_hours)],
        sensors=[*watch_sensors(settings), surge_sensor()],
    )
    return with_freshness(dg.Definitions.merge(shell, *parts))


def _hourly(platform: Platform, dataset: Dataset) -> dg.Definitions:
    """Topics, raw, staged and quarantine of the sources that share a contract, with their schedules."""
    hours = hour_by_source(platform.settings.partitions_start, dataset.source_names)
    job = hour_job(dataset)
    contract = platform.contract(dataset.contract)
    return dg.Definitions(
        assets=[
            *(topic_spec(source) for source in dataset.sources),
            raw_asset(dataset, hours),
            validation_assets(dataset, contract, hours),
            replay_asset(dataset, contract, hours),
        ],
        jobs=[job],
        schedules=[source_schedule(source, job) for source in dataset.sources],
    )


def _own_table(platform: Platform, dataset: Dataset) -> Table:
    """The warehouse table of a dataset that is not product events."""
    if dataset.name in {table.name for table in WAREHOUSE_TABLES}:
        raise PermanentError(f"A contract named '{dataset.name}' would share its tables with product events; give its folder another name.")
    return flatten_for_warehouse(dataset.name, staged_arrow_schema(platform.contract(dataset.contract)))


def _own_daily(platform: Platform, dataset: Dataset, table: Table, days: dg.DailyPartitionsDefinition) -> dg.Definitions:
    """Lake and warehouse of sources with a contract of their own."""
    engine = platform.settings.warehouse.value
    return dg.Definitions(assets=[source_day_asset(table, dataset, days), warehouse_asset(table, dataset, days, engine)])


def _product_daily(platform: Platform, dataset: Dataset, own_tables: list[Table], days: dg.DailyPartitionsDefinition) -> dg.Definitions:
    """Lake, warehouse, models and dashboards of product events."""
    engine = platform.settings.warehouse.value
    project = prepare_dbt_project(platform, own_tables)
    days_and_models = dg.Definitions(
        assets=[
            lake_assets(dataset, days),
            audit_assets(dataset, days),
            *(warehouse_asset(table, dataset, days, engine) for table in WAREHOUSE_TABLES),
            dbt_models(platform, dataset, project, days),
            dashboard_assets(dataset, project.manifest_path, engine, days),
        ]
    )
    return dg.Definitions.merge(days_and_models, archive_definitions(project))
