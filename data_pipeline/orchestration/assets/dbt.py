"""The dbt models as assets: `staging/…`, `intermediate/…`, `core/…`, `marts/…`, a day or a range of days at once."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, DbtProject, dbt_assets

from data_pipeline.orchestration.partitions import read_days
from data_pipeline.orchestration.platform import Dataset, Platform
from data_pipeline.warehouse.dbt_args import build_args

DBT_EXECUTABLE = Path(sys.executable).with_name("dbt")
"""The one of this environment, whatever PATH says."""


class PlatformDbtTranslator(DagsterDbtTranslator):
    """Names, groups and owners of dbt's nodes in the asset graph."""

    def __init__(self, owners: list[str], engine: str) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_asset_checks=True, enable_source_tests_as_checks=False))
        self._owners = owners
        self._engine = engine

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey(["warehouse", dbt_resource_props["name"]])
        return dg.AssetKey([_layer(dbt_resource_props), dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return _layer(dbt_resource_props)

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        return self._owners

    def get_partition_mapping(
        self, dbt_resource_props: Mapping[str, Any], dbt_parent_resource_props: Mapping[str, Any]
    ) -> dg.PartitionMapping | None:
        return dg.TimeWindowPartitionMapping()


def _layer(dbt_resource_props: Mapping[str, Any]) -> str:
    """The folder below `models/`: staging, intermediate, core or marts."""
    return str(dbt_resource_props["fqn"][1])


def dbt_models(platform: Platform, dataset: Dataset, project: DbtProject, partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """All models and their tests in one step."""
    engine = platform.settings.warehouse.value

    @dbt_assets(
        manifest=project.manifest_path,
        project=project,
        name="dbt_models",
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        dagster_dbt_translator=PlatformDbtTranslator(dataset.owners, engine),
    )
    def models(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> Iterator[Any]:
        platform.export_dbt_environment(context.run_id)
        dbt = DbtCliResource(project_dir=project, target=engine, dbt_executable=str(DBT_EXECUTABLE))
        invocation = dbt.cli(build_args(read_days(context)), context=context)
        yield from invocation.stream().fetch_column_metadata()

    return models
