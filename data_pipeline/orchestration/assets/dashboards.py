"""`dashboards/<page>`: the pages, each downstream of the marts that it shows."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from data_pipeline.orchestration.assets.dbt import PlatformDbtTranslator
from data_pipeline.orchestration.failures import translated_failures
from data_pipeline.orchestration.keys import DASHBOARDS, dashboard_key
from data_pipeline.orchestration.metadata import markdown_table
from data_pipeline.orchestration.platform import Dataset, Platform
from data_pipeline.serving.publish import publish_marts
from data_pipeline.settings import WarehouseKind


def dashboard_assets(dataset: Dataset, dbt_manifest: Path, engine: str, partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """One asset for each exposure of the dbt project; one step makes a new version of the marts visible to all pages."""
    manifest = json.loads(dbt_manifest.read_text())
    translator = PlatformDbtTranslator(dataset.owners, engine)
    exposures: list[Mapping[str, Any]] = sorted(manifest["exposures"].values(), key=lambda exposure: str(exposure["name"]))
    specs = [
        dg.AssetSpec(
            dashboard_key(exposure["name"]),
            deps=[translator.get_asset_key(manifest["nodes"][parent]) for parent in exposure["depends_on"]["nodes"]],
            description=exposure["description"],
            group_name=DASHBOARDS,
            owners=dataset.owners,
            kinds={"streamlit"},
        )
        for exposure in exposures
    ]

    @dg.multi_asset(
        name="publish_dashboards",
        specs=specs,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=True,
    )
    def publish_dashboards(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> Iterator[dg.MaterializeResult[Any]]:
        published: dict[str, int] = {}
        # On Redshift the pages read the marts themselves.
        if platform.settings.warehouse is WarehouseKind.DUCKDB:
            with translated_failures(context.retry_number):
                published = dict(
                    publish_marts(platform.settings.warehouse_path, platform.settings.serving_path, run_id=context.run_id).tables
                )
        for exposure in exposures:
            if dashboard_key(exposure["name"]) not in context.selected_asset_keys:
                continue
            page = f"http://127.0.0.1:{platform.settings.dashboard_port}/{exposure['name']}"
            yield dg.MaterializeResult(
                asset_key=dashboard_key(exposure["name"]),
                metadata={
                    "page": dg.MetadataValue.url(page),
                    "tables": markdown_table([{"table": name, "rows": rows} for name, rows in published.items()]),
                },
            )

    return publish_dashboards
