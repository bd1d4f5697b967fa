"""Error findings stop what is downstream until somebody accepts them; warnings are shown and stop nothing."""

import hashlib
import io
from datetime import UTC, datetime, timedelta

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.layout import hour_partition, hour_prefix
from data_pipeline.common.manifest import Entry, Manifest, publish_manifest, read_manifest
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.common.windows import Hour
from data_pipeline.devstack.generator.generate import generate_hours
from data_pipeline.orchestration.assets.validation import FINDINGS, validation_assets
from data_pipeline.orchestration.open_findings import require_no_open_errors
from data_pipeline.orchestration.partitions import hour_by_source, hour_key
from data_pipeline.orchestration.platform import Platform
from data_pipeline.settings import Settings
from data_pipeline.validation import validate_hour
from data_pipeline.validation.history import Acceptance, Window, add_acceptance

NOON = [Hour(datetime(2026, 3, 9, 12, tzinfo=UTC) + timedelta(days=n)) for n in range(7)]
TARGET = NOON[-1]
DOWNSTREAM = dg.AssetKey("downstream")


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    """Six noons of one source are validated; the seventh is for the test to land."""
    platform = Platform(Settings.from_env(state_dir=tmp_path_factory.mktemp("state")))
    platform.store = LocalObjectStore(tmp_path_factory.mktemp("bucket"))
    for hour in NOON[:-1]:
        land(platform.store, hour)
        validate_hour(platform.contract("product_event"), "web", hour, platform.store, run_id="history")
    return platform


def land(store, hour, share=1.0, sent_again=0):
    [batch] = generate_hours("web", [hour], 7000, seed=5)
    table = batch.table.slice(0, int(batch.table.num_rows * share))
    table = pa.concat_tables([table, table.slice(0, sent_again)])
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    data, prefix = buffer.getvalue(), hour_prefix("raw", "web", hour)
    key = f"{prefix}/0-{share}-{sent_again}.parquet"
    store.put(key, data)
    entry = Entry(key, len(data), table.num_rows, hashlib.sha256(data).hexdigest())
    publish_manifest(store, prefix, Manifest("raw", hour_partition("web", hour), [entry], {}), read_manifest(store, prefix))


def materialize(platform):
    dataset = platform.product_events
    partitions = hour_by_source("2026-03-01", dataset.source_names)
    validation = validation_assets(dataset, platform.contract("product_event"), partitions)

    @dg.asset(key=DOWNSTREAM, deps=[dg.AssetKey(["staged", "events"])], partitions_def=partitions)
    def downstream() -> None: ...

    instance = dg.DagsterInstance.ephemeral()
    result = dg.materialize(
        [validation, downstream],
        partition_key=str(hour_key(TARGET, "web")),
        instance=instance,
        resources={"platform": platform},
        raise_on_error=False,
    )
    [check] = [
        event.event_specific_data
        for event in result.all_events
        if event.event_type_value == "ASSET_CHECK_EVALUATION" and event.event_specific_data.check_name == FINDINGS
    ]
    return result, check, bool(instance.get_materialized_partitions(DOWNSTREAM))


def test_an_error_stops_what_is_downstream_until_it_is_accepted(platform):
    land(platform.store, TARGET, share=0.1)
    result, check, went_on = materialize(platform)
    assert (result.success, check.passed, check.severity, went_on) == (False, False, dg.AssetCheckSeverity.ERROR, False)
    assert "fewer" in check.description
    assert "data-pipeline accept" in check.description
    with pytest.raises(PermanentError, match=r"2026-03-15 is not built: 1 of its hours .* web 2026-03-15T12: web has .* fewer"):
        require_no_open_errors(platform, platform.product_events, TARGET.date)

    given = Acceptance("*", "*", "the shop was down", False, "2026-03-16T08:00:00+00:00")
    add_acceptance(platform.store, "web", Window(TARGET.start, False), given)
    require_no_open_errors(platform, platform.product_events, TARGET.date)
    result, check, went_on = materialize(platform)
    assert (result.success, check.passed, went_on) == (True, True, True)


def test_a_warning_is_shown_and_stops_nothing(platform):
    (platform.store.root / f"profiles/{TARGET.path}/source=web/accepted.json").unlink(missing_ok=True)
    land(platform.store, TARGET, sent_again=60)
    result, check, went_on = materialize(platform)
    assert (result.success, check.passed, check.severity, went_on) == (True, False, dg.AssetCheckSeverity.WARN, True)
    require_no_open_errors(platform, platform.product_events, TARGET.date)
