"""The words with which dbt is called for a range of days, and the variables of its profile.

Belongs here: pure builders. Does not: running dbt, knowing Dagster.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from data_pipeline.common.errors import PermanentError


def day_ranges(days: Sequence[date]) -> list[tuple[date, date]]:
    """Days as ranges of neighbours, first and last included: one dbt call each."""
    ranges: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if ranges and day - ranges[-1][1] == timedelta(days=1):
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return ranges


def window_vars(days: Sequence[date]) -> dict[str, str]:
    """`{"start_date": …, "end_date": …}`, end exclusive; PermanentError where the days are none or leave gaps."""
    ranges = day_ranges(days)
    if len(ranges) != 1:
        raise PermanentError(
            f"dbt builds one range of neighbouring days a call, not {', '.join(map(str, sorted(set(days)))) or 'none'}; "
            "call it once for each of day_ranges(days)."
        )
    first, last = ranges[0]
    return {"start_date": first.isoformat(), "end_date": (last + timedelta(days=1)).isoformat()}


def build_args(
    days: Sequence[date] | None = None, select: Sequence[str] = (), *, command: str = "build", full_refresh: bool = False
) -> list[str]:
    """Arguments after `dbt`: `build --select … --vars '{"start_date": "2026-03-14", "end_date": "2026-03-15"}'`.

    Args:
        days: neighbouring UTC days to rebuild; None rebuilds every day that the sources hold.
        select: dbt selectors; none selects everything.
        command: `build`, `run` or `test`.
        full_refresh: drop and rebuild incremental models, after a change of their columns.

    Raises:
        PermanentError: the days leave a gap.
    """
    args = [command]
    if select:
        args += ["--select", *select]
    if days is not None:
        args += ["--vars", json.dumps(window_vars(days))]
    if full_refresh:
        args.append("--full-refresh")
    return args


def duckdb_target_env(path: Path, *, run_id: str = "", target_path: Path | None = None, log_path: Path | None = None) -> dict[str, str]:
    """Variables with which `dbt_project/profiles.yml` finds a DuckDB file."""
    return {**_common("duckdb", run_id, target_path, log_path), "DATA_PIPELINE_DBT_DUCKDB_PATH": str(path)}


def redshift_target_env(
    host: str,
    port: int,
    database: str,
    user: str,
    password: str,
    *,
    ssl: bool = True,
    run_id: str = "",
    target_path: Path | None = None,
    log_path: Path | None = None,
) -> dict[str, str]:
    """Variables with which `dbt_project/profiles.yml` finds Redshift; holds the password, never log it."""
    return {
        **_common("redshift", run_id, target_path, log_path),
        "DATA_PIPELINE_DBT_REDSHIFT_HOST": host,
        "DATA_PIPELINE_DBT_REDSHIFT_PORT": str(port),
        "DATA_PIPELINE_DBT_REDSHIFT_DATABASE": database,
        "DATA_PIPELINE_DBT_REDSHIFT_USER": user,
        "DATA_PIPELINE_DBT_REDSHIFT_SSLMODE": "verify-ca" if ssl else "disable",
        # dbt hides the values of variables with this prefix in all that it prints and writes.
        "DBT_ENV_SECRET_REDSHIFT_PASSWORD": password,
    }


def _common(target: str, run_id: str, target_path: Path | None, log_path: Path | None) -> Mapping[str, str]:
    env = {"DATA_PIPELINE_DBT_TARGET": target, "DATA_PIPELINE_DBT_RUN_ID": run_id, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    if target_path is not None:
        env["DBT_TARGET_PATH"] = str(target_path)
    if log_path is not None:
        env["DBT_LOG_PATH"] = str(log_path)
    return env
