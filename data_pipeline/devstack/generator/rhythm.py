"""How traffic breathes: by hour of the day, by day of the week, by source.

Belongs here: shares of the volume. Does not: what an event contains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.windows import Hour
from data_pipeline.devstack.generator.hashing import key_of

SOURCE_SHARES: Mapping[str, float] = {"web": 0.41, "ios": 0.23, "android": 0.3, "server": 0.06}
"""How all events divide among the sources of product events."""

# Relative volume at each UTC hour: people sleep, look around at noon, and shop in the evening; weekends begin later.
_WORKDAY = (14, 9, 6, 5, 6, 10, 19, 32, 44, 50, 53, 56, 62, 58, 54, 53, 55, 60, 68, 77, 80, 70, 48, 27)
_WEEKEND = (20, 13, 9, 7, 6, 8, 13, 22, 36, 52, 63, 68, 70, 68, 66, 65, 64, 64, 66, 70, 72, 64, 47, 30)
_WEEKDAY_FACTORS = (0.98, 0.96, 0.96, 0.98, 1.02, 1.08, 1.02)
"""Monday to Sunday. The widest ratio, 0.89, stays above `orders.REFUNDABLE_SHARE`."""


@dataclass(frozen=True)
class Traffic:
    """How much of what is generated; the same traffic always gives the same events.

    Attributes:
        seed: any integer.
        events_per_day: events of an average day, for each source that is generated.
        identity: tells apart the identifiers of traffics; those of equal identity and seed share orders and visitors.
    """

    seed: int
    events_per_day: Mapping[str, float]
    identity: str

    def __post_init__(self) -> None:
        for source, count in self.events_per_day.items():
            if source not in SOURCE_SHARES:
                raise PermanentError(f"'{source}' cannot be generated; choose from {', '.join(SOURCE_SHARES)}.")
            if not count > 0:
                raise PermanentError(f"{count} events a day for '{source}' is too few; give a positive number.")

    def key(self, *parts: object) -> int:
        """A hash key below this traffic's seed."""
        return key_of(self.identity, self.seed, *parts)


def traffic_of(sources: Sequence[str], events: int, days: Sequence[Hour], seed: int) -> Traffic:
    """Traffic of several sources that has `events` events in all a day, on the average of these days.

    Args:
        sources: names out of `SOURCE_SHARES`.
        events: events of all sources together in a day.
        days: the first hour of each day that will be generated.
        seed: any integer.
    """
    unknown = [source for source in sources if source not in SOURCE_SHARES]
    if unknown:
        raise PermanentError(f"'{unknown[0]}' cannot be generated; choose from {', '.join(SOURCE_SHARES)}.")
    total_share = sum(SOURCE_SHARES[source] for source in sources)
    # Weekly rhythm is relative to an average day; dividing it out makes the days asked for hold what was asked for.
    factor = sum(_weekday_factor(day) for day in days) / len(days)
    rates = {source: events * SOURCE_SHARES[source] / total_share / factor for source in sources}
    return Traffic(seed, rates, f"mix:{events}:{','.join(sorted(sources))}")


def hour_share(hour: Hour) -> float:
    """This hour's part of an average day's volume; 7 days of them sum to 7."""
    weekday = hour.start.weekday()
    shape = _WEEKEND if weekday >= 5 else _WORKDAY
    return _weekday_factor(hour) * shape[hour.start.hour] / sum(shape)


def quotas(total: int, weights: Sequence[float]) -> list[int]:
    """`total` divided by weight into whole numbers that sum to it (largest remainders)."""
    exact = np.asarray(weights, dtype=np.float64) * (total / sum(weights))
    counts = np.floor(exact).astype(np.int64)
    missing = total - int(counts.sum())
    counts[np.argsort(-(exact - counts), kind="stable")[:missing]] += 1
    return [int(count) for count in counts]


def _weekday_factor(hour: Hour) -> float:
    return _WEEKDAY_FACTORS[hour.start.weekday()]
