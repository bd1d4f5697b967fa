"""Writing of one partition's Parquet objects, content-addressed, one after the other.

Belongs here: row groups, rotation by size, names from digests. Does not: manifests, what the rows are.
"""

from __future__ import annotations

import errno
import hashlib
import tempfile
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.manifest import Entry
from data_pipeline.common.object_store import ObjectStore

MAX_OBJECT_BYTES = 256 * 2**20
ROW_GROUP_ROWS = 131_072


class PartitionWriter:
    """Collects tables into Parquet objects of at most about 256 MiB below one prefix.

    An object is named by the digest of its bytes, so nothing that an older manifest names is ever overwritten.
    Bytes are spooled to a temporary folder: memory is that of one row group, and of one object while it is sent.

    Args:
        store: where objects go.
        prefix: the partition's folder.
        schema: columns of all tables.
        dictionary_columns: columns (leaf paths) with few values, stored as dictionaries.
        max_object_bytes: an object that has reached this size gets no more row groups.
    """

    def __init__(
        self, store: ObjectStore, prefix: str, schema: pa.Schema, dictionary_columns: list[str], max_object_bytes: int = MAX_OBJECT_BYTES
    ) -> None:
        self._store = store
        self._prefix = prefix.rstrip("/")
        self._schema = schema
        self._dictionary_columns = dictionary_columns
        self._max_object_bytes = max_object_bytes
        self._folder = tempfile.TemporaryDirectory(prefix="data-pipeline-")
        self._path = Path(self._folder.name) / "object.parquet"
        self._writer: pq.ParquetWriter | None = None
        self._row_count = 0
        self._pending: list[pa.Table] = []
        self._pending_rows = 0
        self.entries: list[Entry] = []

    def __enter__(self) -> PartitionWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._writer is not None:
            self._writer.close()
        self._folder.cleanup()

    def write(self, table: pa.Table) -> None:
        """Add rows; small tables are gathered until they fill a row group."""
        if not table.num_rows:
            return
        self._pending.append(table)
        self._pending_rows += table.num_rows
        if self._pending_rows >= ROW_GROUP_ROWS:
            self._flush()

    def finish(self) -> list[Entry]:
        """Send what is left; the entries of all objects, in order."""
        self._flush()
        self._close_object()
        return self.entries

    def _flush(self) -> None:
        if not self._pending:
            return
        table = pa.concat_tables(self._pending)
        self._pending, self._pending_rows = [], 0
        try:
            if self._writer is None:
                self._writer = pq.ParquetWriter(
                    self._path, self._schema, compression="zstd", compression_level=1, use_dictionary=self._dictionary_columns
                )
            self._writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
        except OSError as error:
            raise _explained(error, self._path) from error
        self._row_count += table.num_rows
        if self._path.stat().st_size >= self._max_object_bytes:
            self._close_object()

    def _close_object(self) -> None:
        if self._writer is None:
            return
        try:
            self._writer.close()
        except OSError as error:
            raise _explained(error, self._path) from error
        self._writer = None
        data = self._path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        key = f"{self._prefix}/part-{len(self.entries):05d}-{digest[:16]}.parquet"
        self._store.put(key, data)
        self.entries.append(Entry(key, len(data), self._row_count, digest))
        self._row_count = 0
        self._path.unlink()


def _explained(error: OSError, path: Path) -> Exception:
    if error.errno == errno.ENOSPC or "No space left" in str(error):
        return PermanentError(f"The disk is full while writing {path}; free some space, or set TMPDIR to a larger disk, and run again.")
    return error
