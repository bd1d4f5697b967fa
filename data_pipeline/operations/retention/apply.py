"""Deletes what the plan lets go: a record first, then the manifest, then the objects. A kill in between is finished by the next run.

Belongs here: deleting. Does not: judging (`plan.py`).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime

from data_pipeline.common.object_store import ObjectStore, PreconditionFailedError
from data_pipeline.operations.retention.plan import Action, PartitionItem, retired_key


def delete_partitions(store: ObjectStore, items: Iterable[PartitionItem], now: datetime) -> int:
    """Delete the partitions whose action is DELETE; how many objects went.

    The record that stays holds the manifest whole (counts, digests, inputs): proofs upstream and sums of years rest on it.
    """
    deleted = 0
    for item in items:
        if item.action is not Action.DELETE:
            continue
        found = store.find(item.manifest_key)
        if found is not None:
            document = json.loads(found.data)
            document["retired"] = {"at": now.astimezone(UTC).isoformat(), "reason": item.reason, "object_count": len(item.keys)}
            # Refused where an earlier run was killed after this step; its record says the same.
            with contextlib.suppress(PreconditionFailedError):
                store.create(retired_key(item.folder), json.dumps(document, indent=1, sort_keys=True).encode() + b"\n")
            # Readers go by the manifest: from here on the partition is not there for them.
            store.delete(item.manifest_key)
        for key in item.keys:
            if key != item.manifest_key:
                store.delete(key)
            deleted += 1
    return deleted
