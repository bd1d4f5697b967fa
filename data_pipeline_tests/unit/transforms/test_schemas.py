"""What Spark reads is what the validation stage writes."""

from __future__ import annotations

import pytest
from pyspark.sql.pandas.types import from_arrow_schema

from data_pipeline.contracts.arrow import staged_arrow_schema
from data_pipeline.contracts.contract import load_contract
from data_pipeline.transforms.rules_document import render
from data_pipeline.transforms.schemas import staged_schema


@pytest.mark.usefixtures("spark")
def test_spark_reads_the_columns_that_the_contract_gives() -> None:
    written = {field.name: field.dataType for field in from_arrow_schema(staged_arrow_schema(load_contract("product_event")))}
    assert {field.name: field.dataType for field in staged_schema()} == written


def test_document_tells_each_rule_and_column() -> None:
    text = render()
    for word in ("30 minutes", "31 days", "rounded half up", "### `sessions`", "`is_bounce`", "over several midnights"):
        assert word in text
