"""One event made from real lines.

Belongs here: the record and what all converters need. Does not: any one data set.
"""

from __future__ import annotations

import functools
import gzip
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

DATA_DIR = Path(__file__).resolve().parent / "data"
_NAMESPACE = uuid.UUID("0f6a7f2c-58a4-5d0e-9f27-4f6f1a3c7b11")


@dataclass(frozen=True)
class SampleRecord:
    """A record for Kafka.

    Attributes:
        value: the event as JSON, or the line itself where it cannot be read.
        key: anonymous_id or user_id; None where the data have neither.
        occurred_at: the line's time, shifted.
        event_type: name of the event type; None for a line that cannot be read.
        line_count: lines that it was made from.
    """

    value: bytes
    key: bytes | None
    occurred_at: datetime
    event_type: str | None
    line_count: int


NumberedLine = tuple[int, str]


@functools.cache
def lines_by_day(name: str, day_of: Callable[[str], date | None]) -> dict[date, list[NumberedLine]]:
    """Numbered lines of a shipped file for each day, in order; those without a day belong to the line before them."""
    found: dict[date, list[NumberedLine]] = {}
    day = None
    for number, line in enumerate(_read_lines(name), start=1):
        day = day_of(line) or day
        if day is not None:
            found.setdefault(day, []).append((number, line))
    return found


def _read_lines(name: str) -> Iterator[str]:
    """Lines without their ends; bytes that are no UTF-8 stay as surrogates."""
    with gzip.open(DATA_DIR / name, "rt", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        for line in file:
            yield line.rstrip("\n")


def event_id(name: str, line_number: int, day: date) -> str:
    """The same for the same line on the same day of the demo, on every machine."""
    return str(uuid.uuid5(_NAMESPACE, f"{name}:{line_number}:{day.isoformat()}"))


def shifted(moment: datetime, source_day: date, day: date) -> datetime:
    """A local, naive time of the data on a day of the demo, read as UTC: the hour on the clock stays."""
    return (moment + timedelta(days=(day - source_day).days)).replace(tzinfo=UTC)


def instant(moment: datetime) -> str:
    """As the contract writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def to_bytes(text: str) -> bytes:
    """UTF-8, with bytes that were none put back as they were."""
    return text.encode("utf-8", errors="surrogateescape")
