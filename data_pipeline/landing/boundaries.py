"""The boundary: at which offsets an instant cuts a topic.

Belongs here: the boundary's form, its JSON, and the clipping between neighbours. Pure.
Does not: where boundaries are kept (`ledger.py`) or how Kafka is asked (`boundary_search.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from data_pipeline.common.errors import PermanentError

FROM_TIMESTAMPS = "timestamps"
FROM_LOG_START = "log_start"


@dataclass(frozen=True)
class Boundary:
    """Where an instant cuts each partition of a topic. Once stored, it never changes.

    Attributes:
        topic: the topic's name.
        topic_id: the topic's id when the boundary was found.
        instant: the instant, UTC.
        offsets: first offset that belongs to the time from `instant` on, per partition.
        origin: `timestamps`, or `log_start` for the first boundary of a topic.
        chunk_rows: size of the offset grid on which the hour that begins here is cut.
        found_at: when it was found, UTC; information only.
    """

    topic: str
    topic_id: str
    instant: datetime
    offsets: Mapping[int, int]
    origin: str
    chunk_rows: int
    found_at: datetime

    def offset(self, partition: int) -> int:
        """The cut of a partition; 0 for one that the topic did not have yet."""
        return self.offsets.get(partition, 0)

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "topic": self.topic,
            "topic_id": self.topic_id,
            "instant": self.instant.isoformat(),
            "offsets": {str(partition): self.offsets[partition] for partition in sorted(self.offsets)},
            "origin": self.origin,
            "chunk_rows": self.chunk_rows,
            "found_at": self.found_at.isoformat(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], where: str) -> Boundary:
        """Read one; PermanentError naming `where` when it is not a boundary."""
        try:
            return cls(
                topic=str(document["topic"]),
                topic_id=str(document["topic_id"]),
                instant=_instant(document["instant"]),
                offsets={int(partition): int(offset) for partition, offset in document["offsets"].items()},
                origin=str(document["origin"]),
                chunk_rows=int(document["chunk_rows"]),
                found_at=_instant(document["found_at"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise PermanentError(f"{where} is not a boundary of the ledger ({error!r}); restore it from the bucket's versions.") from error


@dataclass(frozen=True)
class Neighbours:
    """The nearest stored boundaries around an instant, None where there is none."""

    before: Boundary | None
    after: Boundary | None

    def lowest(self, partition: int) -> int:
        """No boundary between the neighbours may cut below this offset."""
        return self.before.offset(partition) if self.before else 0

    def highest(self, partition: int) -> int | None:
        """No boundary between the neighbours may cut above this offset; None for no limit."""
        return self.after.offset(partition) if self.after else None

    def clip(self, found: Mapping[int, int]) -> dict[int, int]:
        """The offsets, none below the earlier neighbour's and none above the later one's."""
        partitions = {*found, *(self.before.offsets if self.before else ())}
        return {partition: self._clip(partition, found.get(partition, 0)) for partition in sorted(partitions)}

    def _clip(self, partition: int, offset: int) -> int:
        highest = self.highest(partition)
        raised = max(offset, self.lowest(partition))
        return raised if highest is None else min(raised, highest)


def boundary_bytes(boundary: Boundary) -> bytes:
    """The stored form."""
    return json.dumps(boundary.to_json(), indent=1).encode() + b"\n"


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
