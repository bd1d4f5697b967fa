"""How far a landing run is: counted by its workers, shown by whoever started it.

Belongs here: the numbers of a progress line. Does not: printing them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from data_pipeline.landing.land_chunk import LandedChunk


@dataclass(frozen=True)
class LandingProgress:
    """A moment of a landing run.

    Attributes:
        source: the source's name.
        hour: the hour, `2026-03-14T09`.
        done_offsets: offsets finished in this run.
        total_offsets: offsets that this run has to land.
        rows: rows landed in this run.
        size_bytes: bytes of the objects written in this run.
        rows_per_s: rate since the start of the run.
        lag_s: age of the record that landed last, None before the first.
        seconds_left: time to finish at this rate, None while unknown.
    """

    source: str
    hour: str
    done_offsets: int
    total_offsets: int
    rows: int
    size_bytes: int
    rows_per_s: float
    lag_s: float | None
    seconds_left: float | None

    def __str__(self) -> str:
        share = 100 * self.done_offsets / self.total_offsets if self.total_offsets else 100.0
        lag = "" if self.lag_s is None else f", {_duration(self.lag_s)} behind"
        left = "" if self.seconds_left is None else f", {_duration(self.seconds_left)} to go"
        return (
            f"{self.source} {self.hour}: {share:5.1f} % of {self.total_offsets:,} offsets, {self.rows_per_s:,.0f} records/s, "
            f"{self.size_bytes / 1e6:,.0f} MB{lag}{left}"
        )


class ProgressCounter:
    """Adds up what workers finish; thread-safe."""

    def __init__(self, source: str, hour: str, total_offsets: int, report: Callable[[LandingProgress], None] | None) -> None:
        self._source = source
        self._hour = hour
        self._total = total_offsets
        self._report = report
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._offsets = self._rows = self._bytes = 0
        self._last_received_ms: int | None = None

    def add(self, chunk: LandedChunk) -> None:
        """A chunk has landed."""
        if self._report is None:
            return
        with self._lock:
            self._offsets += chunk.offsets.offset_count
            self._rows += chunk.landed
            self._bytes += sum(entry.size_bytes for entry in chunk.entries)
            self._last_received_ms = chunk.last_received_ms or self._last_received_ms
            self._report(self._moment())

    def _moment(self) -> LandingProgress:
        elapsed = max(time.monotonic() - self._started, 1e-6)
        left = (self._total - self._offsets) * elapsed / self._offsets if self._offsets else None
        lag = None if self._last_received_ms is None else max(time.time() - self._last_received_ms / 1000, 0.0)
        return LandingProgress(
            self._source, self._hour, self._offsets, self._total, self._rows, self._bytes, self._rows / elapsed, lag, left
        )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"
