"""Brings a partition back from an archive class: asks S3, waits, and compares every byte with the manifest's digest.

Belongs here: restoring. Does not: what is done with the partition then (it can be materialized from again).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from data_pipeline.common.errors import PermanentError, TransientError
from data_pipeline.common.manifest import Entry, require_manifest
from data_pipeline.common.object_store import S3ObjectStore

_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
_HOURS_48 = 48 * 3600.0


@dataclass(frozen=True)
class Restored:
    """What came back.

    Attributes:
        folders: partitions.
        object_count: objects compared with their digests.
        restored_count: those that had to come from an archive.
        size_bytes: bytes of all.
    """

    folders: Sequence[str]
    object_count: int
    restored_count: int
    size_bytes: int


def restore(
    store: S3ObjectStore,
    folders: Sequence[str],
    *,
    days: int = 7,
    tier: str = "Bulk",
    poll_s: float = 60.0,
    timeout_s: float = _HOURS_48,
    progress: Callable[[int, int], None] | None = None,
) -> Restored:
    """Make every object of some partitions readable for some days.

    Args:
        store: the bucket.
        folders: partitions that have a manifest.
        days: how long the copies stay.
        tier: `Bulk` (up to 48 h, cheapest) or `Standard` (up to 12 h).
        poll_s: seconds between two looks.
        timeout_s: when to give up waiting; running again goes on where this ended.
        progress: hears how many objects are back, of how many.

    Raises:
        TransientError: S3 has not brought everything back within the timeout; run again.
        PermanentError: an object is missing, or its bytes are not those of the manifest.
    """
    entries = [entry for folder in folders for entry in require_manifest(store, folder, folder.split("/")[0]).entries]
    waiting = [entry for entry in entries if _ask(store, entry, days, tier)]
    asked = len(waiting)
    deadline = time.monotonic() + timeout_s
    while waiting:
        waiting = [entry for entry in waiting if not _is_back(store, entry)]
        if progress is not None:
            progress(asked - len(waiting), asked)
        if waiting and time.monotonic() > deadline:
            raise TransientError(f"S3 has not restored {len(waiting)} of {asked} objects yet, such as {waiting[0].key}; run again later.")
        if waiting:
            time.sleep(poll_s)
    for entry in entries:
        digest = hashlib.sha256(store.get(entry.key)).hexdigest()
        if digest != entry.sha256:
            raise PermanentError(f"{store.url(entry.key)} came back with other bytes than its manifest's; restore one of its versions.")
    return Restored(list(folders), len(entries), asked, sum(entry.size_bytes for entry in entries))


def _ask(store: S3ObjectStore, entry: Entry, days: int, tier: str) -> bool:
    """Ask for an object that is archived; whether it has to be waited for."""
    from botocore.exceptions import ClientError

    head = _head(store, entry)
    if head.get("StorageClass") not in _ARCHIVES or 'ongoing-request="false"' in head.get("Restore", ""):
        return False
    if not head.get("Restore"):
        request = {"Days": days, "GlacierJobParameters": {"Tier": tier}}
        try:
            store.client.restore_object(Bucket=store.bucket, Key=store.prefix + entry.key, RestoreRequest=request)  # type: ignore[arg-type]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "RestoreAlreadyInProgress":
                raise PermanentError(f"S3 refused to restore {store.url(entry.key)}: {error}") from error
    return True


def _is_back(store: S3ObjectStore, entry: Entry) -> bool:
    return 'ongoing-request="false"' in _head(store, entry).get("Restore", "")


def _head(store: S3ObjectStore, entry: Entry) -> dict[str, str]:
    from botocore.exceptions import ClientError

    try:
        answer = store.client.head_object(Bucket=store.bucket, Key=store.prefix + entry.key)
    except ClientError as error:
        raise PermanentError(f"{store.url(entry.key)} cannot be looked up ({error}), though its manifest names it.") from error
    return {name: str(answer[name]) for name in ("StorageClass", "Restore") if name in answer}  # type: ignore[literal-required]
