"""The proof: every object of the bucket is opened, and every text in it searched for the person's identifiers.

Belongs here: searching objects. Does not: searching the warehouse (it is asked in SQL by the command).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.object_store import ObjectStore

_THREADS = 4


@dataclass(frozen=True)
class SearchResult:
    """What the search saw.

    Attributes:
        object_count: objects opened.
        size_bytes: their bytes.
        hits: keys that hold an identifier, with the column where there is one.
    """

    object_count: int
    size_bytes: int
    hits: tuple[str, ...]


def search_bucket(
    store: ObjectStore, identifiers: Sequence[str], *, but: Sequence[str] = (), progress: Callable[[int], None] = lambda _: None
) -> SearchResult:
    """Open every object.

    Args:
        store: the bucket.
        identifiers: what must not be found.
        but: keys that are left out, such as the record of the pending erasure.
        progress: hears the number of objects so far.
    """
    keys = [info.key for info in store.list("") if info.key not in set(but)]
    patterns = [identifier.encode() for identifier in identifiers]
    hits: list[str] = []
    size = 0

    def look(key: str) -> tuple[int, list[str]]:
        found = store.find(key)
        return (0, []) if found is None else (len(found.data), [f"{key}{where}" for where in search_object(key, found.data, patterns)])

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="search") as pool:
        for number, (bytes_read, where) in enumerate(pool.map(look, keys), 1):
            size += bytes_read
            hits += where
            progress(number)
    return SearchResult(len(keys), size, tuple(hits))


def search_object(key: str, data: bytes, patterns: Sequence[bytes]) -> list[str]:
    """Where one object holds a pattern: ` (column)` for Parquet, empty text for others.

    Raises:
        PermanentError: an object is named Parquet and is none: nobody could say what it holds.
    """
    if not key.endswith(".parquet"):
        return [""] if any(pattern in data for pattern in patterns) else []
    try:
        reader = pq.ParquetFile(io.BytesIO(data))
        found: set[str] = set()
        for group in range(reader.num_row_groups):
            table = reader.read_row_group(group)
            found.update(name for name in table.column_names if _holds(table[name], patterns))
    except pa.ArrowException as error:
        raise PermanentError(f"{key} cannot be opened as Parquet ({error}); delete or restore it, and search again.") from error
    # Statistics in the footer repeat the smallest and largest values as they are.
    if any(pattern in data[-reader.metadata.serialized_size - 8 :] for pattern in patterns):
        found.add("footer")
    return [f" ({name})" for name in sorted(found)]


def _holds(column: pa.ChunkedArray, patterns: Sequence[bytes]) -> bool:
    return any(_has(leaf, pattern) for chunk in column.chunks for leaf in _leaves(chunk) for pattern in patterns)


def _has(leaf: pa.Array, pattern: bytes) -> bool:
    return bool(pc.any(pc.fill_null(pc.match_substring(leaf, pattern), False)).as_py())


def _leaves(array: pa.Array) -> Iterator[pa.Array]:
    """All texts and byte strings below a column, as binary."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        yield from _leaves(array.dictionary)
    elif pa.types.is_struct(kind):
        for number in range(kind.num_fields):
            yield from _leaves(array.field(number))
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _leaves(array.flatten())
    elif pa.types.is_string(kind) or pa.types.is_binary(kind):
        yield array.cast(pa.binary())
    elif pa.types.is_large_string(kind) or pa.types.is_large_binary(kind) or pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        yield array.cast(pa.large_binary())
