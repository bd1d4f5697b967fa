"""What the manifests of many partitions say, read at once: the evidence that signals, cost, retention and erasure share.

Belongs here: reading manifests of hours and days. Does not: judging them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

from data_pipeline.common.layout import hour_prefix, lake_prefix
from data_pipeline.common.manifest import MANIFEST_NAME, Manifest, PublishedManifest, read_manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.common.windows import Hour

HOUR_STAGES = ("raw", "staged", "quarantine")
"""Stages with a partition for every hour of a source."""
_THREADS = 16


@dataclass(frozen=True)
class HourManifests:
    """The manifests of an hour of a source; None where a stage has published none.

    Attributes:
        source: the source.
        hour: hour of arrival.
        raw: manifest of the landed hour.
        staged: manifest of the rows that passed.
        quarantine: manifest of those that did not.
    """

    source: str
    hour: Hour
    raw: Manifest | None
    staged: Manifest | None
    quarantine: Manifest | None

    @property
    def name(self) -> str:
        """`2026-03-14T09|web`, as the partition is called in Dagster."""
        return f"{self.hour}|{self.source}"


def read_hours(store: ObjectStore, sources: Iterable[str], hours: Sequence[Hour]) -> list[HourManifests]:
    """The manifests of each hour and source, in order of hour, then source.

    Days on which nothing at all was landed cost one listing each, not a look for every hour.
    """
    names = sorted(sources)
    days = sorted({hour.date for hour in hours})
    has_any = {day: next(store.list(f"raw/date={day.isoformat()}/"), None) is not None for day in days}
    wanted = [(hour, source) for hour in sorted(hours) for source in names]

    def read(key: tuple[Hour, str]) -> HourManifests:
        hour, source = key
        if not has_any[hour.date]:
            return HourManifests(source, hour, None, None, None)
        found = [read_manifest(store, hour_prefix(stage, source, hour)) for stage in HOUR_STAGES]
        return HourManifests(source, hour, *(published.manifest if published else None for published in found))

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="manifests") as pool:
        return list(pool.map(read, wanted))


def read_lake_days(store: ObjectStore, tables: Iterable[str], days: Iterable[date]) -> dict[tuple[str, date], Manifest]:
    """The published manifests of lake tables, by table and day."""
    wanted = [(table, day) for day in sorted(days) for table in sorted(tables)]
    next(store.list("lake/"), None)  # makes the client before threads share it
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="manifests") as pool:
        found = list(pool.map(lambda key: read_manifest(store, lake_prefix(*key)), wanted))
    return {key: published.manifest for key, published in zip(wanted, found, strict=True) if published is not None}


def count_rejected(hours: Iterable[HourManifests]) -> tuple[int, Counter[str]]:
    """Rows that went into validation and those that each rule rejects, over the hours that are validated."""
    rows_in = 0
    by_rule: Counter[str] = Counter()
    for item in hours:
        if item.staged is not None and item.quarantine is not None:
            rows_in += item.staged.counts["rows_in"]
            by_rule.update(item.quarantine.details.get("by_rule", {}))
    return rows_in, by_rule


def all_manifests(store: ObjectStore, prefix: str) -> Iterator[tuple[str, PublishedManifest]]:
    """Every published manifest below a prefix with the folder that it stands in, by a listing."""
    for info in store.list(prefix):
        folder, _, name = info.key.rpartition("/")
        if name == MANIFEST_NAME:
            published = read_manifest(store, folder)
            if published is not None:
                yield folder, published
