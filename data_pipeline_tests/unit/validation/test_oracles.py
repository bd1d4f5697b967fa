"""jsonschema and pandera, as oracles: they agree with the engine on every row that they can be asked about."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import jsonschema
import polars as pl
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from data_pipeline.contracts.contract import load_contract
from data_pipeline.contracts.ecma import compile_pattern
from data_pipeline.contracts.pandera_schema import failed_rules, pandera_schema
from data_pipeline.validation import validate_table
from data_pipeline.validation.exact.strict_json import NotStrictJsonError, parse_object
from data_pipeline.validation.table import TableValidator
from data_pipeline_tests.unit.validation.rows import FOLDER, SOURCES, Mutator, raw_table

CONTRACT = load_contract("product_event")
ROWS = 4_000


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Any:
    """jsonschema searches with Python's meaning of `$` and `\\s`; the contract says ECMA-262."""
    if isinstance(instance, str) and compile_pattern(pattern).search(instance) is None:
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _is_integer(checker: Any, value: Any) -> bool:
    """jsonschema knows whole floats; the numbers here are Decimals."""
    if isinstance(value, Decimal):
        return value == value.to_integral_value()
    return isinstance(value, int) and not isinstance(value, bool)


TYPES = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
ORACLE = jsonschema.validators.extend(Draft202012Validator, {"pattern": _pattern}, type_checker=TYPES)(
    json.loads((FOLDER / "v1.schema.json").read_text()), format_checker=Draft202012Validator.FORMAT_CHECKER
)


def keyword_rules(data: bytes) -> set[str]:
    return {"types" if error.validator == "type" else "schema" for error in ORACLE.iter_errors(parse_object(data))}


@pytest.mark.parametrize("seed", [101, 102])
def test_jsonschema_agrees_on_types_and_schema(seed: int) -> None:
    mutator = Mutator(seed)
    rows = [data for _, data in (mutator.row() for _ in range(ROWS // 2)) if data is not None and len(data) <= 65_536]
    validated = validate_table(CONTRACT, "web", raw_table(list(rows)))
    ours: list[set[str]] = [set()] * len(rows)
    for offset, rules in zip(validated.quarantine["offset"].to_pylist(), validated.quarantine["rules"].to_pylist(), strict=True):
        ours[offset] = set(rules)
    asked = 0
    for data, rules in zip(rows, ours, strict=True):
        try:
            expected = keyword_rules(data)
        except (NotStrictJsonError, RecursionError):
            continue
        asked += 1
        assert rules & {"types", "schema"} == expected, data
    assert asked > ROWS / 4


def test_pandera_accepts_exactly_the_staged_rows_that_the_engine_accepts() -> None:
    mutator = Mutator(7)
    rows: dict[str, list[bytes | None]] = {source: [] for source in SOURCES}
    for _ in range(ROWS):
        source, data = mutator.row()
        rows[source].append(data)
    for source, values in rows.items():
        staged = TableValidator(CONTRACT, source, use_fast_path=False).validate(raw_table(values)).staged
        assert staged.num_rows > 50
        frame = pl.DataFrame(pl.from_arrow(staged))
        assert failed_rules(pandera_schema(CONTRACT, source), frame) == [[] for _ in range(frame.height)]


def test_every_character_class_of_the_patterns_is_ecma() -> None:
    assert re.search(r"^\d$", "٣")
    assert compile_pattern(r"^\d$").search("٣") is None
    assert compile_pattern("^a$").search("a\n") is None
    assert compile_pattern(r"^\S$").search("\ufeff") is None


FAULTS = {
    "schema": pl.col("user_id").fill_null("").str.replace(".*", "not an identifier!").alias("user_id"),
    "topic": pl.lit("kiosk").alias("source"),
    "required_by_type": pl.lit(None, pl.Struct({"url": pl.String, "title": pl.String, "referrer": pl.String})).alias("page"),
    "required_by_source": pl.lit(None, pl.String).alias("anonymous_id"),
    "clocks": (pl.col("sent_at") + pl.duration(days=1)).alias("occurred_at"),
    "codes": pl.col("context").struct.with_fields(pl.lit("XX").alias("country")),
    "text": pl.col("page").struct.with_fields(pl.lit("tab\t").alias("title")),
    "privacy": pl.col("page").struct.with_fields(pl.lit("jane@mail.example").alias("title")),
}


@pytest.mark.parametrize("rule", FAULTS)
def test_pandera_finds_each_fault_by_its_rule(rule: str) -> None:
    rows: list[bytes | None] = [line for line in (FOLDER / "examples.ndjson").read_bytes().splitlines() if b'"page_view"' in line]
    frame = pl.DataFrame(pl.from_arrow(validate_table(CONTRACT, "web", raw_table(rows)).staged))
    for failed in failed_rules(pandera_schema(CONTRACT, "web"), frame.with_columns(FAULTS[rule])):
        assert failed == (["schema", "topic"] if rule == "topic" else [rule])
