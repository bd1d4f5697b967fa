"""What the reader of a page chose: days and sources.

Belongs here: the choice and its presets. Does not: widgets (`shell.py`), SQL (`queries/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

PRESETS: Mapping[str, int | None] = {"7 days": 7, "28 days": 28, "90 days": 90, "All": None}
"""Days that end with the newest day of data; None for all there are."""
DEFAULT_PRESET = "28 days"


@dataclass(frozen=True)
class Extent:
    """What there is to choose from.

    Attributes:
        first: oldest day with events.
        last: newest day with events.
        sources: their names, sorted.
    """

    first: date
    last: date
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Filters:
    """One choice.

    Attributes:
        first: first day, UTC.
        last: last day, inclusive.
        sources: sources to show; none chosen means all.
        all_sources: the sources that there are.
    """

    first: date
    last: date
    sources: tuple[str, ...]
    all_sources: tuple[str, ...]

    @property
    def shown_sources(self) -> tuple[str, ...]:
        """The sources on the page."""
        return self.sources or self.all_sources

    @property
    def day_count(self) -> int:
        """Days in the range."""
        return (self.last - self.first).days + 1

    @property
    def file_suffix(self) -> str:
        """`2026-03-14_2026-03-20_web-ios`, or `…_all`."""
        return f"{self.first}_{self.last}_{'-'.join(self.sources) or 'all'}"


def preset_range(extent: Extent, preset: str) -> tuple[date, date]:
    """First and last day of a preset, inside what there is."""
    days = PRESETS[preset]
    first = extent.first if days is None else max(extent.first, extent.last - timedelta(days=days - 1))
    return first, extent.last
