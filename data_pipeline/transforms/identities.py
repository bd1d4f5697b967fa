"""The table `identities`: which account a browser or device was seen with.

Belongs here: the pairs of a day. Does not: intervals over days (dbt builds them from these rows).
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def identities(events: DataFrame) -> DataFrame:
    """One row an `anonymous_id` and `user_id` that stood in one event on a day, with first and last touch.

    Args:
        events: rows of the table `events`.
    """
    return (
        events.where(F.col("anonymous_id").isNotNull() & F.col("user_id").isNotNull())
        .groupBy("event_date", "anonymous_id", "user_id")
        .agg(
            F.min("occurred_at").alias("first_seen_at"),
            F.max("occurred_at").alias("last_seen_at"),
            F.count("*").alias("event_count"),
        )
    )
