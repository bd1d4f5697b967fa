"""Rows of a raw table judged exactly, and what both paths hand on.

Belongs here: from raw columns to Arrow tables, row by row. Does not: which rows need it (`validation/table.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_pipeline.contracts.arrow import INSTANT, QUARANTINE_SCHEMA, arrow_value, staged_arrow_schema
from data_pipeline.contracts.contract import Contract
from data_pipeline.validation.content_hash import content_hash
from data_pipeline.validation.exact.judge import RowJudge

IntArray = npt.NDArray[np.int64]

VALIDATE_STAGE = "validate"
"""What quarantine's column `stage` says of rows that a row rule rejected."""


@dataclass
class Validated:
    """What validation made of some raw rows; it is the same whichever path judged a row.

    Attributes:
        staged: rows that keep every rule, in the contract's staged columns.
        staged_rows: for each staged row its position in the raw table.
        quarantine: the others: raw columns, `rules`, `stage`.
        by_rule: number of quarantined rows by rule; a row counts under each that it breaks.
        unknown_fields: number of staged rows by dotted path of a field that the schema does not name.
        unknown_fields_rejected: the same of quarantined rows that are JSON.
    """

    staged: pa.Table
    staged_rows: IntArray
    quarantine: pa.Table
    by_rule: Counter[str] = field(default_factory=Counter)
    unknown_fields: Counter[str] = field(default_factory=Counter)
    unknown_fields_rejected: Counter[str] = field(default_factory=Counter)


@dataclass
class Judged:
    """What the exact path made of some raw rows.

    Attributes:
        staged: rows that keep every rule.
        staged_rows: for each of them its position in the raw table.
        broken: for each raw row the rules that it breaks, a bit for each rule in the catalogue's order.
        unknown_fields: number of staged rows by dotted path of a field that the schema does not name.
        unknown_fields_rejected: the same of the other rows that are JSON.
    """

    staged: pa.Table
    staged_rows: IntArray
    broken: npt.NDArray[np.uint64]
    unknown_fields: Counter[str] = field(default_factory=Counter)
    unknown_fields_rejected: Counter[str] = field(default_factory=Counter)


class ExactBatch:
    """Judges raw tables of one source row by row.

    Args:
        contract: schema versions and rules.
        source: name of the source.
    """

    def __init__(self, contract: Contract, source: str) -> None:
        self._contract = contract
        self._judge = RowJudge(contract, source)
        self._schema = staged_arrow_schema(contract)
        self._bits = {rule.name: 1 << place for place, rule in enumerate(contract.rules)}

    def judge(self, raw: pa.Table) -> Judged:
        """Judge a table of raw columns."""
        staged: list[dict[str, Any]] = []
        staged_rows: list[int] = []
        broken = np.zeros(raw.num_rows, np.uint64)
        unknown: Counter[str] = Counter()
        unknown_rejected: Counter[str] = Counter()
        values = raw.column("value").to_pylist()
        received = raw.column("received_at").cast(INSTANT).cast(pa.int64()).to_pylist()
        partitions, offsets = raw.column("partition").to_pylist(), raw.column("offset").to_pylist()
        for row, data in enumerate(values):
            judgement = self._judge.judge(data, received[row])
            if judgement.broken or judgement.value is None:
                unknown_rejected.update(judgement.unknown_fields)
                broken[row] = sum(self._bits[name] for name in judgement.broken)
                continue
            unknown.update(judgement.unknown_fields)
            columns = arrow_value(judgement.value, self._contract.latest, self._contract.schema_for(judgement.value)[0])
            columns["content_hash"] = content_hash(judgement.value)
            columns["received_at"] = received[row]
            columns["kafka_partition"], columns["kafka_offset"] = partitions[row], offsets[row]
            staged.append(columns)
            staged_rows.append(row)
        table = pa.Table.from_pylist(staged, schema=self._schema)
        return Judged(table, np.array(staged_rows, np.int64), broken, unknown, unknown_rejected)


def quarantine_broken(raw: pa.Table, broken: npt.NDArray[np.uint64], names: Sequence[str]) -> tuple[pa.Table, Counter[str]]:
    """Rows of a raw table that break a rule, and how many break each.

    Args:
        raw: raw columns.
        broken: for each row a bit for each broken rule.
        names: of the rules, in the order of their bits.
    """
    rows = np.flatnonzero(broken)
    sets, place = np.unique(broken[rows], return_inverse=True)
    reasons = [[name for bit, name in enumerate(names) if int(one) >> bit & 1] for one in sets]
    counts = np.bincount(place, minlength=len(sets))
    by_rule: Counter[str] = Counter()
    for rules, count in zip(reasons, counts.tolist(), strict=True):
        by_rule.update(dict.fromkeys(rules, count))
    return quarantine_table(raw, rows, pa.array(reasons, pa.list_(pa.string())).take(pa.array(place)), VALIDATE_STAGE), by_rule


def quarantine_table(raw: pa.Table, rows: IntArray, reasons: pa.Array, stage: str) -> pa.Table:
    """Some rows of a raw table with the rules that each breaks."""
    taken = raw.select(QUARANTINE_SCHEMA.names[:-2]).take(pa.array(rows, pa.int64()))
    columns = [*taken.columns, reasons, pa.array([stage] * len(rows), pa.string())]
    return pa.table(columns, names=QUARANTINE_SCHEMA.names).cast(QUARANTINE_SCHEMA)
