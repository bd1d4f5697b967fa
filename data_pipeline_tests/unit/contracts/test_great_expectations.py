"""The rendered suite, run by the real Great Expectations: its verdicts are the engine's, for all that it can say."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from data_pipeline.common.errors import PermanentError
from data_pipeline.contracts.arrow import arrow_value, staged_arrow_schema
from data_pipeline.contracts.contract import load_contract
from data_pipeline.contracts.great_expectations_environment import ensure_environment, run_suite
from data_pipeline.contracts.great_expectations_suite import WHOLE_RULES, flat_columns, great_expectations_suite
from data_pipeline.devstack.agreement.agree import RECEIVED_AT, can_be_typed
from data_pipeline.devstack.agreement.mutate import Mutator
from data_pipeline.devstack.agreement.oracles import is_exact_for_pandera
from data_pipeline.settings import PROJECT_ROOT
from data_pipeline.validation.exact.judge import RowJudge

CONTRACT = load_contract("product_event")
ENVIRONMENT = PROJECT_ROOT / ".cache" / "great-expectations"
RECEIVED_MS = int(RECEIVED_AT.timestamp() * 1000)
ROWS = 2_000


@pytest.fixture(scope="module")
def environment() -> None:
    try:
        ensure_environment(ENVIRONMENT)
    except PermanentError as error:
        pytest.skip(str(error))


def typed_rows(source: str) -> tuple[pl.DataFrame, list[set[str]]]:
    """Mutated rows that have typed columns, and the rules that the engine says each breaks."""
    judge, mutator = RowJudge(CONTRACT, source), Mutator(41)
    rows: list[dict[str, Any]] = []
    broken: list[set[str]] = []
    for _ in range(ROWS):
        _, data = mutator.row()
        judgement = judge.judge(data, RECEIVED_MS)
        if judgement.value is None or "types" in judgement.broken or not can_be_typed(judgement.value):
            continue
        if not is_exact_for_pandera(judgement.value):
            continue
        try:
            columns = arrow_value(judgement.value, CONTRACT.latest, CONTRACT.latest)
        except RecursionError:
            continue
        rows.append({**columns, "received_at": RECEIVED_MS})
        broken.append(set(judgement.broken))
    return pl.DataFrame(pa.Table.from_pylist(rows, schema=staged_arrow_schema(CONTRACT))), broken


@pytest.mark.usefixtures("environment")
def test_great_expectations_agrees() -> None:
    source = "ios"
    frame, broken = typed_rows(source)
    assert frame.height > ROWS / 4
    failed = run_suite(great_expectations_suite(CONTRACT, source), flat_columns(CONTRACT, frame), ENVIRONMENT)
    for rule in WHOLE_RULES:
        ours = {row for row, rules in enumerate(broken) if rule in rules}
        assert failed.get(rule, set()) == ours, rule
        assert ours, rule
    for rule in ("schema", "text", "privacy"):
        ours = {row for row, rules in enumerate(broken) if rule in rules}
        assert failed.get(rule, set()) <= ours, rule
    assert len(failed["schema"]) > 100
    assert failed["text"]
