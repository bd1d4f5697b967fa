"""Storage classes on S3: the rules as a lifecycle configuration, and the tags by which it finds data objects.

S3's rules know prefixes, sizes and tags, no suffixes; manifests must never move to a class that cannot be read at once. So data
objects are tagged when their partition's first move is due and its downstream is proven, and the rules move tagged objects only.
S3 itself deletes no current object: it could not ask for proofs and holds (`apply.py` deletes).
Belongs here: rendering, applying, tagging. Does not: which partitions there are (`plan.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.manifest import MANIFEST_NAME
from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.operations.retention.plan import Action, PartitionItem
from data_pipeline.operations.retention.rules import RetentionRule

TAG, TAG_VALUE = "data-pipeline-archive", "yes"
_OURS = "data-pipeline-"
_NONCURRENT_DAYS = 30


def lifecycle_rules(rules: Mapping[str, RetentionRule], prefix: str = "") -> list[dict[str, Any]]:
    """The rules in S3's own form, one a stage that moves, and one that cleans up."""
    rendered: list[dict[str, Any]] = []
    for rule in rules.values():
        moves = [{"Days": day, "StorageClass": name} for day, name in sorted(rule.classes.items()) if day > 0]
        if moves:
            rendered.append(
                {
                    "ID": f"{_OURS}{rule.stage}",
                    "Status": "Enabled",
                    "Filter": {"And": {"Prefix": f"{prefix}{rule.stage}/", "Tags": [{"Key": TAG, "Value": TAG_VALUE}]}},
                    "Transitions": moves,
                }
            )
    rendered.append(
        {
            "ID": f"{_OURS}clean-up",
            "Status": "Enabled",
            "Filter": {"Prefix": prefix},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
            "NoncurrentVersionExpiration": {"NoncurrentDays": _NONCURRENT_DAYS},
        }
    )
    return rendered


def apply_lifecycle(store: S3ObjectStore, rules: Mapping[str, RetentionRule]) -> list[str]:
    """Make the bucket's configuration hold our rules, beside those of others; ids of all rules afterwards.

    Raises:
        PermanentError: the server does not take lifecycle rules, or the credentials may not set them.
    """
    from botocore.exceptions import ClientError

    wanted: list[Any] = [rule for rule in _present(store) if not str(rule.get("ID", "")).startswith(_OURS)]
    wanted += lifecycle_rules(rules, store.prefix)
    try:
        store.client.put_bucket_lifecycle_configuration(Bucket=store.bucket, LifecycleConfiguration={"Rules": wanted})
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise PermanentError(
            f"The S3 server at {store.endpoint_url or 'AWS'} refused the lifecycle rules of '{store.bucket}' ({code}); "
            "on AWS the role needs s3:PutLifecycleConfiguration, other servers may not have them."
        ) from error
    return [str(rule["ID"]) for rule in _present(store)]


def tag_movable(store: S3ObjectStore, items: Iterable[PartitionItem], rules: Mapping[str, RetentionRule], today: date) -> int:
    """Tag data objects of partitions whose first move is due; how many. Nothing that is held back by a missing proof is moved."""
    tagged = 0
    for item in items:
        moves = [day for day in rules[item.stage].classes if day > 0]
        if not moves or (today - item.day).days < min(moves) or item.action in (Action.BLOCKED, Action.DELETE):
            continue
        for key in item.keys:
            if key.rsplit("/", 1)[-1] == MANIFEST_NAME:
                continue
            store.client.put_object_tagging(
                Bucket=store.bucket, Key=store.prefix + key, Tagging={"TagSet": [{"Key": TAG, "Value": TAG_VALUE}]}
            )
            tagged += 1
    return tagged


def _present(store: S3ObjectStore) -> list[dict[str, Any]]:
    from botocore.exceptions import ClientError

    try:
        answer: Any = store.client.get_bucket_lifecycle_configuration(Bucket=store.bucket)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("NoSuchLifecycleConfiguration", "NotImplemented"):
            return []
        raise PermanentError(f"The lifecycle rules of '{store.bucket}' cannot be read: {error}") from error
    return list(answer["Rules"])
