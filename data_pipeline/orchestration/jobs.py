"""Jobs: the parts of the graph that schedules and people run together.

Belongs here: selections. Does not: when they run (`schedules.py`, `sensors.py`).
"""

from __future__ import annotations

from dagster import AssetSelection, define_asset_job
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from data_pipeline.orchestration.keys import DASHBOARDS, LAKE, QUARANTINE, RAW, STAGED, WAREHOUSE, quarantine_key, raw_key, staged_key
from data_pipeline.orchestration.platform import Dataset

DAY_GROUPS = (LAKE, WAREHOUSE, "staging", "intermediate", "core", "marts", DASHBOARDS)


def hour_job(dataset: Dataset) -> UnresolvedAssetJobDefinition:
    """Land and validate hours of one dataset."""
    keys = [raw_key(dataset.name), staged_key(dataset.name), quarantine_key(dataset.name)]
    return define_asset_job(
        f"land_and_validate_{dataset.name}",
        selection=AssetSelection.assets(*keys),
        description=f"{RAW}, {STAGED} and {QUARANTINE} of {dataset.name}: an hour of a source, or a range of hours.",
    )


def day_job() -> UnresolvedAssetJobDefinition:
    """Everything from the lake to the dashboards."""
    return define_asset_job(
        "build_day",
        selection=AssetSelection.groups(*DAY_GROUPS),
        description="A day, or a range of days, from the staged hours to the dashboards.",
    )
