"""The retention plan: for each partition in the bucket whether it stays, and if it must, why.

A partition is deleted when its rule's age is reached, no hold covers it, and what was made of it is proven: by the manifest
downstream that names this very version of it, or by the record that is left of such a manifest when it is deleted itself.
Belongs here: that judgement. Does not: deleting (`apply.py`), storage classes on S3 (`lifecycle.py`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.layout import lake_prefix
from data_pipeline.common.manifest import Manifest, manifest_key
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.operations.retention.holds import Hold
from data_pipeline.operations.retention.rules import RetentionRule

RETIRED = "retired"
_FOLDER = re.compile(
    r"(?P<stage>[a-z_]+)/(?:(?P<table>[a-z0-9_]+)/)?date=(?P<date>\d{4}-\d{2}-\d{2})(?P<rest>/hour=\d\d)?(?P<source>/source=[a-z0-9_]+)?"
)

WarehouseRows = Callable[[str, date], int | None]
"""Rows that the warehouse holds of a table's day; None where it cannot say."""


class Action(StrEnum):
    """What happens to a partition."""

    KEEP = "keep"
    DELETE = "delete"
    HELD = "held"
    BLOCKED = "blocked"


@dataclass
class PartitionItem:
    """One partition of one stage as it lies in the bucket.

    Attributes:
        stage: such as `raw`.
        folder: such as `raw/date=2026-03-14/hour=09/source=web`.
        day: the partition's date.
        keys: its objects, manifest included.
        size_bytes: their bytes.
        action: what the plan says.
        reason: why, in one sentence.
    """

    stage: str
    folder: str
    day: date
    keys: list[str] = field(default_factory=list)
    size_bytes: int = 0
    action: Action = Action.KEEP
    reason: str = ""

    @property
    def manifest_key(self) -> str:
        """Its manifest's key, whether there is one or not."""
        return manifest_key(self.folder)


def retired_key(folder: str) -> str:
    """Where the record of a deleted partition stays: `retired/raw/date=…/hour=…/source=web.json`."""
    return f"{RETIRED}/{folder}.json"


def make_plan(
    store: ObjectStore,
    rules: Mapping[str, RetentionRule],
    holds: Sequence[Hold],
    today: date,
    warehouse_rows: WarehouseRows,
    stages: Iterable[str] | None = None,
) -> list[PartitionItem]:
    """Judge every partition of the stages that have a rule; by a listing, since what no manifest names takes room too."""
    proofs = _Proofs(store, warehouse_rows)
    items = []
    for stage in stages or rules:
        if stage not in rules:
            raise PermanentError(f"'{stage}' has no retention rule; there are rules for {', '.join(rules)}.")
        for item in _partitions(store, stage):
            _judge(item, rules[stage], holds, today, proofs)
            items.append(item)
    return items


def _partitions(store: ObjectStore, stage: str) -> Iterator[PartitionItem]:
    found: dict[str, PartitionItem] = {}
    for info in store.list(f"{stage}/"):
        match = _FOLDER.match(info.key)
        if match is None:
            continue
        item = found.setdefault(match.group(0), PartitionItem(stage, match.group(0), date.fromisoformat(match["date"])))
        item.keys.append(info.key)
        item.size_bytes += info.size
    yield from (found[folder] for folder in sorted(found))


def _judge(item: PartitionItem, rule: RetentionRule, holds: Sequence[Hold], today: date, proofs: _Proofs) -> None:
    if rule.keep_days is None:
        item.reason = "kept for ever"
        return
    last_day = item.day + timedelta(days=rule.keep_days)
    if today < last_day:
        item.reason = f"kept until {last_day}"
        return
    hold = next((hold for hold in holds if hold.covers(item.stage, item.day)), None)
    if hold is not None:
        item.action, item.reason = Action.HELD, f"held by '{hold.name}': {hold.reason}"
        return
    missing = proofs.missing(item, rule.needs)
    if missing:
        item.action, item.reason = Action.BLOCKED, missing
        return
    item.action, item.reason = Action.DELETE, f"older than {rule.keep_days} days, and what was made of it is proven"


@dataclass
class _Proofs:
    """Looks for what was made of a partition."""

    store: ObjectStore
    warehouse_rows: WarehouseRows

    def missing(self, item: PartitionItem, needs: Sequence[str]) -> str:
        """What cannot be shown, in one sentence; empty where all can."""
        if item.manifest_key not in item.keys:
            # Never published, or deleted already and interrupted: there is nothing downstream of it.
            return "" if not needs or self.store.head(retired_key(item.folder)) is not None else "it has no manifest, so nothing proves it"
        data = self.store.get(item.manifest_key)
        manifest = Manifest.from_json(data, self.store, item.manifest_key)
        for need in needs:
            sentence = getattr(self, f"_needs_{need}")(item, manifest, hashlib.sha256(data).hexdigest())
            if sentence:
                return str(sentence)
        return ""

    def _needs_staged(self, item: PartitionItem, manifest: Manifest, digest: str) -> str:
        other = self._document(item.folder.replace("raw/", "staged/", 1))
        if other is None:
            return "it was never validated"
        return "" if other["details"].get("raw_sha256") == digest else "staged was made of another version of it"

    def _needs_raw(self, item: PartitionItem, manifest: Manifest, digest: str) -> str:
        folder = item.folder.replace(f"{item.stage}/", "raw/", 1)
        found = self.store.find(manifest_key(folder))
        if found is None:
            return "" if self.store.head(retired_key(folder)) is not None else "its raw hour is not there, so it could not be made again"
        # Resolved dead letters are copies of raw's rows, made of no version of it.
        expected = manifest.details.get("raw_sha256")
        is_same = expected is None or hashlib.sha256(found.data).hexdigest() == expected
        return "" if is_same else "it was made of another version of raw"

    def _needs_lake(self, item: PartitionItem, manifest: Manifest, digest: str) -> str:
        for day_text, rows in sorted(manifest.details.get("event_days", {}).items()):
            if not rows:
                continue
            folder = lake_prefix("events", date.fromisoformat(day_text))
            lake = self._document(folder)
            if lake is None:
                return f"its {rows:,} rows of {day_text} were never built into the lake"
            if lake["details"].get("inputs", {}).get(item.manifest_key) != digest:
                return f"the lake of {day_text} was built from another version of it"
        return ""

    def _needs_warehouse(self, item: PartitionItem, manifest: Manifest, digest: str) -> str:
        table = item.folder.split("/")[1]
        rows = self.warehouse_rows(table, item.day)
        if rows is None:
            return "the warehouse does not answer"
        return "" if rows == manifest.row_count else f"the warehouse holds {rows:,} rows of the day, the manifest {manifest.row_count:,}"

    def _document(self, folder: str) -> dict[str, Any] | None:
        """Our part of the folder's manifest, or of the record that is left of it."""
        found = self.store.find(manifest_key(folder)) or self.store.find(retired_key(folder))
        if found is None:
            return None
        try:
            document: dict[str, Any] = json.loads(found.data)["data_pipeline"]
        except (KeyError, TypeError, ValueError) as error:
            raise PermanentError(f"{self.store.url(folder)} has no readable manifest ({error!r}); materialize it again.") from error
        return document
