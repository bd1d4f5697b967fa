"""The whole graph, assembled from settings: sources in, definitions out.

Belongs here: assembly that a deployment can override. Does not: any one asset.
"""

from __future__ import annotations

import dagster as dg

from data_pipeline.common.sources import Source
from data_pipeline.contracts.tables import WAREHOUSE_TABLES
from data_pipeline.orchestration.assets.dashboards import dashboard_assets
from data_pipeline.orchestration.assets.dbt import dbt_models
from data_pipeline.orchestration.assets.lake import audit_assets, lake_assets
from data_pipeline.orchestration.assets.landing import raw_asset
from data_pipeline.orchestration.assets.topics import topic_spec
from data_pipeline.orchestration.assets.validation import validation_assets
from data_pipeline.orchestration.assets.warehouse import warehouse_asset
from data_pipeline.orchestration.dbt_project import prepare_dbt_project
from data_pipeline.orchestration.jobs import day_job, hour_job
from data_pipeline.orchestration.partitions import daily, hour_by_source
from data_pipeline.orchestration.platform import Dataset, Platform
from data_pipeline.orchestration.schedules import daily_schedule, source_schedule
from data_pipeline.orchestration.sensors import late_days_sensor
from data_pipeline.settings import Settings


def build_definitions(settings: Settings, sources: dict[str, Source] | None = None) -> dg.Definitions:
    """All assets, checks, jobs, schedules and sensors of a deployment.

    Args:
        settings: the deployment.
        sources: overrides the sources file, for tests and for composing deployments.
    """
    platform = Platform(settings, sources)
    parts = [_dataset_definitions(platform, dataset) for dataset in platform.datasets]
    if platform.product_events is not None:
        parts.append(_product_definitions(platform, platform.product_events))
    shell = dg.Definitions(resources={"platform": platform}, executor=dg.in_process_executor)
    return dg.Definitions.merge(shell, *parts)


def _dataset_definitions(platform: Platform, dataset: Dataset) -> dg.Definitions:
    """Topics, raw, staged and quarantine of the sources that share a contract, with their schedules."""
    hours = hour_by_source(platform.settings.partitions_start, dataset.source_names)
    job = hour_job(dataset)
    return dg.Definitions(
        assets=[
            *(topic_spec(source) for source in dataset.sources),
            raw_asset(dataset, hours),
            validation_assets(dataset, platform.contract(dataset.contract), hours),
        ],
        jobs=[job],
        schedules=[source_schedule(source, job) for source in dataset.sources],
    )


def _product_definitions(platform: Platform, dataset: Dataset) -> dg.Definitions:
    """Lake, warehouse, models and dashboards of product events."""
    days = daily(platform.settings.partitions_start)
    engine = platform.settings.warehouse.value
    project = prepare_dbt_project(platform)
    job = day_job()
    return dg.Definitions(
        assets=[
            lake_assets(dataset, days),
            audit_assets(dataset, days),
            *(warehouse_asset(table, dataset, days, engine) for table in WAREHOUSE_TABLES),
            dbt_models(platform, dataset, project, days),
            dashboard_assets(dataset, project.manifest_path, engine, days),
        ],
        jobs=[job],
        schedules=[daily_schedule(job)],
        sensors=[late_days_sensor(dataset, job)],
    )
