"""jsonschema and pandera as oracles of the engine's verdicts.

Belongs here: asking them, and what they cannot be asked. Does not: comparing (`agree.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import jsonschema
import polars as pl
import pyarrow as pa
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from data_pipeline.contracts.arrow import arrow_value, staged_arrow_schema
from data_pipeline.contracts.contract import Contract
from data_pipeline.contracts.ecma import compile_pattern
from data_pipeline.contracts.pandera_schema import failed_rules, pandera_schema

PANDERA_RULES = frozenset({"topic", "required_by_type", "required_by_source", "clocks", "os_by_source", "money", "codes"})
"""Rules whose verdict pandera shares exactly on typed columns. `schema` and `text` it knows in part (typed instants carry no pattern,
items and unknown fields are not looked through): what it finds there the engine must have found. `privacy` is asked of staged rows."""
PANDERA_PARTLY = frozenset({"schema", "text"})
_LARGEST_AMOUNT = Decimal(10) ** 12


def keyword_oracle(contract: Contract) -> Callable[[Any], frozenset[str]]:
    """Which of `types` and `schema` a parsed value breaks, by jsonschema with the contract's own reading of patterns and numbers."""
    types = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
    document = json.loads((contract.folder / "v1.schema.json").read_text())
    validator = jsonschema.validators.extend(Draft202012Validator, {"pattern": _pattern}, type_checker=types)(  # type: ignore[no-untyped-call]
        document, format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    return lambda value: frozenset("types" if error.validator == "type" else "schema" for error in validator.iter_errors(value))


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Any:
    """Searching as ECMA-262 does; jsonschema takes Python's meaning of `$` and of classes."""
    if isinstance(instance, str) and compile_pattern(pattern).search(instance) is None:
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _is_integer(checker: Any, value: Any) -> bool:
    """Whole Decimals are integers; jsonschema itself knows that of floats only."""
    if isinstance(value, Decimal):
        return value == value.to_integral_value()
    return isinstance(value, int) and not isinstance(value, bool)


class PanderaOracle:
    """Pandera's verdicts on rows of one source that were typed from their parsed values.

    Args:
        contract: with one version.
        source: name of the source.
    """

    def __init__(self, contract: Contract, source: str) -> None:
        self._contract = contract
        self._schema = pandera_schema(contract, source)
        self._columns = staged_arrow_schema(contract)

    def ask(self, values: Sequence[Mapping[str, Any]], received_at: Sequence[int | None]) -> list[set[str]]:
        """Rules that each row breaks."""
        if not values:
            return []
        node = self._contract.latest
        rows = [{**arrow_value(value, node, node), "received_at": received} for value, received in zip(values, received_at, strict=True)]
        return [set(rules) for rules in failed_rules(self._schema, pl.DataFrame(pa.Table.from_pylist(rows, schema=self._columns)))]


def is_exact_for_pandera(value: Any) -> bool:
    """Whether all amounts have six decimals at most and are no larger than its whole numbers can count."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, Mapping):
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
        elif isinstance(item, Decimal):
            exponent = item.as_tuple().exponent
            if not isinstance(exponent, int) or exponent < -6 or item.copy_abs() >= _LARGEST_AMOUNT:
                return False
        elif isinstance(item, int) and abs(item) >= _LARGEST_AMOUNT:
            return False
    return True
