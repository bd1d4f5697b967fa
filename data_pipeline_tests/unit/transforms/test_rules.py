"""The pure functions against plain Python, over random worlds; and the rules one by one."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from data_pipeline_tests.staged_data import staged_table
from data_pipeline_tests.unit.transforms import oracle
from data_pipeline_tests.unit.transforms.compare import differences
from data_pipeline_tests.unit.transforms.worlds import make_world

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession


def frame(spark: SparkSession, folder: Path, rows: list[dict[str, Any]]) -> DataFrame:
    """Rows as the staged Parquet that the stage reads."""
    import pyarrow.parquet as pq

    from data_pipeline.transforms.schemas import staged_schema

    path = folder / "staged.parquet"
    pq.write_table(staged_table(rows), path)
    return spark.read.schema(staged_schema()).parquet(str(path))


def batch(rows: DataFrame) -> dict[str, list[dict[str, Any]]]:
    """All tables over all rows in one batch."""
    from data_pipeline.transforms.deduplicate import conflicts_table, deduplicate
    from data_pipeline.transforms.events import flatten
    from data_pipeline.transforms.identities import identities
    from data_pipeline.transforms.order_items import order_items
    from data_pipeline.transforms.sessions import sessions_table, with_sessions

    unique = deduplicate(rows)
    events = with_sessions(flatten(unique.kept)).persist()
    found = {
        "events": events,
        "duplicates": unique.duplicates.selectExpr("to_date(occurred_at) AS event_date", "kafka_offset"),
        "conflicts": conflicts_table(unique.conflicts),
        "sessions": sessions_table(events, None, is_final=True),
        "order_items": order_items(unique.kept),
        "identities": identities(events),
    }
    return {name: table.toArrow().to_pylist() for name, table in found.items()}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_batch_is_what_plain_python_says(spark: SparkSession, tmp_path: Path, seed: int) -> None:
    rows = make_world(seed, visitors=150)
    expected = oracle.tables(rows)
    assert all(len(table) > 20 for table in expected.values()), "the world must exercise every table"
    random.Random(seed).shuffle(rows)
    assert differences(batch(frame(spark, tmp_path, rows)), expected) == {}
