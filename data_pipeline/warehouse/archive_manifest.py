"""Publishing what an adapter wrote into the archive.

Belongs here: the archive's manifest and the rule that nothing archived is replaced by less. Does not: writing rows (the adapters).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.layout import archive_prefix
from data_pipeline.common.manifest import Entry, Manifest, publish_manifest, read_manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.contracts.columns import Table


def publish_archive(table: Table, day: date, entries: Sequence[Entry], store: ObjectStore, run_id: str) -> Manifest:
    """Publish a day's archive; objects that it does not name (an earlier archive's, or ours if that is equal) are removed."""
    prefix = archive_prefix(table.name, day)
    seen = read_manifest(store, prefix)
    rows = sum(entry.row_count for entry in entries)
    if seen is not None and seen.manifest.row_count > rows:
        _remove(store, entries)
        raise PermanentError(
            f"The archive of {table.name} for {day} has {seen.manifest.row_count} rows, the warehouse has {rows}; an archive is never "
            f"replaced by less. Restore that day first, or remove {store.url(prefix)}."
        )
    manifest = Manifest(f"archive/{table.name}", {"date": day.isoformat()}, list(entries), {"rows": rows}, {}, run_id)
    published = publish_manifest(store, prefix, manifest, seen).manifest
    _remove(store, [entry for entry in (seen.manifest.entries if seen else ()) if entry not in published.entries])
    return published


def _remove(store: ObjectStore, entries: Sequence[Entry]) -> None:
    for entry in entries:
        store.delete(entry.key)
