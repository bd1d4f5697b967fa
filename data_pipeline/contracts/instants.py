"""Instants and days as JSON writes them (RFC 3339).

Belongs here: strict parsing to numbers. Does not: order between instants (rule `clocks`).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_instant(text: str) -> int | None:
    """Milliseconds since 1970 (finer digits are cut off), None for what is no date-time.

    A leap second is none: no instant column could hold it, and none was announced since 2016.
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        return None
    day, hour, minute, second, fraction, sign, zone_hour, zone_minute = match.groups()
    if int(hour) > 23 or int(minute) > 59 or int(second) > 59:
        return None
    zone = timedelta(0)
    if sign:
        if int(zone_hour) > 23 or int(zone_minute) > 59:
            return None
        zone = timedelta(hours=int(zone_hour), minutes=int(zone_minute)) * (-1 if sign == "-" else 1)
    try:
        local = datetime.fromisoformat(day).replace(hour=int(hour), minute=int(minute), second=int(second), tzinfo=UTC)
    except ValueError:
        return None
    whole = (local - _EPOCH) - zone
    return whole // timedelta(milliseconds=1) + int(((fraction or "") + "000")[:3])


def parse_date(text: str) -> date | None:
    """The day, None for what is none."""
    if _DATE.fullmatch(text) is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def to_milliseconds(instant: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)
