"""What Spark did in each step of a build: rows and bytes read, written and shuffled.

Read off Spark's own status store, which counts whether or not the web page is on.
Belongs here: naming the jobs of a step, adding up their stages. Does not: what a step does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class StepMetrics:
    """One step of a build.

    Attributes:
        step: such as `events`.
        seconds: wall time.
        tasks: Spark tasks that ran.
        rows_read: rows that came from storage.
        bytes_read: bytes that came from storage.
        rows_written: rows that went to storage.
        bytes_written: bytes that went to storage.
        shuffle_rows: rows that went from one stage to another.
        shuffle_bytes: bytes that went from one stage to another.
        spilled_bytes: bytes that did not fit into memory and went to the disk in between.
    """

    step: str
    seconds: float
    tasks: int = 0
    rows_read: int = 0
    bytes_read: int = 0
    rows_written: int = 0
    bytes_written: int = 0
    shuffle_rows: int = 0
    shuffle_bytes: int = 0
    spilled_bytes: int = 0


_COUNTERS = {
    "tasks": "numCompleteTasks",
    "rows_read": "inputRecords",
    "bytes_read": "inputBytes",
    "rows_written": "outputRecords",
    "bytes_written": "outputBytes",
    "shuffle_rows": "shuffleWriteRecords",
    "shuffle_bytes": "shuffleWriteBytes",
    "spilled_bytes": "diskBytesSpilled",
}


class StepRecorder:
    """Records the steps of one build; steps follow each other."""

    def __init__(self, spark: SparkSession, name: str) -> None:
        self._spark = spark
        self._name = name
        self._seconds: dict[str, float] = {}

    @contextmanager
    def step(self, step: str) -> Iterator[None]:
        """Inside, Spark's jobs are those of this step."""
        context = self._spark.sparkContext
        context.setJobGroup(self._group(step), f"{self._name}: {step}")
        began = time.monotonic()
        try:
            yield
        finally:
            self._seconds[step] = self._seconds.get(step, 0.0) + time.monotonic() - began
            for key in ("spark.jobGroup.id", "spark.job.description"):
                context.setLocalProperty(key, None)

    def metrics(self) -> tuple[StepMetrics, ...]:
        """The steps so far, in order."""
        context: Any = self._spark.sparkContext._jsc.sc()
        # Counters arrive by a queue behind the work.
        context.listenerBus().waitUntilEmpty()
        store = context.statusStore()
        stages: dict[str, set[int]] = {}
        for job in _items(store.jobsList(None)):
            group = job.jobGroup()
            if group.isDefined():
                stages.setdefault(group.get(), set()).update(_items(job.stageIds()))
        return tuple(
            StepMetrics(step, round(seconds, 3), **_added_up(store, stages.get(self._group(step), set())))
            for step, seconds in self._seconds.items()
        )

    def _group(self, step: str) -> str:
        return f"{self._name}/{step}/{id(self)}"


def _added_up(store: Any, stage_ids: set[int]) -> dict[str, int]:
    sums = dict.fromkeys(_COUNTERS, 0)
    for stage_id in stage_ids:
        data = store.lastStageAttempt(stage_id)
        for name, counter in _COUNTERS.items():
            sums[name] += int(getattr(data, counter)())
    return sums


def _items(sequence: Any) -> Iterator[Any]:
    for position in range(sequence.length()):
        yield sequence.apply(position)
