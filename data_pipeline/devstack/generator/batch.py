"""Records as they would land, with what is known about them.

Belongs here: the batch that generator and real input share. Does not: where its rows come from or go to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_pipeline.common.windows import Hour
from data_pipeline.devstack.generator.hashing import I64

RAW_SCHEMA = pa.schema(
    [
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("received_at", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("key", pa.binary()),
        pa.field("value", pa.binary()),
        pa.field("headers", pa.list_(pa.struct([pa.field("key", pa.string()), pa.field("value", pa.binary())]))),
    ]
)
EVENT_ID_CONFLICT = "event_id_conflict"
"""The one rule here that no row breaks alone: it carries the event_id of an earlier one with other content."""
UNREADABLE = -1
_HEADERS = pa.array([[{"key": "schema_version", "value": b"1"}]], RAW_SCHEMA.field("headers").type)


@dataclass(frozen=True)
class RawBatch:
    """Records of one source and hour, in order of `received_at`.

    Attributes:
        source: whose topic they are for.
        hour: hour of arrival.
        table: the records in the columns of the raw layer (`RAW_SCHEMA`).
        rules: list<string>, for each record the rules that it breaks by construction, `event_id_conflict` among them.
        event_types: number into `catalogue.EVENT_TYPES` of what each record was before it was broken, UNREADABLE for none.
        event_days: day of `occurred_at` since 1970, likewise.
        is_duplicate: whether the record is a re-send of one that this run sent before.
    """

    source: str
    hour: Hour
    table: pa.Table
    rules: pa.ListArray
    event_types: I64
    event_days: I64
    is_duplicate: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return int(self.table.num_rows)


class OffsetCounter:
    """Next offset of each partition of one topic, from 0."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}

    def take(self, partitions: I64) -> I64:
        """Offsets of records that are appended in this order."""
        offsets = np.empty(len(partitions), dtype=np.int64)
        for partition in np.unique(partitions).tolist():
            rows = np.flatnonzero(partitions == partition)
            first = self._next.get(partition, 0)
            offsets[rows] = first + np.arange(len(rows))
            self._next[partition] = first + len(rows)
        return offsets


def raw_table(partitions: I64, offsets: I64, received_at: I64, keys: pa.Array, values: pa.Array) -> pa.Table:
    """Columns of the raw layer; `received_at` in milliseconds since 1970."""
    headers = _HEADERS.take(pa.array(np.zeros(len(partitions), dtype=np.int64)))
    instants = pa.array(received_at, pa.timestamp("ms")).cast(RAW_SCHEMA.field("received_at").type)
    columns = [pa.array(partitions.astype(np.int32)), pa.array(offsets), instants, keys, values, headers]
    return pa.Table.from_arrays(columns, schema=RAW_SCHEMA)


def rule_lists(count: int, broken: Sequence[tuple[int, tuple[str, ...]]]) -> pa.ListArray:
    """Rules of each of `count` rows, from (row, rules) in order of row."""
    lengths = np.zeros(count, dtype=np.int32)
    for row, rules in broken:
        lengths[row] = len(rules)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    names = [rule for _, rules in broken for rule in rules]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(names, pa.string()))


def merge_batches(batches: Sequence[RawBatch], offsets: OffsetCounter) -> RawBatch:
    """Records of several batches of one source and hour, in order of `received_at`, with new offsets."""
    table = pa.concat_tables([batch.table for batch in batches]).combine_chunks()
    received_at = table["received_at"].cast(pa.int64()).to_numpy()
    order = np.argsort(received_at, kind="stable")
    table = table.take(order)
    partitions = table["partition"].to_numpy()
    table = table.set_column(1, RAW_SCHEMA.field("offset"), pa.array(offsets.take(partitions.astype(np.int64))))
    return RawBatch(
        batches[0].source,
        batches[0].hour,
        table,
        pa.concat_arrays([batch.rules for batch in batches]).take(pa.array(order)),
        np.concatenate([batch.event_types for batch in batches])[order],
        np.concatenate([batch.event_days for batch in batches])[order],
        np.concatenate([batch.is_duplicate for batch in batches])[order],
    )
