"""Measuring entries in turns: rates, CPU time and memory of a process and its children.

Belongs here: what benches share. Does not: what is measured.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
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
        servers_cpu_s: by server, its CPU seconds per million events in each warm run.
        peak_rss_mib: largest resident memory of its processes together.
        cold_s: seconds of the first run, start of the process included.
    """

    name: str
    kind: str
    rates: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    servers_cpu_s: dict[str, list[float]] = field(default_factory=dict)
    peak_rss_mib: float = 0.0
    cold_s: float = 0.0

    @property
    def median(self) -> float:
        """Median of the rates."""
        return statistics.median(self.rates)

    def to_json(self) -> dict[str, Any]:
        """The entry as design and table want it."""
        document: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "events_per_s": {"min": min(self.rates), "median": self.median, "max": max(self.rates)},
            "cpu_s_per_million": statistics.median(self.cpu_s),
            "peak_rss_mib": self.peak_rss_mib,
            "cold_s": self.cold_s,
        }
        for name, measured in self.servers_cpu_s.items():
            document[f"{name}_cpu_s_per_million"] = statistics.median(measured)
        return document


class Worker:
    """A contestant's process, a Python program: it does its work once for each line that it gets, and answers in JSON lines.

    The first answer ends the clock and holds `seconds`; the second holds the rest, such as `rows`.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = list(arguments)
        self._process: subprocess.Popen[str] | None = None
        self._started = 0.0

    def take_turn(self) -> dict[str, Any]:
        """One turn: the answers, with `cpu_s`, `peak_rss_mib` (it and its children together) and `since_start_s`."""
        if self._process is None:
            self._started = time.monotonic()
            self._process = subprocess.Popen([sys.executable, *self._arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        cpu_before = cpu_seconds(self._process.pid)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        with _PeakMemory(self._process.pid) as peak:
            answer: dict[str, Any] = json.loads(self._process.stdout.readline() or "{}")
        answer["cpu_s"] = cpu_seconds(self._process.pid) - cpu_before
        answer["since_start_s"] = time.monotonic() - self._started
        answer["peak_rss_mib"] = peak.mib
        return {**answer, **json.loads(self._process.stdout.readline() or "{}")}

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()


class _PeakMemory:
    """High-water mark of a process and its children, those included that end before it is read."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.mib = 0.0

    def __enter__(self) -> _PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(0.5):
            self.mib = max(self.mib, peak_rss_mib(self._pid))
        self.mib = max(self.mib, peak_rss_mib(self._pid))


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
