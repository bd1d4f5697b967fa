"""Dead letters sorted by what the present rules say: those that pass, and those that stay.

Belongs here: rows of quarantine objects, batch by batch. Does not: manifests (`replay.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from data_pipeline.common.manifest import Entry
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.contracts.arrow import QUARANTINE_SCHEMA
from data_pipeline.contracts.contract import Contract
from data_pipeline.validation.files import batch_rows
from data_pipeline.validation.hour import open_entry
from data_pipeline.validation.table import FAST_FROM_ROWS, TableValidator

_ADVICE = "validate its hour again"


@dataclass(frozen=True)
class Sorted:
    """A batch of dead letters, sorted.

    Attributes:
        tried: rows that were judged again.
        joining: staged columns of the rows that pass now; those that an earlier replay staged are not among them.
        resolving: the dead letters that pass, as they stood in quarantine; without those that `resolved` names already.
        remaining: the dead letters that stay, in their order, with the rules that they break now.
        by_rule: remaining rows by rule.
        is_changed: whether any row leaves quarantine, or breaks other rules than before.
    """

    tried: int
    joining: pa.Table
    resolving: pa.Table
    remaining: pa.Table
    by_rule: Counter[str]
    is_changed: bool


class Sorter:
    """Sorts the dead letters of one hour.

    Args:
        contract: the present rules.
        source: name of the source.
        rules: only rows that broke one of these are judged again; all where empty.
        joined_before: places of rows that earlier replays staged.
        resolved_before: places of rows that `resolved` names already.
    """

    def __init__(
        self, contract: Contract, source: str, rules: Sequence[str], *, joined_before: pl.DataFrame, resolved_before: pl.DataFrame
    ) -> None:
        self._contract = contract
        self._source = source
        self._rules = frozenset(rules)
        self._joined_before = joined_before
        self._resolved_before = resolved_before

    def sort_all(self, store: ObjectStore, entries: Sequence[Entry]) -> Iterator[Sorted]:
        """Sort the rows of the objects, one batch in memory at a time; PermanentError for an object that is not as its entry says."""
        rows = sum(entry.row_count for entry in entries)
        validator = TableValidator(self._contract, self._source, use_fast_path=rows >= FAST_FROM_ROWS)
        for entry in entries:
            reader = open_entry(store, entry, _ADVICE)
            for batch in reader.iter_batches(batch_size=batch_rows(reader)):
                yield self._sort(validator, pa.Table.from_batches([batch]).cast(QUARANTINE_SCHEMA))

    def _sort(self, validator: TableValidator, dead: pa.Table) -> Sorted:
        # A replay that was killed after staged and before quarantine has left them here: what it did is finished.
        open_rows = _without(dead, ("partition", "offset"), self._joined_before)
        is_finishing = open_rows.num_rows < dead.num_rows
        dead = open_rows
        reasons = dead.column("rules").to_pylist()
        chosen = np.array([not self._rules or not self._rules.isdisjoint(rules or ()) for rules in reasons], dtype=bool)
        tried = np.flatnonzero(chosen)
        validated = validator.validate(dead.take(pa.array(tried)))
        passed = np.sort(tried[validated.staged_rows])
        failed = np.setdiff1d(tried, passed)
        untouched = np.flatnonzero(~chosen)
        # Quarantine keeps raw order, and so do the rows that were not judged again: merged by their place.
        merged = pa.concat_tables([validated.quarantine, dead.take(pa.array(untouched))])
        remaining = merged.take(pa.array(np.argsort(np.concatenate([failed, untouched]), kind="stable")))
        now = remaining.column("rules").to_pylist()
        resolving = dead.take(pa.array(passed))
        return Sorted(
            tried=len(tried),
            joining=validated.staged,
            resolving=_without(resolving, ("partition", "offset"), self._resolved_before),
            remaining=remaining,
            by_rule=Counter(rule for rules in now for rule in set(rules or ())),
            is_changed=is_finishing or bool(len(passed)) or now != reasons,
        )


def places_of(store: ObjectStore, entries: Sequence[Entry], columns: tuple[str, str]) -> pl.DataFrame:
    """Kafka partition and offset of every row of some objects."""
    found = [pl.DataFrame(schema={"partition": pl.Int32, "offset": pl.Int64})]
    for entry in entries:
        table = open_entry(store, entry, _ADVICE).read(columns=list(columns))
        found.append(pl.DataFrame({"partition": table.column(columns[0]), "offset": table.column(columns[1])}, schema=found[0].schema))
    return pl.concat(found)


def _without(table: pa.Table, columns: tuple[str, str], known: pl.DataFrame) -> pa.Table:
    """The rows whose place is not known."""
    if not known.height or not table.num_rows:
        return table
    places = pl.DataFrame({"partition": table.column(columns[0]), "offset": table.column(columns[1])}, schema=known.schema)
    kept = places.with_row_index("row").join(known, on=["partition", "offset"], how="anti", maintain_order="left")
    return table.take(pa.array(kept["row"].to_numpy()))
