"""How dbt is called."""

from __future__ import annotations

import json
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.common.errors import PermanentError
from data_pipeline.warehouse.dbt_args import build_args, day_ranges, duckdb_target_env, redshift_target_env, window_vars

DAY = date(2026, 2, 28)


def test_a_window_ends_before_its_end() -> None:
    assert build_args([DAY], ["marts", "core"]) == [
        *("build", "--select", "marts", "core"),
        *("--vars", json.dumps({"start_date": "2026-02-28", "end_date": "2026-03-01"})),
    ]


def test_no_days_mean_all_days() -> None:
    assert build_args() == ["build"]
    assert build_args(full_refresh=True, command="run") == ["run", "--full-refresh"]


def test_a_gap_is_refused() -> None:
    with pytest.raises(PermanentError, match="2026-02-28, 2026-03-02"):
        window_vars([DAY, DAY + timedelta(days=2)])
    with pytest.raises(PermanentError, match="none"):
        window_vars([])


@given(st.lists(st.integers(0, 40), max_size=30))
def test_ranges_hold_exactly_the_days(offsets: list[int]) -> None:
    days = [DAY + timedelta(days=offset) for offset in offsets]
    ranges = day_ranges(days)
    assert sorted({first + timedelta(days=n) for first, last in ranges for n in range((last - first).days + 1)}) == sorted(set(days))
    for (_, last), (first, _) in pairwise(ranges):
        assert first - last > timedelta(days=1)


def test_targets_are_found_by_variables() -> None:
    env = duckdb_target_env(Path("/data/analytics.duckdb"), run_id="r", target_path=Path("/t"), log_path=Path("/l"))
    assert env["DATA_PIPELINE_DBT_DUCKDB_PATH"] == "/data/analytics.duckdb"
    assert (env["DATA_PIPELINE_DBT_TARGET"], env["DBT_TARGET_PATH"], env["DBT_LOG_PATH"]) == ("duckdb", "/t", "/l")
    secret = redshift_target_env("h", 5439, "d", "u", "swordfish")
    assert [name for name, value in secret.items() if value == "swordfish"] == ["DBT_ENV_SECRET_REDSHIFT_PASSWORD"]
