"""The record of an erasure: what is to be done while it runs, the bare counts when it is done.

While an erasure is pending, its record has to name the person, or a kill could not be resumed. Once done, the tombstone says how many
records went from which hours, and nothing about whom.
Belongs here: the record. Does not: the steps.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.object_store import ObjectStore, S3ObjectStore
from data_pipeline.operations.erasure.person import Person

PREFIX = "erasures"


@dataclass(frozen=True)
class Erasure:
    """A pending erasure.

    Attributes:
        erasure_id: random; says nothing about the person.
        person: who.
        began_at: when, ISO.
        rows: folder (of raw, or of resolved dead letters) to object key to rows.
        days: days to make again.
        purge: keys that held the person's records, or were made of them.
    """

    erasure_id: str
    person: Person
    began_at: str
    rows: Mapping[str, Mapping[str, Sequence[int]]]
    days: Sequence[str]
    purge: Sequence[str] = field(default_factory=tuple)

    @property
    def key(self) -> str:
        """Where the record stands."""
        return f"{PREFIX}/{self.erasure_id}.json"

    @property
    def row_count(self) -> int:
        """Records of raw to empty."""
        return sum(len(rows) for folder in self.raw_folders for rows in self.rows[folder].values())

    @property
    def raw_folders(self) -> list[str]:
        """The hours of raw among the folders."""
        return sorted(folder for folder in self.rows if folder.startswith("raw/"))


def new_id() -> str:
    """An id for a new erasure."""
    return uuid.uuid4().hex[:16]


def find_pending(store: ObjectStore, user_id: str) -> Erasure | None:
    """The erasure of that account that was begun and not finished."""
    for info in store.list(f"{PREFIX}/"):
        document = _read(store, info.key)
        if document["state"] == "pending" and document["user_id"] == user_id:
            person = Person(document["user_id"], tuple(document["anonymous_ids"]))
            return Erasure(document["erasure"], person, document["began_at"], document["rows"], document["days"], tuple(document["purge"]))
    return None


def write_pending(store: ObjectStore, erasure: Erasure) -> None:
    """Note what is to be done, before anything is done."""
    document = {
        "state": "pending",
        "erasure": erasure.erasure_id,
        "user_id": erasure.person.user_id,
        "anonymous_ids": list(erasure.person.anonymous_ids),
        "began_at": erasure.began_at,
        "rows": erasure.rows,
        "days": list(erasure.days),
        "purge": list(erasure.purge),
    }
    store.put(erasure.key, json.dumps(document).encode())


def write_tombstone(store: ObjectStore, erasure: Erasure, searched: int) -> dict[str, Any]:
    """Replace the record by counts that keep every sum reconcilable; returns them."""
    document = {
        "state": "done",
        "erasure": erasure.erasure_id,
        "began_at": erasure.began_at,
        "done_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "records": erasure.row_count,
        "records_by_hour": {folder: sum(len(rows) for rows in objects.values()) for folder, objects in sorted(erasure.rows.items())},
        "days": sorted(erasure.days),
        "objects_searched": searched,
    }
    store.put(erasure.key, json.dumps(document, indent=1).encode() + b"\n")
    delete_versions(store, [erasure.key], keep_latest=True)
    return document


def delete_versions(store: ObjectStore, keys: Sequence[str], *, keep_latest: bool = False) -> int:
    """Delete older versions of objects, and the present ones too unless they are kept; how many. Without versions there are none."""
    if not isinstance(store, S3ObjectStore):
        return 0
    from botocore.exceptions import ClientError

    deleted = 0
    for key in keys:
        try:
            answer: Any = store.client.list_object_versions(Bucket=store.bucket, Prefix=store.prefix + key)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in ("NotImplemented", "MethodNotAllowed"):
                return deleted
            raise PermanentError(f"The versions of {store.url(key)} cannot be listed: {error}") from error
        for version in [*answer.get("Versions", ()), *answer.get("DeleteMarkers", ())]:
            is_version = version.get("VersionId") not in (None, "null")
            if version["Key"] == store.prefix + key and is_version and not (keep_latest and version.get("IsLatest")):
                store.client.delete_object(Bucket=store.bucket, Key=version["Key"], VersionId=version["VersionId"])
                deleted += 1
    return deleted


def _read(store: ObjectStore, key: str) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(store.get(key))
    except ValueError as error:
        raise PermanentError(f"{store.url(key)} is no record of an erasure ({error}); restore it from its versions.") from error
    return document
