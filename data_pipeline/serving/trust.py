"""How far the numbers of a page can be trusted: their age, and the share of rows that were rejected.

Belongs here: the numbers and their verdict. Does not: showing them (`shell.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from data_pipeline.serving import formats

PROMISED_AGE = timedelta(hours=4)
"""From an event to the dashboards, at most."""


@dataclass(frozen=True)
class State:
    """The verdict in a word, never by colour alone."""

    label: str
    icon: str
    colour: Literal["green", "orange", "red"]


@dataclass(frozen=True)
class Trust:
    """What stands above each page.

    Attributes:
        newest_event_at: newest event of the sources shown, whatever the days.
        newest_hour_end_at: end of the newest hour that was landed whole.
        landed: rows that arrived in the days shown.
        rejected: rows of those in quarantine.
        age: from the newest event to now.
    """

    newest_event_at: datetime | None
    newest_hour_end_at: datetime | None
    landed: int
    rejected: int
    age: timedelta | None

    @property
    def rejected_share(self) -> float | None:
        """Of the rows that arrived; None where none did."""
        return formats.ratio(self.rejected, self.landed)

    @property
    def state(self) -> State:
        """Fresh within the promise, late beyond it, old after a day."""
        if self.age is None:
            return State("No events", ":material/help:", "orange")
        if self.age <= PROMISED_AGE:
            return State("Fresh", ":material/check_circle:", "green")
        if self.age <= timedelta(days=1):
            return State("Late", ":material/schedule:", "orange")
        return State("Old", ":material/history:", "red")
