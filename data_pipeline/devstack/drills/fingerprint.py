"""What a day's result consists of, reduced to what has to be equal however often its pipeline was killed.

Belongs here: reading and comparing results. Does not: producing them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from data_pipeline.common.manifest import MANIFEST_NAME, Manifest
from data_pipeline.common.object_store import ObjectStore

_HOUR_STAGES = ("raw/", "staged/", "quarantine/")
_FLOATS = ("DOUBLE", "FLOAT")


@dataclass(frozen=True)
class Fingerprint:
    """One result.

    Attributes:
        raw_objects: key to tag of every raw object there is, whether a manifest names it or not.
        partitions: key of each manifest to a digest of what it says: bytes of the hours, rows and counts of the lake.
        tables: name of each table of the warehouse to its rows and a digest of them that knows no order.
    """

    raw_objects: Mapping[str, str]
    partitions: Mapping[str, str]
    tables: Mapping[str, str]

    def __str__(self) -> str:
        return f"{len(self.raw_objects)} raw objects, {len(self.partitions)} manifests, {len(self.tables)} tables"

    def differences(self, other: Fingerprint) -> list[str]:
        """One sentence for each thing that is not the same in both; none when the results are equal."""
        sentences: list[str] = []
        for what in ("raw_objects", "partitions", "tables"):
            ours: Mapping[str, str] = getattr(self, what)
            theirs: Mapping[str, str] = getattr(other, what)
            sentences += [
                f"{what} {name}: {ours.get(name, 'absent')} became {theirs.get(name, 'absent')}"
                for name in sorted({*ours, *theirs})
                if ours.get(name) != theirs.get(name)
            ]
        return sentences


def take_fingerprint(store: ObjectStore, warehouse: Path) -> Fingerprint:
    """Read the whole result of a demo; the warehouse may be open elsewhere."""
    raw = {item.key: item.etag for item in store.list("raw/") if not item.key.endswith(MANIFEST_NAME)}
    partitions = {}
    for stage in (*_HOUR_STAGES, "lake/"):
        for item in store.list(stage):
            if item.key.endswith(f"/{MANIFEST_NAME}"):
                partitions[item.key] = _digest_of(Manifest.from_json(store.get(item.key), store, item.key))
    return Fingerprint(raw, partitions, _tables(warehouse))


def _digest_of(manifest: Manifest) -> str:
    content: list[object] = [dict(manifest.partition), dict(manifest.counts), manifest.row_count]
    if f"{manifest.stage.split('/')[0]}/" in _HOUR_STAGES:
        # The lake's folders carry the run's name, and Spark may order rows otherwise; hours are equal byte by byte.
        content.append(sorted((entry.key, entry.sha256) for entry in manifest.entries))
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _tables(warehouse: Path) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        # DuckDB lets one process in; a copy needs no turn.
        copy = Path(folder) / "copy.duckdb"
        for suffix in ("", ".wal"):
            source = warehouse.with_name(warehouse.name + suffix)
            if source.exists():
                shutil.copyfile(source, copy.with_name(copy.name + suffix))
        with duckdb.connect(str(copy)) as connection:
            columns: dict[str, list[str]] = {}
            rows = connection.execute(
                "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns "
                "JOIN information_schema.tables USING (table_catalog, table_schema, table_name) "
                "WHERE table_type = 'BASE TABLE' ORDER BY ALL"
            ).fetchall()
            for schema, table, column, kind in rows:
                # The last bits of a floating sum depend on the order in which cores added.
                expression = f'round("{column}", 6)' if kind in _FLOATS else f'"{column}"'
                columns.setdefault(f'"{schema}"."{table}"', []).append(expression)
            found = {}
            for table, expressions in columns.items():
                query = f"SELECT count(*), sum(hash({', '.join(expressions)})::HUGEINT) FROM {table}"
                count, digest = connection.execute(query).fetchall()[0]
                found[table] = f"{count} rows, {digest}"
            return found
