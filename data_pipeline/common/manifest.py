"""The manifest: the commit of one partition of one stage.

Its format is that which Redshift's UNLOAD writes and its COPY reads (`entries` with `url` and
`meta.content_length`), with our own counts under `data_pipeline`.
Belongs here: format, reading, atomic publication. Does not: what the counts of a stage mean.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from data_pipeline.common.errors import OvertakenError, PermanentError
from data_pipeline.common.object_store import ObjectStore, PreconditionFailedError

MANIFEST_NAME = "_manifest.json"


@dataclass(frozen=True)
class Entry:
    """One object of a partition.

    Attributes:
        key: the object's key in the store.
        size_bytes: its length.
        row_count: rows in it.
        sha256: hexadecimal digest of its bytes.
    """

    key: str
    size_bytes: int
    row_count: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What one partition of one stage consists of.

    Attributes:
        stage: such as `raw` or `lake/events`.
        partition: such as `{"date": "2026-03-14", "hour": "09", "source": "web"}`.
        entries: its objects, by key; none for an empty partition.
        counts: the numbers of the stage's conservation equation.
        details: what else the stage records (offset ranges, event days, inputs), JSON values only.
        run_id: the run that published it.
        generation: 1 for the first publication, one more for each that changed something.
    """

    stage: str
    partition: Mapping[str, str]
    entries: Sequence[Entry]
    counts: Mapping[str, int]
    details: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = ""
    generation: int = 1

    @property
    def row_count(self) -> int:
        """Rows in all objects."""
        return sum(entry.row_count for entry in self.entries)

    @property
    def size_bytes(self) -> int:
        """Bytes of all objects."""
        return sum(entry.size_bytes for entry in self.entries)

    def says_the_same_as(self, other: Manifest) -> bool:
        """True where both name the same content, whoever published it and when."""
        return self._content() == other._content()

    def _content(self) -> tuple[object, ...]:
        return (self.stage, dict(self.partition), list(self.entries), dict(self.counts), json.dumps(self.details, sort_keys=True))

    def to_json(self, store: ObjectStore) -> bytes:
        """Redshift's format, readable by people too."""
        document = {
            "entries": [
                {
                    "url": store.url(entry.key),
                    "mandatory": True,
                    "meta": {"content_length": entry.size_bytes, "record_count": entry.row_count},
                }
                for entry in self.entries
            ],
            "meta": {"content_length": self.size_bytes, "record_count": self.row_count},
            "data_pipeline": {
                "stage": self.stage,
                "partition": dict(self.partition),
                "generation": self.generation,
                "run_id": self.run_id,
                "counts": dict(self.counts),
                "sha256": {store.url(entry.key): entry.sha256 for entry in self.entries},
                "details": dict(self.details),
            },
        }
        return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes, store: ObjectStore, where: str) -> Manifest:
        """Read a manifest; PermanentError naming `where` when it is not one of ours."""
        try:
            document = json.loads(data)
            ours = document["data_pipeline"]
            entries = [
                Entry(
                    key=store.key(entry["url"]),
                    size_bytes=entry["meta"]["content_length"],
                    row_count=entry["meta"]["record_count"],
                    sha256=ours["sha256"][entry["url"]],
                )
                for entry in document["entries"]
            ]
            return cls(
                stage=ours["stage"],
                partition=ours["partition"],
                entries=entries,
                counts=ours["counts"],
                details=ours["details"],
                run_id=ours["run_id"],
                generation=ours["generation"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise PermanentError(f"{where} is not a manifest of this platform ({error!r}); materialize its partition again.") from error


@dataclass(frozen=True)
class PublishedManifest:
    """A manifest with the tag of the version that was read: what a replacement has to name."""

    manifest: Manifest
    etag: str


def manifest_key(partition_prefix: str) -> str:
    """Where the manifest of a partition stands."""
    return f"{partition_prefix.rstrip('/')}/{MANIFEST_NAME}"


def read_manifest(store: ObjectStore, partition_prefix: str) -> PublishedManifest | None:
    """The published manifest of a partition, or None where nothing was published."""
    key = manifest_key(partition_prefix)
    found = store.find(key)
    if found is None:
        return None
    return PublishedManifest(Manifest.from_json(found.data, store, store.url(key)), found.etag)


def require_manifest(store: ObjectStore, partition_prefix: str, asset: str) -> Manifest:
    """The published manifest; PermanentError naming the asset to materialize where there is none."""
    published = read_manifest(store, partition_prefix)
    if published is None:
        raise PermanentError(f"{store.url(manifest_key(partition_prefix))} does not exist; materialize {asset} for that partition first.")
    return published.manifest


def publish_manifest(store: ObjectStore, partition_prefix: str, manifest: Manifest, seen: PublishedManifest | None) -> PublishedManifest:
    """Make a partition visible, last of all writes.

    Args:
        store: where.
        partition_prefix: the partition's folder.
        manifest: what it consists of; its generation is set here.
        seen: the manifest that the writer read before it began, None if there was none.

    Returns:
        What is published now. Equal content is published once and keeps its generation.

    Raises:
        OvertakenError: another writer published other content since `seen` was read.
    """
    if seen is not None and manifest.says_the_same_as(seen.manifest):
        return seen
    key = manifest_key(partition_prefix)
    generation = seen.manifest.generation + 1 if seen else 1
    manifest = Manifest(
        manifest.stage, manifest.partition, manifest.entries, manifest.counts, manifest.details, manifest.run_id, generation
    )
    data = manifest.to_json(store)
    try:
        etag = store.replace(key, data, seen.etag) if seen else store.create(key, data)
    except PreconditionFailedError as error:
        current = read_manifest(store, partition_prefix)
        if current is not None and manifest.says_the_same_as(current.manifest):
            return current
        raise OvertakenError(
            f"{store.url(key)} was published by another run ({current.manifest.run_id if current else 'unknown'}) "
            f"while {manifest.run_id or 'this run'} was at work; its content stays. Run again if yours should replace it."
        ) from error
    return PublishedManifest(manifest, etag)
