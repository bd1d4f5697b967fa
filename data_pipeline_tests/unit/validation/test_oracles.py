"""jsonschema and pandera, as oracles: they agree with the engine on every row that they can be asked about."""

from __future__ import annotations

import re

import polars as pl
import pytest

from data_pipeline.contracts.contract import load_contract
from data_pipeline.contracts.ecma import compile_pattern
from data_pipeline.contracts.pandera_schema import failed_rules, pandera_schema
from data_pipeline.devstack.agreement.agree import agree
from data_pipeline.validation import validate_table
from data_pipeline_tests.unit.validation.rows import FOLDER, raw_table

CONTRACT = load_contract("product_event")
ROWS = 4_000


@pytest.mark.parametrize("seed", [101, 102])
def test_all_engines_agree_on_every_mutated_row(seed: int) -> None:
    found = agree(ROWS, seed)
    assert found.disagreements == {}, found.examples
    assert found.rows == ROWS
    assert {rule.name for rule in CONTRACT.rules} - set(found.by_rule) <= {"codes"}
    assert found.asked["exact"] == ROWS
    assert found.asked["jsonschema"] > ROWS / 2
    assert found.asked["pandera"] > ROWS / 3
    assert ROWS * 0.1 < found.accepted < ROWS * 0.9


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
