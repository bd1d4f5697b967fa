"""Staged rows as a DataFrame: exactly the objects that manifests name.

Belongs here: from manifests to a DataFrame. Does not: which hours (`staged_hours.py`), what is done with the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from data_pipeline.common.object_store import ObjectStore
from data_pipeline.common.windows import midnight
from data_pipeline.transforms.schemas import staged_schema
from data_pipeline.transforms.staged_hours import StagedHour


def spark_url(url: str) -> str:
    """The address by which Spark reads and writes what a manifest names."""
    return f"s3a://{url.removeprefix('s3://')}" if url.startswith("s3://") else url


def read_objects(spark: SparkSession, store: ObjectStore, keys: Sequence[str], schema: StructType) -> DataFrame:
    """Parquet objects by key; an empty frame for none."""
    if not keys:
        return spark.createDataFrame([], schema)
    return spark.read.schema(schema).parquet(*(spark_url(store.url(key)) for key in keys))


def read_staged(spark: SparkSession, store: ObjectStore, hours: Iterable[StagedHour]) -> DataFrame:
    """All staged rows of the hours."""
    keys = [entry.key for staged in hours for entry in staged.manifest.entries if entry.row_count]
    return read_objects(spark, store, keys, staged_schema())


def is_of_days(first: date, last: date) -> Column:
    """Whether a row's `occurred_at` lies on one of the days from first to last, both included."""
    return (F.col("occurred_at") >= F.lit(midnight(first))) & (F.col("occurred_at") < F.lit(midnight(last + timedelta(days=1))))
