"""The offset grid."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.common.errors import PermanentError
from data_pipeline.landing.chunks import Chunk, OffsetRange, contiguous_runs, cut_range, cut_whole_chunks

OFFSETS = st.integers(0, 10_000)
GRIDS = st.integers(1, 700)


@given(OFFSETS, OFFSETS, GRIDS)
def test_chunks_cover_a_range_once_and_end_on_the_grid(start: int, length: int, grid: int) -> None:
    chunks = list(cut_range(3, start, start + length, grid))
    assert [offset for chunk in chunks for offset in range(chunk.first, chunk.last + 1)] == list(range(start, start + length))
    assert all((chunk.last + 1) % grid == 0 for chunk in chunks[:-1])
    assert all(chunk.offset_count <= grid for chunk in chunks)


@given(OFFSETS, st.integers(0, 3000), st.integers(0, 3000), GRIDS)
def test_chunks_of_the_open_hour_are_chunks_of_the_closed_one(start: int, so_far: int, more: int, grid: int) -> None:
    """Or a killed run would leave an object that the finished hour does not name."""
    opened = list(cut_whole_chunks(0, start, start + so_far, grid))
    closed = list(cut_range(0, start, start + so_far + more, grid))
    assert opened == closed[: len(opened)]


@given(st.sets(st.integers(0, 60), max_size=40), st.integers(1, 9))
def test_runs_hold_every_chunk_once_and_have_no_holes(numbers: set[int], longest: int) -> None:
    ranges = [OffsetRange(number // 20, number * 10, number * 10 + 9) for number in numbers]
    runs = contiguous_runs(ranges, longest)
    assert sorted(item for run in runs for item in run) == sorted(ranges)
    for run in runs:
        assert len(run) <= longest
        assert all(a.partition == b.partition and a.last + 1 == b.first for a, b in pairwise(run))


def test_names_hold_the_numbers() -> None:
    offsets = OffsetRange(3, 250_000, 499_999)
    assert offsets.object_name == "3-250000-499999.parquet"
    assert OffsetRange.of_object(f"raw/x/{offsets.object_name}") == offsets
    with pytest.raises(PermanentError, match=r"part-0\.parquet is not named"):
        OffsetRange.of_object("raw/part-0.parquet")
    with pytest.raises(PermanentError, match="5 to 4"):
        OffsetRange(0, 5, 4)


def test_a_chunk_survives_json() -> None:
    document = {"source": "web", "hour": "2026-03-14T09", "topic": "t", "topic_id": "i", "partition": 1, "first": 2, "last": 3}
    assert Chunk.from_json(document).to_json() == document
    with pytest.raises(PermanentError, match="it needs source, hour, topic"):
        Chunk.from_json({"source": "web"})
