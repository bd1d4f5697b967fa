from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from data_pipeline.serving import formats

NOW = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("elapsed", "words"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=47), "47 hours ago"),
        (timedelta(hours=48), "2 days ago"),
        (timedelta(days=59), "59 days ago"),
        (timedelta(days=60), "1 month ago"),
        (timedelta(days=255), "8 months ago"),
        (timedelta(days=3000), "8 years ago"),
        (timedelta(minutes=-5), "5 minutes in the future"),
    ],
)
def test_age_in_words(elapsed: timedelta, words: str) -> None:
    assert formats.age(NOW - elapsed, NOW) == words
    assert formats.age((NOW - elapsed).replace(tzinfo=None), NOW) == words


def test_age_of_nothing() -> None:
    assert formats.age(None, NOW) == "never"


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0.0%"), (0.025, "2.5%"), (1, "100.0%"), (0.0001, "<0.1%"), (0.0005, "0.1%"), (None, "–")],
)
def test_share_never_hides_a_small_number(value: float | None, words: str) -> None:
    assert formats.share(value) == words


def test_numbers() -> None:
    assert formats.count(1234567) == "1,234,567"
    assert formats.money(1234.5, "EUR") == "1,234.50 EUR"
    assert formats.ratio(1, 0) is None
    assert formats.ratio(0, 4) == 0
    assert [formats.duration(s) for s in (None, 4.4, 59.6, 61, 3599, 3600, 7325)] == [
        "–",
        "4 s",
        "1 min 0 s",
        "1 min 1 s",
        "59 min 59 s",
        "1 h 0 min",
        "2 h 2 min",
    ]
    assert formats.day(date(2026, 3, 4)) == "4 Mar 2026"
    assert formats.instant(datetime(2026, 3, 4, 9, 5)) == "4 Mar 2026, 09:05 UTC"
