"""Lands one chunk: reads its offsets from Kafka and writes them as Parquet objects, the same bytes on every run.

It can be run twice at once, killed at any point and run again, here, in a Lambda or in a Spark task: nothing goes wrong.
Belongs here: the unit of work. Does not: which chunks an hour has (`hour.py`), and what has landed before.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data_pipeline.common import layout
from data_pipeline.common.errors import PermanentError, TransientError
from data_pipeline.common.manifest import Entry
from data_pipeline.common.object_store import ObjectStore, PreconditionFailedError
from data_pipeline.common.windows import Hour
from data_pipeline.landing.blocks import Block, BlockBuilder
from data_pipeline.landing.chunks import Chunk, OffsetRange
from data_pipeline.landing.encoding import OBJECT_BYTES, ObjectWriter, ParquetSettings
from data_pipeline.landing.kafka_client import Clients
from data_pipeline.landing.range_reader import RangeReader
from data_pipeline.landing.rows import RAW_SCHEMA
from data_pipeline.landing.topic_log import TopicLog

LARGE_BYTES = 48 * 1024 * 1024
"""Compressed size from which an object, three times that of a usual one, has to be the only such in its process."""
_one_large_object = threading.Lock()


@dataclass(frozen=True)
class LandedChunk:
    """What a chunk became.

    Attributes:
        offsets: its range.
        entries: its objects; none where the range holds no visible record.
        landed: rows in them.
        last_received_ms: timestamp of its last record that has one, epoch milliseconds; None without.
    """

    offsets: OffsetRange
    entries: tuple[Entry, ...]
    landed: int
    last_received_ms: int | None = None

    @property
    def control_or_gap(self) -> int:
        """Offsets that hold no record: control records, aborted transactions, compaction."""
        return self.offsets.offset_count - self.landed

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "partition": self.offsets.partition,
            "first": self.offsets.first,
            "last": self.offsets.last,
            "landed": self.landed,
            "entries": [[entry.key, entry.size_bytes, entry.row_count, entry.sha256] for entry in self.entries],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> LandedChunk:
        """Read one; KeyError, TypeError or ValueError when it is none."""
        return cls(
            OffsetRange(int(document["partition"]), int(document["first"]), int(document["last"])),
            tuple(Entry(str(key), int(size), int(rows), str(digest)) for key, size, rows, digest in document["entries"]),
            int(document["landed"]),
        )


def land_chunk(
    topic: str,
    partition: int,
    first: int,
    last: int,
    *,
    source: str,
    hour: Hour,
    kafka: Mapping[str, str],
    store: ObjectStore,
    topic_id: str | None = None,
    reader: RangeReader | None = None,
    settings: ParquetSettings | None = None,
) -> LandedChunk:
    """Land the offsets `first` to `last`, both included.

    Args:
        topic: Kafka topic.
        partition: Kafka partition.
        first: first offset.
        last: last offset.
        source: the source's name, for the objects' folder.
        hour: the hour, for the objects' folder.
        kafka: librdkafka's connection settings.
        store: where objects go.
        topic_id: if given, another topic of the same name is refused.
        reader: an open reader to go on with; it saves a connection where chunks follow one another.
        settings: how objects are compressed.

    Raises:
        LostOffsetsError: Kafka no longer holds some of the offsets.
        TransientError: Kafka or the store did not answer; run it again.
        PermanentError: the topic is another one, or what stands in the store has more rows than Kafka.
    """
    chunk = Chunk(source, hour, topic, topic_id or "", OffsetRange(partition, first, last))
    if topic_id is not None:
        require_same_topic(TopicLog(kafka, topic).describe().topic_id, topic_id, topic, "this chunk")
    if reader is not None:
        return land_with(reader, chunk, store, settings or ParquetSettings())
    with RangeReader(Clients(kafka)) as own:
        return land_with(own, chunk, store, settings or ParquetSettings())


def land_with(
    reader: RangeReader,
    chunk: Chunk,
    store: ObjectStore,
    settings: ParquetSettings,
    on_rows: Callable[[int, int], None] | None = None,
) -> LandedChunk:
    """Land a chunk with an open reader; `on_rows` hears of rows and bytes as objects are written.

    One object as a rule, more where the values are large, none where no record is visible.
    """
    entries: list[Entry] = []
    first, last, last_received_ms, has_turn = chunk.offsets.first, chunk.offsets.last, None, False

    def put(until: int) -> None:
        name = OffsetRange(chunk.offsets.partition, first, until).object_name
        entries.append(put_object(store, f"{chunk.prefix}/{name}", writer.finish(), writer.row_count))
        if on_rows is not None:
            on_rows(entries[-1].row_count, entries[-1].size_bytes)

    writer = ObjectWriter(settings)
    with ExitStack() as turn:
        for block in read_blocks(reader, chunk):
            writer.add(block)
            last_received_ms = _last_timestamp(block.batch) or last_received_ms
            if writer.size_bytes >= OBJECT_BYTES and block.last_offset < last:
                put(block.last_offset)
                first = block.last_offset + 1
                writer = ObjectWriter(settings)
                turn.close()
            elif writer.stored_bytes > LARGE_BYTES and not has_turn:
                turn.enter_context(_one_large_object)
            has_turn = writer.stored_bytes > LARGE_BYTES
        if writer.row_count:
            put(last)
    return LandedChunk(chunk.offsets, tuple(entries), sum(entry.row_count for entry in entries), last_received_ms)


def read_blocks(reader: RangeReader, chunk: Chunk) -> Iterator[Block]:
    """The rows of a chunk, in blocks."""
    reader.seek(chunk.topic, chunk.offsets.partition, chunk.offsets.first)
    builder = BlockBuilder(chunk.offsets.partition)
    for rows in reader.batches(chunk.offsets.last + 1):
        yield from builder.append(rows)
    yield from builder.rest()


def put_object(store: ObjectStore, key: str, data: bytes, row_count: int) -> Entry:
    """Write an object once. One that stands there already is kept if it holds all of our rows, else replaced.

    Rows can become fewer in Kafka (compaction) after they landed; what landed is never replaced by less.
    """
    try:
        store.create(key, data)
    except PreconditionFailedError:
        found = store.find(key)
        if found is None:
            raise TransientError(f"{store.url(key)} appeared and vanished while it was written; run again.") from None
        if found.data != data:
            standing = read_raw_object(found.data, OffsetRange.of_object(key))
            if standing is not None and _holds_all(standing, data):
                return entry_of(key, found.data, standing.num_rows)
            if standing is not None and standing.num_rows > row_count:
                raise PermanentError(
                    f"{store.url(key)} holds {standing.num_rows} rows that are not those of Kafka ({row_count} now); it is left as it is. "
                    "Move it away if it belongs to a topic that no longer exists, then run again."
                ) from None
            _replace(store, key, data, found.etag)
    return entry_of(key, data, row_count)


def entry_of(key: str, data: bytes, row_count: int) -> Entry:
    """The manifest's entry for an object."""
    return Entry(key, len(data), row_count, hashlib.sha256(data).hexdigest())


def read_raw_object(data: bytes, offsets: OffsetRange) -> pa.Table | None:
    """A raw object's rows, None if it is not whole, not of the raw layer, or holds other offsets than its name says."""
    try:
        table = pq.read_table(io.BytesIO(data))
    except (pa.ArrowException, OSError):
        return None
    if table.column_names != RAW_SCHEMA.names or table.num_rows == 0:
        return None
    values = table.column("offset").to_numpy()
    is_ascending = bool((values[1:] > values[:-1]).all())
    is_inside = offsets.first <= values[0] and values[-1] <= offsets.last
    return table if is_ascending and is_inside else None


def _holds_all(standing: pa.Table, data: bytes) -> bool:
    ours = pq.read_table(io.BytesIO(data))
    same_offsets = standing.filter(pc.is_in(standing.column("offset"), value_set=ours.column("offset")))
    return bool(same_offsets.combine_chunks().equals(ours.combine_chunks()))


def require_same_topic(found_id: str, expected_id: str, topic: str, what: str) -> None:
    """PermanentError naming both ids when a topic was deleted and made anew."""
    if found_id != expected_id:
        raise PermanentError(
            f"Topic '{topic}' has the id {found_id}, but {what} belongs to the one with the id {expected_id}: it was deleted "
            f"and created again; its offsets mean other records. Give the new topic a source name and topic name of its own, or move "
            f"{layout.ledger_key(topic, Hour.parse('1970-01-01T00').start).rsplit('/', 1)[0]}/ away to start a new ledger."
        )


def _replace(store: ObjectStore, key: str, data: bytes, etag: str) -> None:
    try:
        store.replace(key, data, etag)
    except PreconditionFailedError as error:
        raise TransientError(f"{store.url(key)} was written by another run at the same moment; run again.") from error


def _last_timestamp(block: pa.RecordBatch) -> int | None:
    value = block.column(2)[-1]
    return None if not value.is_valid else int(value.value)
