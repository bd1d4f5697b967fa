"""A profile survives storage, adds up from chunks, and takes in any window, an empty one too."""

from datetime import UTC, datetime

import polars as pl
import pytest

from data_pipeline.common.errors import PermanentError
from data_pipeline.validation.history import Profile, ProfileBuilder, Window, build_profile
from data_pipeline.validation.history.sample import Sample
from data_pipeline_tests.unit.history.synthesis import STAGED_SCHEMA, World, staged

DAY = datetime(2026, 3, 14, tzinfo=UTC)
ADDITIVE = ["null_rate", "length", "number", "clock_lag", "precision", "late_rows", "text_form", "arrival_hour"]


@pytest.fixture(scope="module")
def rows():
    return staged(World(rows_a_day=800).day(DAY))


def test_round_trip(rows):
    profile, _ = build_profile("web", "2026-03-14", rows, [["schema"], ["schema", "clocks"]], {"experiment": 3})
    again = Profile.from_parquet(profile.to_parquet(), "here")
    assert again is not None
    assert (again.source, again.window, again.rows_in, again.rows_staged) == ("web", Window.parse("2026-03-14"), len(rows) + 2, len(rows))
    assert again.cells.sort(pl.all()).equals(profile.cells.sort(pl.all()))
    assert {name: sketch.hashes.tolist() for name, sketch in again.sketches.items()} == {
        name: sketch.hashes.tolist() for name, sketch in profile.sketches.items()
    }


def test_chunks_add_up(rows):
    whole, orders = build_profile("web", "2026-03-14", rows)
    builder = ProfileBuilder("web", "2026-03-14")
    for part in (rows[:100], rows[100:500], rows[500:]):
        builder.add(part.to_arrow(), {}, 0, {})
    added, added_orders = builder.finish()
    order = ["check", "field", "segment", "key"]
    for check in ADDITIVE:
        kept = (pl.col("check") == check) & (pl.col("segment") == "")
        assert (
            added.cells.filter(kept & (pl.col("count") > 0))
            .sort(order)
            .equals(whole.cells.filter(kept & (pl.col("count") > 0)).sort(order))
        ), check
    assert added_orders.sort("event_id").equals(orders.sort("event_id"))


def test_counts_are_right(rows):
    profile, _ = build_profile("web", "2026-03-14", rows)
    cell = profile.cells.filter(
        (pl.col("check") == "null_rate") & (pl.col("field") == "user_id") & (pl.col("segment") == "event_type=page_view")
    )
    views = rows.filter(pl.col("event_type") == "page_view")
    assert cell.select("count", "total").rows() == [(views["user_id"].null_count(), len(views))]


@pytest.mark.parametrize(
    "edit", [pl.col("received_at"), pl.col("user_id"), pl.col("context"), pl.col("order"), pl.col("cart"), pl.col("anonymous_id")]
)
def test_a_column_of_nulls_is_measured(rows, edit):
    profile, _ = build_profile("web", "2026-03-14", rows.with_columns(pl.when(False).then(edit).alias(edit.meta.output_name())))
    assert profile.rows_staged == len(rows)
    assert not profile.cells["key"].has_nulls()


def test_an_empty_window_has_a_profile():
    profile, orders = build_profile("web", "2026-03-14T09", pl.DataFrame(schema=STAGED_SCHEMA))
    assert profile.rows_in == 0
    assert not orders.height
    assert Profile.from_parquet(profile.to_parquet(), "here") is not None


def test_what_is_no_profile_is_an_error():
    with pytest.raises(PermanentError, match=r"profiles/x is not a profile"):
        Profile.from_parquet(b"PAR1 nonsense", "profiles/x")


def test_a_large_window_is_sampled_by_visitor(rows):
    sample = Sample(300)
    for start in range(0, len(rows), 100):
        sample.add(rows[start : start + 100])
    kept = set(sample.rows["anonymous_id"])
    assert 60 <= sample.rows.height <= 300
    assert sample.rows.height == rows.filter(pl.col("anonymous_id").is_in(kept)).height


def test_one_visitor_everywhere_is_sampled_by_event(rows):
    sample = Sample(300)
    for start in range(0, len(rows), 100):
        sample.add(rows[start : start + 100].with_columns(pl.lit("a_only_one").alias("anonymous_id")))
    assert 60 <= sample.rows.height <= 300
