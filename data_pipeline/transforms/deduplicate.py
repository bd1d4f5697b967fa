"""One row an event: re-sends are counted, conflicts of an `event_id` are set aside.

Belongs here: which of several rows with one `event_id` is kept. Does not: reading, writing, other tables.

Only rows whose id occurs more than once are shuffled: ids are first counted by their 64-bit hash, so a day of
unique events costs eight bytes a row. A hash that two ids share only adds rows to the exact second step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

COMPARED_DAYS = 31
"""An event is compared with all that arrived in so many days before it."""

LINEAGE = ["source", "kafka_partition", "kafka_offset"]
SLIM = ["event_id", "event_type", "source", "occurred_at", "received_at", "kafka_partition", "kafka_offset", "content_hash"]
"""What it takes to judge a row."""

_HASH = "_event_id_hash"
_DAY_MS = 86_400_000


@dataclass(frozen=True)
class Deduplicated:
    """What became of rows.

    Attributes:
        kept: one row an event, with all columns.
        duplicates: re-sends of a kept event, in the columns SLIM with `kept_…`.
        conflicts: rows with the id of another event, in the same columns.
        contested: every row whose id (or the hash of it) is not alone, in the columns SLIM with `is_ours`: true for those of `rows`.
    """

    kept: DataFrame
    duplicates: DataFrame
    conflicts: DataFrame
    contested: DataFrame


def deduplicate(rows: DataFrame, compared: DataFrame | None = None) -> Deduplicated:
    """Keep the first received row of each `event_id`.

    First received is by `received_at`, then source, partition and offset. A row is compared with those of its id that
    arrived up to 31 days before it; of equal content (`content_hash`) it is a duplicate, else a conflict.

    Args:
        rows: staged rows.
        compared: other staged rows (at least the columns SLIM) that they are compared with, such as those of other
            days; none of `rows`.
    """
    contested = _contested(rows, compared).persist()
    lost = lost_rows(contested).where("is_ours").persist()
    return Deduplicated(
        kept=rows.join(lost.select(*LINEAGE), LINEAGE, "left_anti"),
        duplicates=lost.where(~F.col("is_conflict")),
        conflicts=lost.where("is_conflict"),
        contested=contested,
    )


def lost_rows(contested: DataFrame) -> DataFrame:
    """The rows that are not the first of their `event_id`, with the first one's lineage and whether contents differ.

    Args:
        contested: all rows of the ids in question, columns SLIM and others.
    """
    received_ms = F.unix_millis("received_at")
    of_id = Window.partitionBy("event_id")
    spread = contested.withColumn("_spread", F.max(received_ms).over(of_id) - F.min(received_ms).over(of_id))
    until_now = of_id.orderBy(received_ms)
    # A growing frame is linear in the copies of an id, a sliding one is quadratic: only ids spread over more days need it.
    reach = COMPARED_DAYS * _DAY_MS
    near = _with_first(spread.where(F.col("_spread") <= reach), until_now.rangeBetween(Window.unboundedPreceding, 0))
    far = _with_first(spread.where(F.col("_spread") > reach), until_now.rangeBetween(-reach, 0))
    return (
        near.unionByName(far)
        .where(~_same_row("_first"))
        .select(
            *contested.columns,
            F.col("_first.source").alias("kept_source"),
            F.col("_first.kafka_partition").alias("kept_kafka_partition"),
            F.col("_first.kafka_offset").alias("kept_kafka_offset"),
            (F.col("content_hash") != F.col("_first.content_hash")).alias("is_conflict"),
        )
    )


def conflicts_table(conflicts: DataFrame) -> DataFrame:
    """Rows of the catalogue's table `conflicts`."""
    return conflicts.select(
        F.to_date("occurred_at").alias("event_date"),
        "event_id",
        "source",
        "event_type",
        "occurred_at",
        "received_at",
        "kept_source",
        "kept_kafka_partition",
        "kept_kafka_offset",
        "kafka_partition",
        "kafka_offset",
    )


def _contested(rows: DataFrame, compared: DataFrame | None) -> DataFrame:
    def hashes(frame: DataFrame, is_ours: int) -> DataFrame:
        return frame.select(F.xxhash64("event_id").alias(_HASH), F.lit(is_ours).alias("is_ours"))

    counted = hashes(rows, 1) if compared is None else hashes(rows, 1).unionAll(hashes(compared, 0))
    more_than_one = (
        counted.groupBy(_HASH)
        .agg(F.count("*").alias("n"), F.max("is_ours").alias("is_ours"))
        .where((F.col("n") > 1) & (F.col("is_ours") == 1))
        .select(_HASH)
    )
    slim = rows.select(*SLIM, F.lit(True).alias("is_ours"))
    if compared is not None:
        slim = slim.unionByName(compared.select(*SLIM, F.lit(False).alias("is_ours")))
    return slim.withColumn(_HASH, F.xxhash64("event_id")).join(more_than_one, _HASH, "left_semi").drop(_HASH)


def _with_first(rows: DataFrame, frame: object) -> DataFrame:
    first = F.min(F.struct("received_at", *LINEAGE, "content_hash"))
    return rows.withColumn("_first", first.over(frame))


def _same_row(struct: str) -> Column:
    return reduce(lambda left, right: left & right, (F.col(name) == F.col(f"{struct}.{name}") for name in LINEAGE))
