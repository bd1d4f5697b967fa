"""Files of one window judged as the platform would judge them, without Kafka and S3.

Belongs here: rows, duplicates, conflicts and findings of a set of files. Does not: reading (`files.py`), printing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.common.sources import PRODUCT_EVENT_CONTRACT
from data_pipeline.contracts.arrow import QUARANTINE_SCHEMA, staged_arrow_schema
from data_pipeline.contracts.contract import Contract
from data_pipeline.validation.duplicates import CONFLICT_RULE, DEDUPLICATE_STAGE, deduplicate
from data_pipeline.validation.exact.batch import IntArray, quarantine_table
from data_pipeline.validation.files import LARGE_FILE_BYTES, read_batches, require_files
from data_pipeline.validation.history import ProfileBuilder, judge_window
from data_pipeline.validation.table import FAST_FROM_ROWS, TableValidator


@dataclass(frozen=True)
class CheckedFiles:
    """What was found in the files of a window.

    Attributes:
        rows_in: rows of all files; always staged + quarantined + duplicates.
        duplicates: re-sends that were dropped.
        by_rule: number of quarantined rows by rule, `event_id_conflict` among them.
        unknown_fields: number of rows by dotted path of a field that the contract does not name.
        findings: as `Finding.to_dict` writes them; none for a contract without profiles.
        staged: rows that keep every rule, one an event_id.
        quarantine: the others, with their rules and the stage that found out.
    """

    rows_in: int
    duplicates: int
    by_rule: dict[str, int]
    unknown_fields: dict[str, int]
    findings: list[dict[str, Any]]
    staged: pa.Table = field(repr=False)
    quarantine: pa.Table = field(repr=False)

    def report(self, source: str, window: str) -> dict[str, Any]:
        """The content of `report.json`."""
        return {
            "source": source,
            "window": window,
            "rows_in": self.rows_in,
            "rows_staged": self.staged.num_rows,
            "rows_quarantined": self.quarantine.num_rows,
            "duplicates": self.duplicates,
            "by_rule": self.by_rule,
            "unknown_fields": self.unknown_fields,
            "findings": self.findings,
        }


def check_files(contract: Contract, source: str, window: str, paths: Sequence[Path], profiles: Path) -> CheckedFiles:
    """Validate files, drop re-sends, name conflicts, and judge the window by the history below `profiles`.

    Args:
        contract: schema versions and rules.
        source: name of the source, the topic's suffix.
        window: `2026-03-14` or `2026-03-14T09`: the window that the files are.
        paths: `.parquet` or `.ndjson` files.
        profiles: a folder that holds the history; this window is added to it.

    Raises:
        PermanentError: a file or the history cannot be read; the history is then as it was.
    """
    require_files(paths)
    history = ProfileBuilder(source, window) if contract.name == PRODUCT_EVENT_CONTRACT else None
    validator = TableValidator(contract, source, use_fast_path=_are_many(paths))
    staged: list[pa.Table] = [staged_arrow_schema(contract).empty_table()]
    quarantined: list[pa.Table] = [QUARANTINE_SCHEMA.empty_table()]
    places: list[IntArray] = [np.array([], np.int64)]
    by_rule: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    rows_in = 0
    for raw in read_batches(paths):
        validated = validator.validate(raw)
        staged.append(validated.staged)
        quarantined.append(validated.quarantine)
        places.append(validated.staged_rows + rows_in)
        by_rule.update(validated.by_rule)
        unknown.update(validated.unknown_fields + validated.unknown_fields_rejected)
        rows_in += raw.num_rows
        if history is not None:
            history.add(validated.staged, validated.by_rule, validated.quarantine.num_rows, validated.unknown_fields)
    rows = pa.concat_tables(staged)
    sorted_out = deduplicate(rows)
    if len(sorted_out.conflicts):
        quarantined.append(_conflicts(paths, np.concatenate(places)[sorted_out.conflicts]))
        by_rule[CONFLICT_RULE] = len(sorted_out.conflicts)
    return CheckedFiles(
        rows_in=rows_in,
        duplicates=len(sorted_out.duplicates),
        by_rule=dict(sorted(by_rule.items())),
        unknown_fields=dict(sorted(unknown.items())),
        findings=_judge(history, profiles) if history is not None else [],
        staged=rows.take(pa.array(sorted_out.kept)) if len(sorted_out.kept) < rows.num_rows else rows,
        quarantine=pa.concat_tables(quarantined),
    )


def _judge(builder: ProfileBuilder, profiles: Path) -> list[dict[str, Any]]:
    profile, orders = builder.finish()
    return [finding.to_dict() for finding in judge_window(LocalObjectStore(profiles), profile, orders)]


def _conflicts(paths: Sequence[Path], places: IntArray) -> pa.Table:
    """Raw rows of conflicts, read a second time: they are few, and keeping all raw bytes for them is not worth it."""
    taken = []
    start = 0
    wanted = np.sort(places)
    for raw in read_batches(paths):
        here = wanted[(wanted >= start) & (wanted < start + raw.num_rows)] - start
        if len(here):
            taken.append(quarantine_table(raw, here, pa.array([[CONFLICT_RULE]] * len(here)), DEDUPLICATE_STAGE))
        start += raw.num_rows
    return pa.concat_tables(taken)


def _are_many(paths: Sequence[Path]) -> bool:
    rows = sum(pq.read_metadata(path).num_rows for path in paths if path.suffix == ".parquet" and _is_parquet(path))
    line_bytes = sum(path.stat().st_size for path in paths if path.suffix == ".ndjson")
    return rows >= FAST_FROM_ROWS or line_bytes >= LARGE_FILE_BYTES


def _is_parquet(path: Path) -> bool:
    try:
        pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        return False
    return True
