"""The dbt models as assets: `staging/…`, `intermediate/…`, `core/…`, `marts/…`, a day or a range of days at once."""

import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliInvocation, DbtCliResource, DbtProject, dbt_assets
from packaging.version import Version

from data_pipeline.orchestration.column_lineage import columns_of
from data_pipeline.orchestration.partitions import read_days
from data_pipeline.orchestration.platform import Dataset, Platform
from data_pipeline.warehouse.dbt_args import build_args

DBT_EXECUTABLE = Path(sys.executable).with_name("dbt")
"""The one of this environment, whatever PATH says."""


class LeanDbtCli(DbtCliResource):
    """dagster-dbt's resource without two things that each cost seconds of every run: `dbt --version`, and a second dbt in this
    process for asking the warehouse about columns (`column_lineage.py` does without).
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Any) -> Any:
        return None


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
        dbt = LeanDbtCli(project_dir=str(project.project_dir), target=engine, dbt_executable=str(DBT_EXECUTABLE))
        invocation = dbt.cli(build_args(read_days(context)), context=context)
        columns = _ColumnMetadata(invocation, engine)
        for event in invocation.stream():
            yield columns.added_to(event)

    return models


class _ColumnMetadata:
    """Adds a model's columns and their lineage to its materialization."""

    def __init__(self, invocation: DbtCliInvocation, dialect: str) -> None:
        self._dialect = dialect
        self._compiled = invocation.target_path / "compiled"
        self._translator = invocation.dagster_dbt_translator
        self._manifest = invocation.manifest
        self._nodes = {**self._manifest["nodes"], **self._manifest["sources"]}

    def added_to(self, event: Any) -> Any:
        """The event; with the metadata where it is a model's materialization."""
        named = event.metadata.get("unique_id") if isinstance(event, dg.Output | dg.AssetMaterialization) else None
        node = self._nodes.get(named.text) if named is not None else None
        if node is None or node["resource_type"] != "model":
            return event
        compiled = self._compiled / node["package_name"] / node["original_file_path"]
        found = columns_of(compiled.read_text(), self._dialect, self._nodes) if compiled.exists() else {}
        lineage = {column: [dg.TableColumnDep(self._key(parent), name) for parent, name in deps] for column, deps in found.items()}
        schema = self._translator.get_metadata(node)["dagster/column_schema"]
        return event.with_metadata(
            {**event.metadata, "dagster/column_schema": schema, "dagster/column_lineage": dg.TableColumnLineage(lineage)}
        )

    def _key(self, unique_id: str) -> dg.AssetKey:
        return self._translator.get_asset_key(self._nodes[unique_id])
