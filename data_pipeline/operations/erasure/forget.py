"""The steps of an erasure, in an order in which a kill at any point loses nothing: note, empty, make again, purge, search, conclude.

Belongs here: that order. Does not: how hours and days are made again, or the warehouse is searched (given as functions).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.manifest import MANIFEST_NAME, read_manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.operations.erasure.find import Found, find_person, find_records
from data_pipeline.operations.erasure.person import Person
from data_pipeline.operations.erasure.raw import empty_records
from data_pipeline.operations.erasure.record import Erasure, delete_versions, find_pending, new_id, write_pending, write_tombstone
from data_pipeline.operations.erasure.search import SearchResult, search_bucket
from data_pipeline.operations.manifests import HOUR_STAGES


@dataclass(frozen=True)
class Rebuild:
    """How what is downstream is made again.

    Attributes:
        hours: validate these raw folders again.
        days: build these days again, from the lake to the dashboards, with the days that they make stale.
        search: where the warehouse and what is served still hold one of the identifiers, a sentence each.
    """

    hours: Callable[[Sequence[str]], None]
    days: Callable[[Sequence[str]], None]
    search: Callable[[Sequence[str]], Sequence[str]]


def plan_erasure(store: ObjectStore, user_id: str, lake_tables: Iterable[str], say: Callable[[str], None]) -> Erasure:
    """What is to be done: the pending erasure of that account where there is one, else a new one. Changes nothing.

    Raises:
        PermanentError: a day would have to be built again whose staged hours are gone, or nothing of that account is there.
    """
    pending = find_pending(store, user_id)
    if pending is not None:
        say(f"Going on with erasure {pending.erasure_id}, begun at {pending.began_at}.")
        return pending
    say("Looking for the account's devices…")
    person = find_person(store, user_id)
    say(f"{len(person.anonymous_ids)} devices were used by this account alone. Reading every raw hour…")
    found = find_records(store, person)
    if not found.rows:
        raise PermanentError(f"No record of the account '{user_id}' is in {store.url('raw')}; check the id as the events carry it.")
    _require_staged(store, found)
    days = sorted(day for day in found.days if read_manifest(store, f"lake/events/date={day}") is not None)
    tables = sorted(lake_tables)
    folders = [*_hour_folders(found), *(f"lake/{table}/date={day}" for day in days for table in tables)]
    purge = [info.key for folder in folders for info in store.list(f"{folder}/") if not info.key.endswith(MANIFEST_NAME)]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Erasure(new_id(), person, now, found.rows, days, tuple(purge))


def run_erasure(store: ObjectStore, erasure: Erasure, rebuild: Rebuild, say: Callable[[str], None]) -> dict[str, Any]:
    """Do it; the tombstone's counts.

    Raises:
        PermanentError: an identifier is still found somewhere; the erasure stays pending, and running it again goes on.
    """
    write_pending(store, erasure)
    for folder, rows in sorted(erasure.rows.items()):
        empty_records(store, folder, rows, erasure.erasure_id)
    say(f"Emptied {erasure.row_count} records in {len(erasure.raw_folders)} raw hours. Validating these hours again…")
    rebuild.hours(erasure.raw_folders)
    say(f"Building {len(erasure.days)} days again…")
    rebuild.days(sorted(erasure.days))
    say(f"Deleted {_purge(store, erasure)} objects that were replaced. Searching everything…")
    result = search_bucket(store, erasure.person.identifiers, but=[erasure.key])
    hits = [*result.hits, *rebuild.search(erasure.person.identifiers)]
    if hits:
        raise PermanentError(
            f"The person is still found in {len(hits)} places, such as {', '.join(hits[:3])}; the erasure stays pending. "
            "Build what is named again, or delete it, and run the same command."
        )
    return write_tombstone(store, erasure, result.object_count)


def verify(store: ObjectStore, person: Person) -> SearchResult:
    """Search every object once more, the records of erasures included."""
    return search_bucket(store, person.identifiers)


def _purge(store: ObjectStore, erasure: Erasure) -> int:
    """Delete what was replaced, its older versions too: nothing that a manifest names."""
    named: set[str] = set()
    for folder in {_partition_of(key) for key in erasure.purge}:
        published = read_manifest(store, folder)
        if published is not None:
            named.update(entry.key for entry in published.manifest.entries)
    doomed = [key for key in erasure.purge if key not in named]
    for key in doomed:
        store.delete(key)
    # Manifests and profiles hold no identifiers, but their versions name objects; objects alone have to go.
    delete_versions(store, doomed)
    return len(doomed)


def _partition_of(key: str) -> str:
    """The partition's folder: up to its last `name=value` part."""
    parts = key.split("/")
    last = max(number for number, part in enumerate(parts) if "=" in part)
    return "/".join(parts[: last + 1])


def _hour_folders(found: Found) -> list[str]:
    others = [folder for folder in sorted(found.rows) if not folder.startswith("raw/")]
    hours = sorted(folder for folder in found.rows if folder.startswith("raw/"))
    return [*(folder.replace("raw/", f"{stage}/", 1) for folder in hours for stage in HOUR_STAGES), *others]


def _require_staged(store: ObjectStore, found: Found) -> None:
    for folder in sorted(folder for folder in found.rows if folder.startswith("raw/")):
        staged = folder.replace("raw/", "staged/", 1)
        if read_manifest(store, staged) is None and any(read_manifest(store, f"lake/events/date={day}") for day in found.days):
            raise PermanentError(
                f"{store.url(staged)} is not published, and days of the lake were made of it; validate its hour (and the others of its "
                "day) from raw first, then run the erasure again. Nothing was changed."
            )
