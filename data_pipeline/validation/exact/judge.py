"""One row, judged: every broken rule, or the row as it will be staged.

Belongs here: the order in which rules are asked, and which silence the others. Does not: what a rule means.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data_pipeline.contracts.contract import Contract
from data_pipeline.validation.exact.keywords import Verdict, fits_column, judge_keywords
from data_pipeline.validation.exact.rules import compile_rules
from data_pipeline.validation.exact.strict_json import NotStrictJsonError, parse_object, strings_of
from data_pipeline.validation.exact.text import breaks_text

_PLAIN_JSON = re.compile(rb"[ !#-\[\]-~\"\s]*")
"""Bytes that can spell no character but printable ASCII: no escape, nothing above it."""


@dataclass(frozen=True)
class Judgement:
    """What is known of one row.

    Attributes:
        broken: names of broken rules in the catalogue's order; none for a row that is staged.
        value: the parsed value; None where it broke `size` or `json`.
        unknown_fields: dotted paths of fields that the schema does not name.
    """

    broken: tuple[str, ...]
    value: Mapping[str, Any] | None
    unknown_fields: frozenset[str] = frozenset()


class RowJudge:
    """Judges rows of one source by one contract, exactly.

    Args:
        contract: schema versions and rules.
        source: name of the source, the topic's suffix.
    """

    def __init__(self, contract: Contract, source: str) -> None:
        self._contract = contract
        self._names = {kind: contract.rule(kind).name for kind in ("size", "json", "types", "schema", "text")}
        self._max_bytes = contract.rule("size").max_bytes
        self._order = {rule.name: place for place, rule in enumerate(contract.rules)}
        self._rules = compile_rules(contract, source)

    def judge(self, data: bytes | None, received_at: int | None) -> Judgement:
        """Judge one value.

        Args:
            data: the record's value, None for a tombstone.
            received_at: milliseconds since 1970 of the Kafka timestamp, None where it is not known.
        """
        if data is not None and len(data) > self._max_bytes:
            return Judgement((self._names["size"],), None)
        try:
            value = parse_object(data)
        except NotStrictJsonError:
            return Judgement((self._names["json"],), None)
        schema, is_known_version = self._contract.schema_for(value)
        verdict = Verdict()
        judge_keywords(value, schema, verdict)
        broken = [name for name, is_broken in self._rules if is_broken(value, received_at)]
        if verdict.breaks_types or not (verdict.breaks_schema or fits_column(value, schema)):
            broken.append(self._names["types"])
        if verdict.breaks_schema or not is_known_version:
            broken.append(self._names["schema"])
        if data is not None and not _PLAIN_JSON.fullmatch(data) and any(breaks_text(text) for text in strings_of(value)):
            broken.append(self._names["text"])
        return Judgement(tuple(sorted(broken, key=self._order.__getitem__)), value, frozenset(verdict.unknown_fields))
