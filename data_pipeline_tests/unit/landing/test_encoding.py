"""Raw objects: every byte of a record is kept, and the same records give the same bytes however they arrived."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_NOT_AVAILABLE, Message
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.landing import blocks
from data_pipeline.landing.blocks import BlockBuilder
from data_pipeline.landing.encoding import ObjectWriter, ParquetSettings
from data_pipeline.landing.plain_source import rows_of
from data_pipeline.landing.rows import RAW_SCHEMA, Bytes, Rows, to_record_batch
from data_pipeline.landing.rows import Headers as HeaderColumns

Headers = list[tuple[str, bytes | None]] | None


@dataclass
class Row:
    offset: int
    timestamp: tuple[int, int]
    key: bytes | None
    value: bytes | None
    headers: Headers


def _message(row: Row) -> Message:
    message = Message(topic="t", partition=7, offset=row.offset, key=row.key, value=row.value, headers=row.headers, timestamp=row.timestamp)
    assert message.offset() == row.offset
    return message


HEADERS = st.none() | st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=5)), max_size=3)
ROWS = st.lists(
    st.builds(
        Row,
        st.just(0),
        st.sampled_from(
            [
                (TIMESTAMP_CREATE_TIME, 0),
                (TIMESTAMP_CREATE_TIME, 4_102_444_800_000),
                (TIMESTAMP_NOT_AVAILABLE, -1),
                (TIMESTAMP_CREATE_TIME, -1),
            ]
        ),
        st.none() | st.binary(max_size=9),
        st.none() | st.binary(max_size=40),
        HEADERS | st.just([("schema_version", b"1")]),
    ),
    min_size=1,
    max_size=60,
)


def _encode(rows: list[Row], cuts: list[int]) -> bytes:
    builder, writer = BlockBuilder(7), ObjectWriter(ParquetSettings())
    start = 0
    for cut in [*sorted(cuts), len(rows)]:
        if cut > start:
            for block in builder.append(rows_of([_message(row) for row in rows[start:cut]])):
                writer.add(block)
            start = cut
    for block in builder.rest():
        writer.add(block)
    assert writer.row_count == len(rows)
    return writer.finish()


@settings(max_examples=60)
@given(ROWS, st.lists(st.integers(0, 60), max_size=8), st.lists(st.integers(0, 60), max_size=8))
def test_bytes_depend_on_the_records_alone(rows: list[Row], cuts: list[int], others: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_ROWS", 7)
        patch.setattr(blocks, "BLOCK_BYTES", 90)
        for offset, row in enumerate(rows):
            row.offset = 3 * offset
        cuts, others = [min(cut, len(rows)) for cut in cuts], [min(cut, len(rows)) for cut in others]
        data = _encode(rows, cuts)
        assert data == _encode(rows, others)
    table = pq.read_table(io.BytesIO(data))
    assert table.schema.names == RAW_SCHEMA.names
    assert [field.type for field in table.schema][:5] == [field.type for field in RAW_SCHEMA][:5]
    for read, row in zip(table.to_pylist(), rows, strict=True):
        has_time = row.timestamp[0] != TIMESTAMP_NOT_AVAILABLE and row.timestamp[1] >= 0
        assert (read["partition"], read["offset"], read["key"], read["value"]) == (7, row.offset, row.key, row.value)
        assert read["headers"] == [{"key": key, "value": value} for key, value in row.headers or []]
        assert (read["received_at"] is not None) == has_time
        if has_time:
            assert round(read["received_at"].timestamp() * 1000) == row.timestamp[1]


def test_large_values_end_a_block_early() -> None:
    builder = BlockBuilder(0)
    rows = [Row(n, (TIMESTAMP_CREATE_TIME, 1), None, b"x" * 1_000_000, None) for n in range(40)]
    blocks = [block for row in rows for block in builder.append(rows_of([_message(row)]))]
    assert [block.last_offset for block in blocks] == [16, 33]
    assert sum(block.size_bytes for block in blocks) == 34_000_000
    assert [block.batch.num_rows for block in builder.rest()] == [6]


def test_a_header_key_that_is_no_text_is_escaped() -> None:
    count = np.array([1], np.int32)
    one = Bytes(b"v", count, None)
    headers = HeaderColumns(count, Bytes(b"k\xff", np.array([2], np.int32), None), one)
    rows = Rows(np.array([5]), np.array([TIMESTAMP_CREATE_TIME]), np.array([1]), one, one, headers)
    assert to_record_batch(0, [rows]).column("headers").to_pylist() == [[{"key": "k\\xff", "value": b"v"}]]
