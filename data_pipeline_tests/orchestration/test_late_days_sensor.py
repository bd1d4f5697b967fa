"""The sensor asks for the days that are out of date, neighbours in one run, and each once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import dagster as dg

from data_pipeline.common.layout import hour_partition, hour_prefix
from data_pipeline.common.manifest import Manifest, publish_manifest
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.common.windows import hours_of_day
from data_pipeline.orchestration import sensors
from data_pipeline.orchestration.assets.lake import lake_assets
from data_pipeline.orchestration.partitions import daily
from data_pipeline.orchestration.platform import Platform
from data_pipeline.settings import Settings


def test_touched_days_are_asked_for_once_and_neighbours_together(tmp_path: Path) -> None:
    store = LocalObjectStore(tmp_path)
    platform = Platform(Settings.from_env(state_dir=tmp_path))
    platform.__dict__["store"] = store
    dataset = platform.product_events
    assert dataset is not None
    today = sensors._now().date()
    days = [today - timedelta(days=ago) for ago in (9, 4, 3)]
    for day in days:
        hour = hours_of_day(day)[5]
        manifest = Manifest("staged", hour_partition("web", hour), [], {"rows_staged": 1}, {"event_days": {day.isoformat(): 1}})
        publish_manifest(store, hour_prefix("staged", "web", hour), manifest, None)
    job = dg.define_asset_job("build_day", selection=dg.AssetSelection.groups("lake"))
    definitions = dg.Definitions(
        assets=[lake_assets(dataset, daily("2026-03-01"))],
        jobs=[job],
        sensors=[sensors.late_days_sensor(dataset, job)],
        resources={"platform": platform},
    )
    repository = definitions.get_repository_def()
    sensor = repository.get_sensor_def("late_days")
    with dg.instance_for_test() as instance:
        with dg.build_sensor_context(instance, repository_def=repository, resources={"platform": platform}) as context:
            first = sensor.evaluate_tick(context)
        with dg.build_sensor_context(instance, cursor=first.cursor, repository_def=repository, resources={"platform": platform}) as context:
            second = sensor.evaluate_tick(context)
    alone, together = first.run_requests or []
    assert alone.partition_key == days[0].isoformat()
    assert together.tags["dagster/asset_partition_range_start"] == days[1].isoformat()
    assert together.tags["dagster/asset_partition_range_end"] == days[2].isoformat()
    assert not second.run_requests
    assert "asked for already" in (second.skip_message or "")
