"""A raw table split into staged and quarantined rows.

Belongs here: the choice between the fast and the exact path, for tables in memory.
Does not: what either does (`fast/`, `exact/`), objects and manifests (`hour.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data_pipeline.common.errors import PermanentError
from data_pipeline.contracts.arrow import RAW_SCHEMA
from data_pipeline.contracts.contract import Contract
from data_pipeline.validation.exact.batch import ExactBatch, Judged, Validated, quarantine_broken

if TYPE_CHECKING:
    from data_pipeline.validation.fast.path import FastPath

FAST_FROM_ROWS = 20_000
"""Smaller inputs take the exact path alone: it is done before the compiled scanner would be loaded."""


class TableValidator:
    """Validates raw tables of one source; safe to use from several threads.

    Args:
        contract: schema versions and rules.
        source: name of the source, the topic's suffix.
        use_fast_path: whether rows are offered to the compiled scanner first. The verdicts are the same either way.
    """

    def __init__(self, contract: Contract, source: str, *, use_fast_path: bool) -> None:
        self._exact = ExactBatch(contract, source)
        self._rules = [rule.name for rule in contract.rules]
        self._fast: FastPath | None = None
        if use_fast_path:
            from data_pipeline.validation.fast.path import FastPath

            self._fast = FastPath(contract, source)

    def validate(self, raw: pa.Table) -> Validated:
        """Split a table with the columns of raw objects.

        Rows that the fast path accepts come first in staged, then those that the exact path accepts; both in raw order.
        """
        raw = conform_raw(raw, "the table")
        if self._fast is None:
            return self._validated(raw, self._exact.judge(raw))
        judged = self._fast.judge(raw)
        if judged.is_doubtful.any():
            doubtful = np.flatnonzero(judged.is_doubtful)
            exact = self._exact.judge(raw.take(pa.array(doubtful)))
            judged.broken[doubtful] = exact.broken
            judged.unknown_fields.update(exact.unknown_fields)
            judged.unknown_fields_rejected.update(exact.unknown_fields_rejected)
            judged.staged_rows = np.concatenate([judged.staged_rows, doubtful[exact.staged_rows]])
            judged.staged = pa.concat_tables([judged.staged, exact.staged])
        return self._validated(raw, judged)

    def count_doubtful(self, raw: pa.Table) -> int:
        """How many rows the compiled scanner leaves to the exact path."""
        return int(self._fast.judge(raw).is_doubtful.sum()) if self._fast is not None else raw.num_rows

    def _validated(self, raw: pa.Table, judged: Judged) -> Validated:
        quarantine, by_rule = quarantine_broken(raw, judged.broken, self._rules)
        return Validated(judged.staged, judged.staged_rows, quarantine, by_rule, judged.unknown_fields, judged.unknown_fields_rejected)


def validate_table(contract: Contract, source: str, raw: pa.Table) -> Validated:
    """Split one table in memory; see `TableValidator`."""
    return TableValidator(contract, source, use_fast_path=raw.num_rows >= FAST_FROM_ROWS).validate(raw)


def conform_raw(raw: pa.Table, where: str) -> pa.Table:
    """The table with exactly the raw columns, in order and type; PermanentError naming `where` and the column."""
    columns = []
    for field in RAW_SCHEMA:
        if field.name not in raw.column_names:
            raise PermanentError(
                f"{where} has no column '{field.name}'; raw objects have {', '.join(RAW_SCHEMA.names)}, "
                f"it has {', '.join(raw.column_names)}."
            )
        column = raw.column(field.name)
        try:
            columns.append(column if column.type == field.type else pc.cast(column, field.type))
        except pa.ArrowException as error:
            raise PermanentError(f"{where}: column '{field.name}' is {column.type}, raw objects have {field.type} ({error}).") from error
    return pa.table(columns, schema=RAW_SCHEMA)
