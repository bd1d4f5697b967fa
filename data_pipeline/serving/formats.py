"""Numbers and instants in the words of a page.

Belongs here: formatting for people. Does not: computing what is formatted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

NOTHING = "–"
"""What stands where there is no number."""


def count(value: int | float | Decimal | None) -> str:
    """`12,345`."""
    return NOTHING if value is None else f"{value:,.0f}"


def share(value: float | Decimal | None, digits: int = 1) -> str:
    """`2.5%` for 0.025; a share too small for the digits is `<0.1%`, never a false 0."""
    if value is None:
        return NOTHING
    smallest = 10**-digits / 100
    if 0 < value < smallest / 2:
        return f"<{smallest:.{digits}%}"
    return f"{value:.{digits}%}"


def ratio(part: float | Decimal | None, whole: float | Decimal | None) -> float | None:
    """`part / whole`, None where that says nothing."""
    if part is None or not whole:
        return None
    return float(part) / float(whole)


def money(value: float | Decimal | None, currency: str) -> str:
    """`1,234.50 EUR`."""
    return NOTHING if value is None else f"{value:,.2f} {currency}"


def decimal(value: float | Decimal | None, digits: int = 2) -> str:
    """`3.25`."""
    return NOTHING if value is None else f"{value:,.{digits}f}"


def duration(seconds: float | Decimal | None) -> str:
    """`4 min 5 s`, `1 h 2 min`: the two largest units."""
    if seconds is None:
        return NOTHING
    whole = round(float(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def day(value: date | None) -> str:
    """`14 Mar 2026`."""
    return NOTHING if value is None else f"{value.day} {value:%b %Y}"


def instant(value: datetime | None) -> str:
    """`14 Mar 2026, 09:05 UTC`; a value without a zone is UTC."""
    return NOTHING if value is None else f"{day(value.date())}, {as_utc(value):%H:%M} UTC"


def age(since: datetime | None, now: datetime) -> str:
    """How long ago, in words: `just now`, `5 minutes ago`, `3 hours ago`, `12 days ago`, `8 months ago`."""
    if since is None:
        return "never"
    elapsed = now - as_utc(since)
    if elapsed < timedelta(0):
        return f"{_words(-elapsed)} in the future"
    return "just now" if elapsed < timedelta(minutes=1) else f"{_words(elapsed)} ago"


def as_utc(value: datetime) -> datetime:
    """The instant with its zone; warehouses hold UTC without one."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def join_words(words: Sequence[str]) -> str:
    """`web, ios and android`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _words(elapsed: timedelta) -> str:
    hours = elapsed.total_seconds() / 3600
    # Up to two of a unit the smaller unit is said: "36 hours" tells more than "1 day".
    units = ((365.25 * 24 * 2, 365.25 * 24, "year"), (60 * 24, 30.44 * 24, "month"), (48, 24, "day"), (1, 1, "hour"), (0, 1 / 60, "minute"))
    for least, size, name in units:
        if hours >= least:
            number = max(1, int(hours / size))
            return f"{number:,} {name}{'' if number == 1 else 's'}"
    raise AssertionError("the last unit takes every length")
