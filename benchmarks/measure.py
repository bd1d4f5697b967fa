"""Measuring entries in turns: rates, CPU time and memory of a process and its children.

Belongs here: what benches share. Does not: what is measured.
"""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil


@dataclass
class Entry:
    """One contestant's measurements.

    Attributes:
        name: shown, and key of the ratio.
        kind: `ours`, `peer` or `floor`.
        rates: events/s of each warm run.
        cpu_s: CPU seconds per million events of each warm run.
        peak_rss_mib: largest resident memory of its processes together.
        cold_s: seconds of the first run, start of the process included.
    """

    name: str
    kind: str
    rates: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peak_rss_mib: float = 0.0
    cold_s: float = 0.0

    @property
    def median(self) -> float:
        """Median of the rates."""
        return statistics.median(self.rates)

    def to_json(self) -> dict[str, Any]:
        """The entry as design and table want it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "events_per_s": {"min": min(self.rates), "median": self.median, "max": max(self.rates)},
            "cpu_s_per_million": statistics.median(self.cpu_s),
            "peak_rss_mib": self.peak_rss_mib,
            "cold_s": self.cold_s,
        }


def result(stage: str, events: int, entries: Sequence[Entry], ratios: Mapping[str, float], **more: Any) -> dict[str, Any]:
    """The whole result as JSON values."""
    return {
        "stage": stage,
        "machine": machine(),
        "events": events,
        "entries": [entry.to_json() for entry in entries],
        "ratios": dict(ratios),
        **more,
    }


def machine() -> str:
    """Cores, memory and processor."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.machine()} {platform.system()}, Python {platform.python_version()}"


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children, those that ended included."""
    total = 0.0
    for process in _family(pid):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
        if process.pid == pid:
            total += times.children_user + times.children_system
    return total


def peak_rss_mib(pid: int) -> float:
    """High-water mark of a process and its living children."""
    total = 0.0
    for process in _family(pid):
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            continue
        total += next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)
    return total


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
