"""Which day of the real data plays which day of the demo.

Belongs here: shifts by whole weeks. Does not: reading the data.

Each day of the demo always has the same day of the data, whatever range it is asked for in. The data repeat after a
whole number of weeks, so weekday and hour stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Season:
    """The days of one data set.

    Attributes:
        first: its first day.
        last: its last day.
        anchor: a day of the demo, of the same weekday, that the first day plays.
        weeks: after so many weeks the data begin again; at least as long as they are.
    """

    first: date
    last: date
    anchor: date
    weeks: int

    def source_day(self, day: date) -> date | None:
        """The day of the data that plays a day of the demo; None where the data have none, such as the end of a cycle."""
        found = self.first + timedelta(days=(day - self.anchor).days % (7 * self.weeks))
        return found if found <= self.last else None


ACCESS_LOG_DAYS = Season(date(2015, 5, 17), date(2015, 5, 20), date(2026, 3, 1), 1)
"""Sunday to Wednesday; each Sunday of the demo is 17 May 2015, Thursdays to Saturdays have no lines."""

ONLINE_RETAIL_DAYS = Season(date(2010, 12, 1), date(2011, 3, 31), date(2026, 3, 4), 18)
"""Seventeen weeks and two days; the shop was closed on Saturdays, over Christmas and at New Year."""


def last_day_with_samples(today: date) -> date:
    """The last day before `today` on which both data sets have lines."""
    day = today - timedelta(days=1)
    while not all(season.source_day(day) for season in (ACCESS_LOG_DAYS, ONLINE_RETAIL_DAYS)):
        day -= timedelta(days=1)
    return day
