"""The fast path never accepts what the exact path rejects, and reads every value as the exact path does."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest

from data_pipeline.contracts.contract import load_contract
from data_pipeline.validation.table import TableValidator
from data_pipeline_tests.unit.validation.rows import EXAMPLES, SOURCES, Mutator, encode, raw_table

CONTRACT = load_contract("product_event")
MUTATED_ROWS = 12_000


@pytest.fixture(scope="module")
def validators() -> dict[str, tuple[TableValidator, TableValidator]]:
    return {
        source: (TableValidator(CONTRACT, source, use_fast_path=True), TableValidator(CONTRACT, source, use_fast_path=False))
        for source in SOURCES
    }


@pytest.mark.parametrize("seed", range(3))
def test_both_paths_agree_on_mutated_rows(validators: dict[str, tuple[TableValidator, TableValidator]], seed: int) -> None:
    mutator = Mutator(seed)
    rows: dict[str, list[bytes | None]] = {source: [] for source in SOURCES}
    for _ in range(MUTATED_ROWS // 3):
        source, data = mutator.row()
        rows[source].append(data)
    accepted = 0
    for source, values in rows.items():
        fast, exact = (validator.validate(raw_table(values)) for validator in validators[source])
        by_offset = fast.staged.sort_by("kafka_offset")
        for name in exact.staged.column_names:
            ours, theirs = by_offset.column(name).to_pylist(), exact.staged.column(name).to_pylist()
            for row, (one, other) in enumerate(zip(ours, theirs, strict=True)):
                assert one == other, (name, values[exact.staged_rows[row]])
        assert by_offset.equals(exact.staged)
        assert fast.quarantine.equals(exact.quarantine)
        assert (fast.by_rule, fast.unknown_fields) == (exact.by_rule, exact.unknown_fields)
        assert sorted(fast.staged_rows) == sorted(exact.staged_rows)
        accepted += exact.staged.num_rows
    assert MUTATED_ROWS / 3 * 0.1 < accepted < MUTATED_ROWS / 3 * 0.9


def test_ordinary_rows_are_not_doubtful(validators: dict[str, tuple[TableValidator, TableValidator]]) -> None:
    for source in SOURCES:
        values: list[bytes | None] = [encode(row) for row in EXAMPLES if row["source"] == source]
        path = validators[source][0]._fast
        assert path is not None
        accepted = path.judge(raw_table(values))
        assert not accepted.is_doubtful.any()


def test_items_beyond_the_first_capacity_are_all_there(validators: dict[str, tuple[TableValidator, TableValidator]]) -> None:
    order = next(row for row in EXAMPLES if row["event_type"] == "checkout_start")
    order["cart"]["items"] = [{"product_id": f"p{number}", "quantity": 1, "unit_price": number / 4} for number in range(200)]
    fast = validators["web"][0].validate(raw_table([encode(order)] * 5))
    assert [item["unit_price"] for item in fast.staged["cart"][4].as_py()["items"]] == [number / 4 for number in range(200)]


def test_chunked_and_sliced_input_is_read_whole(validators: dict[str, tuple[TableValidator, TableValidator]]) -> None:
    values: list[bytes | None] = [encode(row) for row in EXAMPLES if row["source"] == "web"]
    table = pa.concat_tables([raw_table(values).slice(1), raw_table([None]), raw_table(values).slice(0, 2)])
    fast, exact = (validator.validate(table) for validator in validators["web"])
    assert Counter(fast.staged["event_id"].to_pylist()) == Counter(exact.staged["event_id"].to_pylist())
    assert fast.staged.num_rows == len(values) + 1
