"""What two days share: sessions across a midnight, and event ids that occur on both.

Each day records a digest of what it shares with another. As long as both record the same, neither has to be built
again because the other was; where they differ, the one that was built earlier is out of date (`stale.py`).

Belongs here: those digests. Does not: deciding what is stale.
"""

from __future__ import annotations

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from data_pipeline.common.windows import midnight
from data_pipeline.transforms.deduplicate import LINEAGE


def crossing_digests(events: DataFrame, day: date) -> dict[str, str]:
    """`start` and `end`: digest of the sessions with events on both sides of that midnight of the day; absent for none.

    Args:
        events: rows with `session_id`; every event of each session that touches the day.
        day: the day.
    """
    midnights = {"start": midnight(day), "end": midnight(day + timedelta(days=1))}
    sessions = (
        events.where(F.col("session_id").isNotNull())
        .groupBy("session_id")
        .agg(
            F.min("occurred_at").alias("first"),
            F.max("occurred_at").alias("last"),
            _sum(F.xxhash64("session_id", "event_id", *LINEAGE)).alias("rows"),
        )
    )
    sums = []
    for name, instant in midnights.items():
        crosses = (F.col("first") < F.lit(instant)) & (F.col("last") >= F.lit(instant))
        sums.append(F.sum(F.when(crosses, F.col("rows"))).alias(name))
    found = sessions.agg(*sums).first()
    return {} if found is None else {name: str(found[name]) for name in midnights if found[name] is not None}


def collision_digests(contested: DataFrame, day: date) -> dict[str, str]:
    """Other day to digest of the rows that share an `event_id` with rows of the day; the other day finds the same digest.

    Args:
        contested: rows whose `event_id` is not alone, as of `deduplicate`.
        day: the day.
    """
    rows = contested.select(
        "event_id",
        F.to_date("occurred_at").alias("event_date"),
        F.xxhash64("event_id", "received_at", *LINEAGE, "content_hash").alias("row"),
    )
    ours = rows.where(F.col("event_date") == F.lit(day)).select("event_id", F.col("row").alias("our_row"))
    theirs = rows.where(F.col("event_date") != F.lit(day))
    pairs = ours.join(theirs, "event_id").groupBy("event_date").agg((_sum(F.col("our_row")) + _sum(F.col("row"))).alias("rows"))
    return {row["event_date"].isoformat(): str(row["rows"]) for row in pairs.orderBy("event_date").collect()}


def _sum(number: Column) -> Column:
    # Decimal: a sum of 64-bit hashes does not fit into 64 bits.
    return F.sum(number.cast("decimal(20,0)"))
