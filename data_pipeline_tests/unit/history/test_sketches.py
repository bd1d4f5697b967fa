"""Sketches of parts add up to the sketch of the whole, and show what windows share."""

import uuid

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.validation.history import sketches
from data_pipeline.validation.history.sketches import KEPT, Sketch


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3000), max_size=1500), min_size=1, max_size=4))
def test_parts_add_up(parts):
    series = [pl.Series([str(n) for n in part], dtype=pl.String) for part in parts]
    whole = Sketch.of_strings(pl.concat(series))
    added = sketches.add(Sketch.of_strings(part) for part in series)
    np.testing.assert_array_equal(added.hashes, whole.hashes)
    assert added.is_whole == whole.is_whole


def test_hashes_are_the_same_for_ever():
    """A history that was written by another machine or version has to stay comparable."""
    sketch = Sketch.of_strings(pl.Series(["a", "b", None, "a"]))
    assert sketch.hashes.tolist() == [66433086124461090, 7161585588713464187]


def test_overlap_shows_the_share_of_a_repeated_batch():
    first = [str(uuid.UUID(int=n * 7919 + 1)) for n in range(5000)]
    second = [str(uuid.UUID(int=n * 7919 + 10**9)) for n in range(4500)] + first[:500]
    one, two = Sketch.of_uuids(pl.Series(first)), Sketch.of_uuids(pl.Series(second))
    limit = min(one.limit, two.limit)
    share = np.isin(two.below(limit), one.below(limit)).mean()
    assert len(one.hashes) == KEPT
    assert 0.05 < share < 0.2
