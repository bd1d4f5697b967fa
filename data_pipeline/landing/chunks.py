"""The chunk: a range of offsets of one Kafka partition, the unit of work of landing.

Belongs here: how a range is cut on the fixed grid, and how objects of a chunk are named. Pure.
Does not: reading or writing a chunk (`land_chunk.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from data_pipeline.common import layout
from data_pipeline.common.errors import PermanentError
from data_pipeline.common.windows import Hour

CHUNK_ROWS = 250_000
"""Offsets a chunk: about 30 MiB compressed, fastest of those tried, and small enough for a Lambda."""

_NAME = re.compile(r"(\d+)-(\d+)-(\d+)\.parquet")


@dataclass(frozen=True, order=True)
class OffsetRange:
    """Offsets of one Kafka partition, both ends included.

    Attributes:
        partition: Kafka partition.
        first: first offset.
        last: last offset.
    """

    partition: int
    first: int
    last: int

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last:
            raise PermanentError(f"Offsets {self.first} to {self.last} are not a range; the last must not be below the first.")

    @property
    def offset_count(self) -> int:
        """How many offsets it spans."""
        return self.last - self.first + 1

    @property
    def object_name(self) -> str:
        """`3-250000-499999.parquet`."""
        return f"{self.partition}-{self.first}-{self.last}.parquet"

    @classmethod
    def of_object(cls, key: str) -> OffsetRange:
        """The range that an object's name holds; PermanentError for another name."""
        match = _NAME.fullmatch(key.rsplit("/", 1)[-1])
        if match is None:
            raise PermanentError(f"{key} is not named <partition>-<first>-<last>.parquet, so it is no object of the raw layer.")
        return cls(*(int(number) for number in match.groups()))


@dataclass(frozen=True)
class Chunk:
    """One unit of work, with all that a worker on another machine has to know.

    Attributes:
        source: the source's name.
        hour: the hour that it belongs to.
        topic: Kafka topic.
        topic_id: the topic's id, so that a worker refuses another topic of the same name.
        offsets: what to land.
    """

    source: str
    hour: Hour
    topic: str
    topic_id: str
    offsets: OffsetRange

    @property
    def prefix(self) -> str:
        """The folder of its objects."""
        return layout.hour_prefix("raw", self.source, self.hour)

    def to_json(self) -> dict[str, Any]:
        """JSON values, for queues and Lambda events."""
        return {
            "source": self.source,
            "hour": str(self.hour),
            "topic": self.topic,
            "topic_id": self.topic_id,
            "partition": self.offsets.partition,
            "first": self.offsets.first,
            "last": self.offsets.last,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Chunk:
        """Read one; PermanentError saying what a chunk needs."""
        try:
            return cls(
                source=str(document["source"]),
                hour=Hour.parse(document["hour"]),
                topic=str(document["topic"]),
                topic_id=str(document["topic_id"]),
                offsets=OffsetRange(int(document["partition"]), int(document["first"]), int(document["last"])),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise PermanentError(
                f"{document!r} is not a chunk ({error!r}); it needs source, hour, topic, topic_id, partition, first and last."
            ) from error


def cut_range(partition: int, start: int, end: int, chunk_rows: int) -> Iterator[OffsetRange]:
    """Cut `[start, end)` at the multiples of `chunk_rows`: the same cuts whatever the range, so a re-run names the same objects."""
    while start < end:
        next_cut = (start // chunk_rows + 1) * chunk_rows
        yield OffsetRange(partition, start, min(next_cut, end) - 1)
        start = next_cut


def cut_whole_chunks(partition: int, start: int, end: int, chunk_rows: int) -> Iterator[OffsetRange]:
    """Those chunks of `[start, end)` that end on the grid, for an hour whose end is not known yet."""
    return cut_range(partition, start, end // chunk_rows * chunk_rows, chunk_rows)


def contiguous_runs(ranges: Iterable[OffsetRange], longest: int) -> list[list[OffsetRange]]:
    """Ranges that follow one another, together, so that one reader goes through them without a seek; at most `longest` a run."""
    runs: list[list[OffsetRange]] = []
    for item in sorted(ranges):
        last = runs[-1] if runs else None
        if last and len(last) < longest and last[-1].partition == item.partition and last[-1].last + 1 == item.first:
            last.append(item)
        else:
            runs.append([item])
    return runs
