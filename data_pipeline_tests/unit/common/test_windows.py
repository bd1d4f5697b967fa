from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.windows import Hour, hours_between, parse_day, parse_window

instants = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1), timezones=st.just(UTC))


@given(instants)
def test_an_hour_contains_its_instants_and_reads_back(instant):
    hour = Hour.containing(instant)
    assert hour.start <= instant < hour.end
    assert Hour.parse(str(hour)) == hour
    assert hour.next.start == hour.end


def test_an_instant_of_another_zone_lies_in_its_utc_hour():
    berlin_summer = timezone(timedelta(hours=2))
    assert str(Hour.containing(datetime(2026, 3, 29, 1, 30, tzinfo=berlin_summer))) == "2026-03-28T23"


def test_a_day_is_24_hours_and_an_hour_is_one():
    assert [str(hour) for hour in parse_window("2026-03-14")] == [f"2026-03-14T{n:02}" for n in range(24)]
    assert parse_window("2026-03-14T09") == [Hour.parse("2026-03-14T09")]


def test_hours_between_includes_both_and_may_be_none():
    first, last = Hour.parse("2026-12-31T22"), Hour.parse("2027-01-01T01")
    assert [str(hour) for hour in hours_between(first, last)] == ["2026-12-31T22", "2026-12-31T23", "2027-01-01T00", "2027-01-01T01"]
    assert list(hours_between(last, first)) == []


@pytest.mark.parametrize(
    "text", ["", "2026-3-14", "2026-02-30", "2026-03-14T24", "2026-03-14T9", "2026-03-14 09", "20260314", "2026-03-14T09:00"]
)
def test_anything_else_is_refused_by_name(text):
    with pytest.raises(PermanentError, match=r"is not a window|is not a day|is not an hour") as error:
        parse_window(text)
    assert f"'{text}'" in str(error.value)


def test_a_naive_or_crooked_start_is_refused():
    with pytest.raises(PermanentError):
        Hour(datetime(2026, 3, 14, 9, 30, tzinfo=UTC))
    with pytest.raises(PermanentError):
        Hour(datetime(2026, 3, 14, 9))
    with pytest.raises(PermanentError, match="2026-02-30"):
        parse_day("2026-02-30")
