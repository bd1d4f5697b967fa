"""A seeded number of mutated rows, judged by all engines; every difference is counted and shown.

Belongs here: the comparison and its counts. Does not: mutations, oracles.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from data_pipeline.contracts.arrow import RAW_SCHEMA, raw_table
from data_pipeline.contracts.contract import Contract, load_contract
from data_pipeline.devstack.agreement.mutate import SOURCES, Mutator
from data_pipeline.devstack.agreement.oracles import (
    PANDERA_PARTLY,
    PANDERA_RULES,
    PanderaOracle,
    is_exact_for_pandera,
    keyword_oracle,
)
from data_pipeline.validation.exact.strict_json import NotStrictJsonError, parse_object
from data_pipeline.validation.table import TableValidator

RECEIVED_AT = datetime(2026, 3, 15, 0, 1, tzinfo=UTC)
_RECEIVED_MS = int(RECEIVED_AT.timestamp() * 1000)
ROUND_ROWS = 10_000
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_EXAMPLES_KEPT = 20


@dataclass
class Agreement:
    """What was compared, and what differed.

    Attributes:
        rows: rows generated.
        accepted: rows that all engines accept.
        by_rule: number of rows by rule that they break; a row counts under each.
        doubtful: rows that the compiled engine left to the exact one.
        asked: number of rows by oracle (`exact`, `jsonschema`, `pandera`) that it was asked about.
        disagreements: number of rows by oracle and difference.
        examples: some of them, as text.
    """

    rows: int = 0
    accepted: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)
    doubtful: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    disagreements: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def note(self, oracle: str, ours: set[str], theirs: set[str], data: bytes | None) -> None:
        """Count one row's comparison."""
        self.asked[oracle] += 1
        if ours != theirs:
            self.disagreements[f"{oracle}: ours {sorted(ours)}, theirs {sorted(theirs)}"] += 1
            if len(self.examples) < _EXAMPLES_KEPT:
                self.examples.append(f"{oracle}: ours {sorted(ours)}, theirs {sorted(theirs)}: {(data or b'')[:2000]!r}")


def agree(rows: int, seed: int, report: Callable[[Agreement], None] = lambda found: None) -> Agreement:
    """Compare the engines on `rows` mutated rows.

    Args:
        rows: how many.
        seed: the same rows for the same seed.
        report: called from time to time with what was found so far.
    """
    contract = load_contract("product_event")
    judges = {source: _Judges(contract, source) for source in SOURCES}
    keywords = keyword_oracle(contract)
    mutator, found = Mutator(seed), Agreement()
    while found.rows < rows:
        by_source: dict[str, list[bytes | None]] = {source: [] for source in SOURCES}
        for _ in range(min(ROUND_ROWS, rows - found.rows)):
            source, data = mutator.row()
            by_source[source].append(data)
            found.rows += 1
        for source, values in by_source.items():
            judges[source].compare(values, keywords, found)
        report(found)
    return found


class _Judges:
    def __init__(self, contract: Contract, source: str) -> None:
        self.compiled = TableValidator(contract, source, use_fast_path=True)
        self.exact = TableValidator(contract, source, use_fast_path=False)
        self.pandera = PanderaOracle(contract, source)

    def compare(self, values: list[bytes | None], keywords: Callable[[Any], frozenset[str]], found: Agreement) -> None:
        raw = _raw_table(values)
        ours, exact = _broken(self.compiled, raw), _broken(self.exact, raw)
        found.doubtful += self.compiled.count_doubtful(raw)
        typed: list[tuple[int, Any]] = []
        for row, data in enumerate(values):
            found.note("exact", ours[row], exact[row], data)
            found.accepted += not ours[row]
            found.by_rule.update(ours[row])
            try:
                value = parse_object(data) if data is not None and len(data) <= 65_536 else None
                if value is None:
                    continue
                expected = set(keywords(value))
            except (NotStrictJsonError, RecursionError):
                continue
            found.note("jsonschema", ours[row] & {"types", "schema"}, expected, data)
            # What has another type, or no instant where one belongs, has no typed columns.
            if "types" not in ours[row] and is_exact_for_pandera(value) and can_be_typed(value):
                typed.append((row, value))
        answers = self.pandera.ask([value for _, value in typed], [_RECEIVED_MS] * len(typed))
        for (row, _), theirs in zip(typed, answers, strict=True):
            partly = theirs & PANDERA_PARTLY & ours[row]
            asked = theirs & (PANDERA_RULES | PANDERA_PARTLY) if ours[row] else theirs
            found.note("pandera", ours[row] & PANDERA_RULES | partly, asked, values[row])


def _broken(validator: TableValidator, raw: pa.Table) -> list[set[str]]:
    found: list[set[str]] = [set() for _ in range(raw.num_rows)]
    quarantine = validator.validate(raw).quarantine
    for offset, rules in zip(quarantine["offset"].to_pylist(), quarantine["rules"].to_pylist(), strict=True):
        found[offset] = set(rules)
    return found


def can_be_typed(value: Any) -> bool:
    """Whether both instants are of the contract's form, and the version, whose type no keyword says, is a number."""
    version = value.get("schema_version")
    is_number = isinstance(version, int | Decimal) and not isinstance(version, bool)
    return is_number and all(isinstance(value.get(name), str) and _INSTANT.fullmatch(value[name]) for name in ("occurred_at", "sent_at"))


def _raw_table(values: list[bytes | None]) -> pa.Table:
    count = len(values)
    columns = {
        "partition": pa.array([0] * count, pa.int32()),
        "offset": pa.array(range(count), pa.int64()),
        "received_at": pa.array([RECEIVED_AT] * count, RAW_SCHEMA.field("received_at").type),
        "value": pa.array(values, pa.binary()),
    }
    return raw_table(columns)
