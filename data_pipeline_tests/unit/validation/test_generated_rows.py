"""Generated traffic with faults: what the generator broke by construction is what quarantine says, row by row."""

from __future__ import annotations

import pytest

from data_pipeline.common.windows import Hour
from data_pipeline.contracts.contract import load_contract
from data_pipeline.devstack.generator.batch import EVENT_ID_CONFLICT
from data_pipeline.devstack.generator.generate import generate_hours
from data_pipeline.validation.table import TableValidator

CONTRACT = load_contract("product_event")


@pytest.mark.parametrize("use_fast_path", [False, True])
@pytest.mark.parametrize("source", ["web", "ios", "android", "server"])
def test_every_fault_is_named_and_nothing_else(source: str, use_fast_path: bool) -> None:
    validator = TableValidator(CONTRACT, source, use_fast_path=use_fast_path)
    batches = list(generate_hours(source, [Hour.parse("2026-03-14T09")], 100_000, 11, 0.3, exact_count=1_500))
    assert sum(map(len, batches)) == 1_500
    for batch in batches:
        quarantine = validator.validate(batch.table).quarantine
        place = {key: row for row, key in enumerate(zip(*(batch.table[name].to_pylist() for name in ("partition", "offset")), strict=True))}
        found: list[set[str]] = [set() for _ in range(len(batch))]
        for partition, offset, rules in zip(*(quarantine[name].to_pylist() for name in ("partition", "offset", "rules")), strict=True):
            found[place[partition, offset]] = set(rules)
        assert found == [set(rules or ()) - {EVENT_ID_CONFLICT} for rules in batch.rules.to_pylist()]
