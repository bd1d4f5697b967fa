"""What an event weighs and how much work it is: assumptions as data, each of which can be replaced by a measured value.

Belongs here: reading and replacing them. Does not: prices, the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from data_pipeline.common.errors import PermanentError

WORKLOAD_FILE = Path(__file__).with_name("workload.yaml")
SIZES = {
    "raw": "raw_bytes_per_event",
    "staged": "staged_bytes_per_event",
    "quarantine": "quarantine_bytes_per_event",
    "lake": "lake_bytes_per_event",
}
"""Stage to the value that its manifests measure."""


@dataclass(frozen=True)
class Workload:
    """A plan: a rate and what an event is like.

    Attributes:
        events_per_s: average over the month.
        values: by name, as in `workload.yaml`.
        basis: where each value comes from.
    """

    events_per_s: float
    values: Mapping[str, float]
    basis: Mapping[str, str]

    def __getitem__(self, name: str) -> float:
        return self.values[name]

    def at(self, events_per_s: float) -> Workload:
        """The same events at another rate."""
        if events_per_s <= 0:
            raise PermanentError(f"{events_per_s:g} events/s is no plan; give an average above 0.")
        return replace(self, events_per_s=events_per_s)

    def with_values(self, changes: Mapping[str, float], basis: str) -> Workload:
        """Other values; PermanentError naming one that does not exist or is negative."""
        for name, value in changes.items():
            if name not in self.values:
                raise PermanentError(f"'{name}' is no value of the workload; there are {', '.join(sorted(self.values))}.")
            if not 0 <= value < float("inf"):
                raise PermanentError(f"{name} is {value!r}; give a number of 0 or more.")
        return replace(self, values={**self.values, **changes}, basis={**self.basis, **dict.fromkeys(changes, basis)})


def load_workload(events_per_s: float, path: Path = WORKLOAD_FILE) -> Workload:
    """The assumptions at a rate."""
    document: Any = yaml.safe_load(path.read_text())
    blocks = document["values"]
    workload = Workload(
        events_per_s,
        {str(name): float(block["value"]) for name, block in blocks.items()},
        {str(name): str(block["basis"]) for name, block in blocks.items()},
    )
    return workload.at(events_per_s)


def read_changes(texts: Iterable[str]) -> dict[str, float]:
    """`name=value` from the command line."""
    changes = {}
    for text in texts:
        name, separator, value = text.partition("=")
        try:
            changes[name.strip()] = float(value)
        except ValueError:
            separator = ""
        if not separator:
            raise PermanentError(f"'{text}' sets nothing; write name=number, such as raw_bytes_per_event=80.")
    return changes


def measured_sizes(stage_bytes: Mapping[str, int], event_count: int) -> dict[str, float]:
    """Bytes an event of each stage, from the bytes of its manifests.

    Args:
        stage_bytes: bytes by stage (raw, staged, quarantine, lake) over some window.
        event_count: raw rows of the same window.
    """
    if event_count < 1:
        raise PermanentError("The manifests of that window hold no rows, so nothing can be measured; choose another window.")
    return {SIZES[stage]: size / event_count for stage, size in stage_bytes.items()}
