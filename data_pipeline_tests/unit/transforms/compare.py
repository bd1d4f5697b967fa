"""Lake tables against the oracle's, row by row."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow.parquet as pq

from data_pipeline.common.manifest import Manifest
from data_pipeline.common.object_store import ObjectStore

Rows = list[dict[str, Any]]


def rows_of(store: ObjectStore, manifest: Manifest) -> Rows:
    """All rows that a manifest names."""
    return [row for entry in manifest.entries for row in pq.read_table(io.BytesIO(store.get(entry.key))).to_pylist()]


def differences(found: Mapping[str, Rows], expected: Mapping[str, Rows]) -> dict[str, tuple[list[Any], list[Any]]]:
    """By table: rows that only one side has (first those found, then those expected); empty for equal tables."""
    sessions = {row["session_id"]: (row["anonymous_id"], row["started_at"]) for row in found["sessions"]}
    events = [{**row, "session": sessions.get(row["session_id"], row["session_id"])} for row in found["events"]]
    return {
        name: (only_found, only_expected)
        for name, wanted in expected.items()
        if name in found
        for only_found, only_expected in [_difference(events if name == "events" else found[name], wanted)]
        if only_found or only_expected
    }


def _difference(found: Rows, wanted: Rows) -> tuple[list[Any], list[Any]]:
    columns = list(wanted[0]) if wanted else list(found[0]) if found else []
    left, right = _sorted(found, columns), _sorted(wanted, columns)
    return [row for row in left if row not in right], [row for row in right if row not in left] or (
        ["other multiplicity"] if left != right and len(left) != len(right) else []
    )


def _sorted(rows: Rows, columns: Iterable[str]) -> list[tuple[tuple[str, Any], ...]]:
    return sorted((tuple((name, row[name]) for name in columns) for row in rows), key=repr)
