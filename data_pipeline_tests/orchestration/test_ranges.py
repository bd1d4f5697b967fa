"""A range of partitions in one run, through Dagster itself."""

import dagster as dg
import pytest

from data_pipeline.common.errors import PermanentError, TransientError
from data_pipeline.orchestration.partitions import hour_by_source, read_hour_key
from data_pipeline.orchestration.ranges import Reported, Verdict, materialize_each

KEY = dg.AssetKey(["raw", "events"])
DOWNSTREAM = dg.AssetKey(["staged", "events"])
PARTITIONS = hour_by_source("2026-03-01", ["web", "ios"])
DAY = [f"2026-03-14T{hour:02}|web" for hour in range(24)]


def run(do, first, last, instance=None):
    """Materialize the range with `do` as the work of a partition, and one asset downstream."""

    @dg.multi_asset(
        specs=[dg.AssetSpec(KEY)],
        check_specs=[dg.AssetCheckSpec("holds", asset=KEY, blocking=True)],
        partitions_def=PARTITIONS,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def raw(context: dg.AssetExecutionContext):
        yield from materialize_each(context, context.partition_keys, do)

    @dg.asset(key=DOWNSTREAM, deps=[KEY], partitions_def=PARTITIONS, backfill_policy=dg.BackfillPolicy.single_run())
    def staged() -> None: ...

    instance = instance or dg.DagsterInstance.ephemeral()
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    if first == last:
        result = dg.materialize([raw, staged], partition_key=first, instance=instance, raise_on_error=False)
    else:
        job = dg.Definitions(assets=[raw, staged], jobs=[dg.define_asset_job("all")]).get_job_def("all")
        result = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
    return result, instance


def report(key, passed=True):
    return Reported(
        {KEY: {"rows": len(key), "key": key}}, {KEY: {"holds": Verdict(passed, f"{key} holds" if passed else f"{key} does not hold")}}
    )


def materialized(instance, asset_key=KEY):
    return set(instance.get_materialized_partitions(asset_key))


def failure_of(result):
    [event] = [event for event in result.all_events if event.is_step_failure]
    return event.event_specific_data


def test_each_partition_of_a_day_is_reported_with_its_own_metadata():
    result, instance = run(report, DAY[0], DAY[-1])
    assert result.success
    assert materialized(instance) == set(DAY)
    assert materialized(instance, DOWNSTREAM) == set(DAY)
    for key in DAY:
        event = instance.get_latest_data_version_record(KEY, partition_key=key).asset_materialization
        assert event.metadata["key"].value == key


def test_one_that_fails_stops_no_other_and_is_named_in_the_end():
    def do(key):
        if key == DAY[7]:
            raise PermanentError("Offsets 5 to 9 are gone. Accept the loss or restore them.")
        return report(key)

    result, instance = run(do, DAY[0], DAY[-1])
    assert not result.success
    assert materialized(instance) == set(DAY) - {DAY[7]}
    assert materialized(instance, DOWNSTREAM) == set()
    data = failure_of(result)
    message = data.error_display_string
    assert "Offsets 5 to 9 are gone. Accept the loss or restore them. (1 of 24 partitions failed" in message.replace("\n", " ")
    assert DAY[7] in message


def test_a_broken_equation_keeps_its_partition_from_counting_as_done():
    result, instance = run(lambda key: report(key, passed=key != DAY[3]), DAY[0], DAY[-1])
    assert not result.success
    assert materialized(instance) == set(DAY) - {DAY[3]}


def test_a_broken_blocking_check_of_one_partition_keeps_downstream_from_running():
    result, instance = run(lambda key: report(key, passed=False), DAY[0], DAY[0])
    assert not result.success
    assert materialized(instance, DOWNSTREAM) == set()
    [check] = [event for event in result.all_events if event.event_type_value == "ASSET_CHECK_EVALUATION"]
    assert not check.event_specific_data.passed


@pytest.mark.parametrize("error", [PermanentError("Set AWS_ACCESS_KEY_ID.")])
def test_a_permanent_failure_of_one_is_not_tried_again(error):
    tries = []

    def do(key):
        tries.append(key)
        raise error

    result, _ = run(do, DAY[0], DAY[0])
    assert not result.success
    assert len(tries) == 1
    assert "Set AWS_ACCESS_KEY_ID." in failure_of(result).error_display_string


def test_a_transient_failure_is_tried_again(monkeypatch):
    monkeypatch.setattr("data_pipeline.orchestration.failures.FIRST_WAIT_S", 0.01)
    tries = []

    def do(key):
        tries.append(key)
        if len(tries) < 3:
            raise TransientError("Kafka does not answer.")
        return report(key)

    result, instance = run(do, DAY[0], DAY[0])
    assert result.success
    assert len(tries) == 3
    assert materialized(instance) == {DAY[0]}


def test_a_transient_failure_that_stays_says_how_often_it_was_tried(monkeypatch):
    monkeypatch.setattr("data_pipeline.orchestration.failures.FIRST_WAIT_S", 0.01)

    def do(key):
        raise TransientError("Kafka does not answer.")

    result, _ = run(do, DAY[0], DAY[0])
    assert not result.success
    assert "tried 4 times" in failure_of(result).error_display_string


def test_an_hour_key_reads_back():
    source, hour = read_hour_key(DAY[9])
    assert (source, str(hour)) == ("web", "2026-03-14T09")
