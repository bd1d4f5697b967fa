"""One row an event_id within the rows at hand: re-sends are counted, conflicts are named.

Belongs here: the rules re-send and conflict for rows in memory. Does not: the same over 31 days (`transforms/`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from data_pipeline.validation.exact.batch import IntArray

EVENT_ID = "event_id"
CONFLICT_RULE = "event_id_conflict"
DEDUPLICATE_STAGE = "deduplicate"


@dataclass(frozen=True)
class Deduplicated:
    """Positions in a staged table.

    Attributes:
        kept: of the first received row of each event_id, in the table's order.
        duplicates: of later rows with the same content.
        conflicts: of later rows with other content.
    """

    kept: IntArray
    duplicates: IntArray
    conflicts: IntArray


def deduplicate(staged: pa.Table) -> Deduplicated:
    """Sort out the rows of a staged table by event_id; all are kept where the contract has none."""
    if EVENT_ID not in staged.column_names:
        nothing = np.array([], np.int64)
        return Deduplicated(np.arange(staged.num_rows), nothing, nothing)
    arrival = ["received_at", "kafka_partition", "kafka_offset"]
    rows = pl.DataFrame(pl.from_arrow(staged.select([EVENT_ID, "content_hash", *arrival]))).with_row_index("row")
    rows = rows.sort([*arrival, "row"], nulls_last=False).with_columns(
        is_first=pl.col(EVENT_ID).is_first_distinct() | pl.col(EVENT_ID).is_null(),
        is_same=(pl.col("content_hash") == pl.col("content_hash").first().over(EVENT_ID)),
    )

    def positions(condition: pl.Expr) -> IntArray:
        return np.sort(rows.filter(condition)["row"].to_numpy()).astype(np.int64)

    later = ~pl.col("is_first")
    return Deduplicated(positions(pl.col("is_first")), positions(later & pl.col("is_same")), positions(later & ~pl.col("is_same")))
