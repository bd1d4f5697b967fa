"""One day's rows on their way through Spark: read, deduplicate, cut into sessions.

Belongs here: how the pure functions are joined for a day, and what is kept in memory meanwhile. Does not: publication.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from types import TracebackType

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from data_pipeline.common.object_store import ObjectStore
from data_pipeline.common.windows import Hour
from data_pipeline.contracts.tables import EVENTS
from data_pipeline.transforms.crossings import collision_digests, crossing_digests
from data_pipeline.transforms.deduplicate import COMPARED_DAYS, LINEAGE, SLIM, Deduplicated, conflicts_table, deduplicate, lost_rows
from data_pipeline.transforms.events import flatten
from data_pipeline.transforms.identities import identities
from data_pipeline.transforms.lake_writer import WrittenRun
from data_pipeline.transforms.neighbours import Neighbours, find_neighbours
from data_pipeline.transforms.order_items import order_items
from data_pipeline.transforms.schemas import table_schema
from data_pipeline.transforms.sessions import sessions_table, with_sessions
from data_pipeline.transforms.staged_hours import StagedHour, StagedHours
from data_pipeline.transforms.staged_rows import is_of_days, read_objects, read_staged

_SHUFFLE_BYTES = 24 * 1024 * 1024
"""Staged bytes (compressed) a shuffle partition: about 100 MiB once decoded."""


@dataclass(frozen=True)
class DayFacts:
    """Numbers of a build besides its tables.

    Attributes:
        duplicates: re-sends of the day.
        collisions: other day to digest of the rows that share an `event_id` with the day's.
        crossing: `start` and `end` to digest of the sessions across that midnight.
        days_read: days whose rows were looked at for sessions.
    """

    duplicates: int
    collisions: dict[str, str]
    crossing: dict[str, str]
    days_read: list[date]


class DayRows:
    """The rows of one day. Use as a context: what it caches is let go at the end."""

    def __init__(self, spark: SparkSession, store: ObjectStore, staged: StagedHours, day: date) -> None:
        self.day = day
        self._spark = spark
        self._store = store
        self._staged = staged
        self._own = staged.holding([day])
        self._written: DataFrame | None = None
        staged_bytes = sum(hour.manifest.size_bytes for hour in self._own)
        partitions = max(spark.sparkContext.defaultParallelism, staged_bytes // _SHUFFLE_BYTES + 1)
        spark.conf.set("spark.sql.shuffle.partitions", str(partitions))

    def __enter__(self) -> DayRows:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._spark.catalog.clearCache()

    def events(self) -> DataFrame:
        """Rows of the table `events`, with their sessions."""
        ours = flatten(self._unique.kept)
        if self._neighbours_unique is None:
            return with_sessions(ours)
        return with_sessions(ours.unionByName(flatten(self._neighbours_unique))).where(F.col("event_date") == F.lit(self.day))

    def use_written_events(self, events: WrittenRun) -> None:
        """Make the other tables from the events as they stand in the store."""
        self._written = read_objects(self._spark, self._store, [entry.key for entry in events.entries], table_schema(EVENTS))

    def conflicts(self) -> DataFrame:
        """Rows of the table `conflicts`."""
        return conflicts_table(self._unique.conflicts)

    def sessions(self) -> DataFrame:
        """Rows of the table `sessions`."""
        is_final = self._staged.is_whole(self.day + timedelta(days=1))
        return sessions_table(self._events_of_sessions, self.day, is_final)

    def order_items(self) -> DataFrame:
        """Rows of the table `order_items`."""
        return order_items(self._unique.kept)

    def identities(self) -> DataFrame:
        """Rows of the table `identities`."""
        return identities(self._events)

    def facts(self) -> DayFacts:
        """What else there is to record; runs small jobs."""
        crossing = crossing_digests(self._crossing_events, self.day) if self._crossing_events is not None else {}
        return DayFacts(
            duplicates=self._unique.duplicates.count(),
            collisions=collision_digests(self._unique.contested, self.day),
            crossing=crossing,
            days_read=self._neighbours.days,
        )

    @property
    def _events(self) -> DataFrame:
        if self._written is None:
            raise AssertionError("Events are written first.")
        return self._written

    @cached_property
    def _rows(self) -> DataFrame:
        return read_staged(self._spark, self._store, self._own).where(is_of_days(self.day, self.day))

    @cached_property
    def _unique(self) -> Deduplicated:
        # Hours with rows of this day alone are read as its own; at most the others can hold one of its ids again.
        hours = [hour for hour in self._compared_hours(self._own) if hour.event_days.keys() - {self.day.isoformat()}]
        others = read_staged(self._spark, self._store, hours).where(~is_of_days(self.day, self.day)) if hours else None
        return deduplicate(self._rows, others)

    @cached_property
    def _neighbours(self) -> Neighbours:
        return find_neighbours(self.day, self._read_day)

    @cached_property
    def _neighbours_unique(self) -> DataFrame | None:
        """Rows of other days without re-sends and conflicts: judged like the day's own, against all that have their ids."""
        rows = self._neighbours.rows
        if rows is None:
            return None
        hours = self._staged.holding(self._neighbours.days)
        compared = read_staged(self._spark, self._store, self._compared_hours(hours)).select(*SLIM)
        contested = compared.join(rows.select("event_id").distinct(), "event_id", "left_semi")
        return rows.join(lost_rows(contested).select(*LINEAGE), LINEAGE, "left_anti").persist()

    @cached_property
    def _crossing_events(self) -> DataFrame | None:
        """All events of visitors who have rows on other days, with sessions; None where there are none."""
        if self._neighbours_unique is None:
            return None
        others = flatten(self._neighbours_unique)
        ours = self._events.join(others.select("anonymous_id").distinct(), "anonymous_id", "left_semi")
        return with_sessions(ours.unionByName(others)).persist()

    @cached_property
    def _events_of_sessions(self) -> DataFrame:
        """The day's events, and the other days' events of sessions that touch it."""
        if self._crossing_events is None:
            return self._events
        return self._events.unionByName(self._crossing_events.where(F.col("event_date") != F.lit(self.day)))

    def _read_day(self, day: date) -> DataFrame | None:
        hours = self._staged.holding([day])
        return read_staged(self._spark, self._store, hours).where(is_of_days(day, day)) if hours else None

    def _compared_hours(self, own: list[StagedHour]) -> list[StagedHour]:
        """Hours that can hold an `event_id` of the own hours' rows again, before or after them."""
        if not own:
            return []
        reach = timedelta(days=COMPARED_DAYS)
        return self._staged.between(Hour.containing(own[0].hour.start - reach), Hour.containing(own[-1].hour.start + reach))
