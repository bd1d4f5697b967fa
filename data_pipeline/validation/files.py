"""Raw rows from files: Parquet in the raw layer's columns, or one value a line, in batches of a bounded size.

Belongs here: reading in bounded batches, clear refusals. Does not: validation of what was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data_pipeline.common.errors import PermanentError
from data_pipeline.contracts.arrow import raw_table
from data_pipeline.validation.table import conform_raw

LARGE_FILE_BYTES = 8 * 2**20
BATCH_ROWS = 65_536
BATCH_BYTES = 64 * 2**20
"""A batch has no more rows than the one, and, by the average of its file, about as many bytes as the other."""
LINES_AT_ONCE = 16_384


def require_files(paths: Sequence[Path]) -> None:
    """PermanentError for the first path that is not a readable file of a known kind."""
    for path in paths:
        if path.suffix not in (".parquet", ".ndjson"):
            raise PermanentError(
                f"'{path}' is neither .parquet (the raw layer's columns) nor .ndjson (one value a line); rename or convert it."
            )
        if not path.exists():
            raise PermanentError(f"The file '{path}' does not exist; check its path.")
        if not path.is_file():
            raise PermanentError(f"'{path}' is not a file; name files, such as {path}/*.parquet.")


def read_batches(paths: Sequence[Path]) -> Iterator[pa.Table]:
    """All rows of the files, in their order, in tables of raw columns.

    A line of an .ndjson file is a value, an empty one too; it has no Kafka timestamp, so `received_at` is null and the
    rules that compare with it are not judged. Its partition is the file's place on the command line, its offset the line's.

    Raises:
        PermanentError: a file that is missing, cut, or has other columns.
    """
    require_files(paths)
    for place, path in enumerate(paths):
        yield from _parquet(path) if path.suffix == ".parquet" else _lines(path, place)


def _parquet(path: Path) -> Iterator[pa.Table]:
    try:
        with pq.ParquetFile(path) as reader:
            conform_raw(reader.schema_arrow.empty_table(), f"'{path}'")
            for batch in reader.iter_batches(batch_size=batch_rows(reader)):
                yield conform_raw(pa.Table.from_batches([batch]), f"'{path}'")
    except (pa.ArrowException, OSError) as error:
        raise PermanentError(f"'{path}' cannot be read as Parquet ({error}); it is cut or another kind of file: write it again.") from error


def _lines(path: Path, place: int) -> Iterator[pa.Table]:
    offset = 0
    try:
        with path.open("rb") as file:
            while lines := list(islice(file, LINES_AT_ONCE)):
                values = pa.array([line.removesuffix(b"\n") for line in lines], pa.binary())
                count = len(lines)
                columns = {
                    "partition": pa.array([place] * count, pa.int32()),
                    "offset": pa.array(range(offset, offset + count), pa.int64()),
                    "value": values,
                }
                yield raw_table(columns)
                offset += count
    except OSError as error:
        raise PermanentError(f"'{path}' cannot be read ({error.strerror}).") from error


def batch_rows(reader: pq.ParquetFile) -> int:
    """How many rows to read at once from a Parquet file, so that large values do not fill the memory."""
    metadata = reader.metadata
    size = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    return int(max(1, min(BATCH_ROWS, BATCH_BYTES * metadata.num_rows // max(size, 1))))
