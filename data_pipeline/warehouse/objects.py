"""The objects of a manifest, checked: that they are there, whole, and of the table's shape.

Belongs here: download and checks that need no warehouse. Does not: SQL, listing of prefixes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.manifest import Entry, Manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.contracts.columns import Table

_DOWNLOADS_AT_ONCE = 4
_BLOCK_BYTES = 1 << 20


def download_objects(table: Table, manifest: Manifest, store: ObjectStore, folder: Path) -> list[Path]:
    """Copy a manifest's objects into a folder, each checked against size, digest and the table's columns.

    Returns:
        One file for each entry, in the manifest's order.

    Raises:
        PermanentError: naming every object that is missing, truncated, altered or of other columns.
    """
    _require_presence(manifest, store)
    paths = [folder / f"{number:05d}.parquet" for number in range(len(manifest.entries))]
    with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
        list(pool.map(lambda pair: store.download(pair[0].key, pair[1]), zip(manifest.entries, paths, strict=True)))
    damaged = [store.url(entry.key) for entry, path in zip(manifest.entries, paths, strict=True) if not _is_whole(entry, path)]
    if damaged:
        raise PermanentError(
            f"{_listed(damaged)} {_plural(damaged, 'differs', 'differ')} from the manifest in size or digest (truncated or overwritten); "
            f"materialize {manifest.stage} for {_partition(manifest)} again."
        )
    for entry, path in zip(manifest.entries, paths, strict=True):
        _require_columns(table, store.url(entry.key), path)
    return paths


def require_objects(manifest: Manifest, store: ObjectStore) -> None:
    """Check presence and size without a download, for a warehouse that reads the objects itself."""
    _require_presence(manifest, store)


def unloaded_entries(store: ObjectStore, manifest_key: str) -> list[Entry]:
    """The objects that an UNLOAD's own manifest names; none where it found no rows and wrote nothing.

    Raises:
        PermanentError: an object is not of the size that the manifest says.
    """
    found = store.find(manifest_key)
    if found is None:
        return []
    entries = []
    for named in json.loads(found.data)["entries"]:
        key, meta = store.key(named["url"]), named["meta"]
        data = store.get(key)
        if len(data) != meta["content_length"]:
            raise PermanentError(f"{named['url']} has {len(data)} bytes, UNLOAD wrote {meta['content_length']}; archive the day again.")
        if meta["record_count"]:
            entries.append(Entry(key, len(data), meta["record_count"], hashlib.sha256(data).hexdigest()))
    return entries


def _require_presence(manifest: Manifest, store: ObjectStore) -> None:
    with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
        heads = list(pool.map(lambda entry: store.head(entry.key), manifest.entries))
    found = list(zip(manifest.entries, heads, strict=True))
    missing = [store.url(entry.key) for entry, head in found if head is None]
    if missing:
        raise PermanentError(
            f"{_listed(missing)} {_plural(missing, 'is', 'are')} named by the manifest of {manifest.stage} for {_partition(manifest)} but "
            f"{_plural(missing, 'does', 'do')} not exist; materialize that partition of {manifest.stage} again."
        )
    short = [
        f"{store.url(entry.key)} ({head.size} of {entry.size_bytes} bytes)"
        for entry, head in found
        if head is not None and head.size != entry.size_bytes
    ]
    if short:
        raise PermanentError(
            f"{_listed(short)} {_plural(short, 'has', 'have')} another size than the manifest says; "
            f"materialize {manifest.stage} for {_partition(manifest)} again."
        )


def _is_whole(entry: Entry, path: Path) -> bool:
    if path.stat().st_size != entry.size_bytes:
        return False
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return not entry.sha256 or digest.hexdigest() == entry.sha256


def _require_columns(table: Table, url: str, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
    except (pa.ArrowInvalid, OSError) as error:
        raise PermanentError(f"{url} is not a Parquet object ({error}); materialize the partition that wrote it again.") from error
    lacking = [name for name in table.column_names if name not in names]
    unknown = [name for name in names if name not in table.column_names]
    if lacking or unknown:
        parts = [f"lacks {', '.join(lacking)}" if lacking else "", f"has unknown {', '.join(unknown)}" if unknown else ""]
        raise PermanentError(
            f"{url} does not have the columns of table {table.name}: it {' and '.join(part for part in parts if part)}. "
            f"Materialize lake/{table.name} with this version of the catalogue."
        )


def _partition(manifest: Manifest) -> str:
    return "/".join(f"{name}={value}" for name, value in manifest.partition.items()) or "its partition"


def _listed(items: Sequence[str], limit: int = 5) -> str:
    rest = f" and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + rest


def _plural(items: Sequence[str], one: str, many: str) -> str:
    return one if len(items) == 1 else many
