"""Judging fields that the contract does not know: added, renamed, or long known.

Belongs here: unknown fields by name. Does not: fields of the contract that are gone (`null_rate`).
"""

from __future__ import annotations

import polars as pl

from data_pipeline.validation.history.finding import Finding, Severity
from data_pipeline.validation.history.history import ProfileHistory
from data_pipeline.validation.history.profile import Profile

_SURE_COUNT = 5
_SURE_SHARE = 0.005


def judge_unknown_fields(profile: Profile, history: ProfileHistory) -> list[Finding]:
    """A finding for each unknown field: a warning where the history never had it, else for information."""
    found = []
    known = _counts(list(history.profiles))
    for path, count in sorted(_counts([profile]).items()):
        share = count / max(profile.rows_staged, 1)
        is_new = path not in known and not history.is_too_short
        matters = is_new and (count >= _SURE_COUNT or share >= _SURE_SHARE)
        found.append(
            Finding(
                check="unknown_field",
                field=path,
                severity=Severity.WARN if matters else Severity.INFO,
                observed=f"{count} rows",
                expected="no such field" if path not in known else f"up to {known[path]} rows in a window",
                message=f"{path} is no field of the contract and is in {count} of {profile.rows_staged} rows"
                + (", in no earlier window: a field was added or renamed." if is_new else "."),
                example=path,
            )
        )
    return found


def _counts(profiles: list[Profile]) -> dict[str, int]:
    most: dict[str, int] = {}
    for profile in profiles:
        cells = profile.cells.filter((pl.col("check") == "unknown_field") & (pl.col("key") != "any"))
        for path, count in cells.select("key", "count").iter_rows():
            most[path] = max(most.get(path, 0), count)
    return most
