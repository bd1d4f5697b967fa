"""Time windows: an hour or a day, UTC, half open.

Belongs here: parsing, iterating and naming windows. Does not: clocks, schedules, Dagster partitions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from data_pipeline.common.errors import PermanentError

_HOUR = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, order=True)
class Hour:
    """One UTC hour, `[start, end)`."""

    start: datetime

    def __post_init__(self) -> None:
        if self.start.utcoffset() != timedelta(0) or (self.start.minute, self.start.second, self.start.microsecond) != (0, 0, 0):
            raise PermanentError(f"{self.start!r} is not the start of a UTC hour; give an aware datetime such as 2026-03-14T09:00Z.")

    @classmethod
    def parse(cls, text: str) -> Hour:
        """Read `2026-03-14T09`."""
        if _HOUR.fullmatch(text):
            try:
                return cls(datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC))
            except ValueError:
                pass
        raise PermanentError(f"'{text}' is not an hour; write it as 2026-03-14T09 (UTC).")

    @classmethod
    def containing(cls, instant: datetime) -> Hour:
        """The hour in which an aware instant lies."""
        return cls(instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0))

    @property
    def end(self) -> datetime:
        """The first instant after the hour."""
        return self.start + timedelta(hours=1)

    @property
    def next(self) -> Hour:
        """The hour that begins where this one ends."""
        return Hour(self.end)

    @property
    def date(self) -> date:
        """The UTC day that the hour belongs to."""
        return self.start.date()

    @property
    def path(self) -> str:
        """`date=2026-03-14/hour=09`, the hour's place on S3."""
        return f"date={self.start:%Y-%m-%d}/hour={self.start:%H}"

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%dT%H}"


def parse_day(text: str) -> date:
    """Read `2026-03-14`."""
    if _DAY.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise PermanentError(f"'{text}' is not a day; write it as 2026-03-14 (UTC).")


def midnight(day: date) -> datetime:
    """The first instant of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def hours_of_day(day: date) -> list[Hour]:
    """The 24 UTC hours of a day."""
    return [Hour(midnight(day) + timedelta(hours=n)) for n in range(24)]


def hours_between(first: Hour, last: Hour) -> Iterator[Hour]:
    """Hours from first to last, both included; none where last is before first."""
    hour = first
    while hour <= last:
        yield hour
        hour = hour.next


def parse_window(text: str) -> list[Hour]:
    """The hours of `2026-03-14` (24 of them) or of `2026-03-14T09` (that one)."""
    if _HOUR.fullmatch(text):
        return [Hour.parse(text)]
    if _DAY.fullmatch(text):
        return hours_of_day(parse_day(text))
    raise PermanentError(f"'{text}' is not a window; write a day as 2026-03-14 or an hour as 2026-03-14T09 (UTC).")
