"""Where batches go: Kafka, or files.

Belongs here: producing and writing. Does not: what is in the batches, settings.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from confluent_kafka import KafkaError, KafkaException

from data_pipeline.common.errors import PermanentError, TransientError
from data_pipeline.devstack.generator.batch import RAW_SCHEMA, RawBatch
from data_pipeline.devstack.generator.producers import open_producer

_FLUSH_S = 120.0
HEADER = ("schema_version", b"1")


class Sink(Protocol):
    """Takes batches; `close` makes them last, `abort` leaves nothing half-written behind."""

    def write(self, batch: RawBatch) -> None:
        """Take one batch."""
        ...

    def close(self) -> None:
        """All batches are in: return once they are safe."""
        ...

    def abort(self) -> None:
        """Something failed before the end."""
        ...


class KafkaSink:
    """Sends batches to the topics of their sources, in order, with `received_at` as the record's timestamp.

    Records stay in the partition that the batch says; ask `topics.partition_counts` for a batch that fits.
    """

    def __init__(self, config: Mapping[str, Any], topics: Mapping[str, str]) -> None:
        self._topics = topics
        self._failure: KafkaError | None = None
        settings = {
            **config,
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 50,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 500_000,
            "queue.buffering.max.kbytes": 262_144,
            "delivery.report.only.error": True,
            "log_level": 2,
        }
        self._producer = open_producer(settings, HEADER, self._on_failure)

    def write(self, batch: RawBatch) -> None:
        """Queue a batch; waits while the queue is full. TransientError where a record could not be delivered."""
        table = batch.table
        names = ("value", "key", "partition", "received_at")
        value, key, partition, timestamp = (pa.concat_arrays(table[name].chunks or [pa.array([], table[name].type)]) for name in names)
        done = 0
        while done < table.num_rows:
            try:
                done = self._producer.produce(self._topics[batch.source], value, key, partition, timestamp, done)
            except KafkaException as error:
                raise PermanentError(
                    f"Kafka does not take a record of {batch.source} ({error}); see the topic's `max.message.bytes`."
                ) from error
            self._producer.poll(0 if done == table.num_rows else 0.1)
            self._raise_failure()

    def close(self) -> None:
        """Wait until the brokers have everything."""
        left = self._producer.flush(_FLUSH_S)
        self._raise_failure()
        self._producer.close()
        if left:
            raise TransientError(f"{left} records were not taken by Kafka within {_FLUSH_S:.0f} s; see whether the brokers are up.")

    def abort(self) -> None:
        """Drop what is still queued."""
        self._producer.purge()
        self._producer.flush(1)
        self._producer.close()

    def _on_failure(self, error: KafkaError) -> None:
        if self._failure is None:
            self._failure = error

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise TransientError(f"Kafka refused a record ({self._failure.str()}); what was sent before it stays sent.")


class FileSink:
    """Writes one file a source and day (or hour), whole or not at all.

    `.ndjson` has one value a line; a record without a value is an empty line there.
    """

    def __init__(self, directory: Path, kind: str, is_hourly: bool = False) -> None:
        if kind not in ("parquet", "ndjson"):
            raise PermanentError(f"'{kind}' is not a format of the generator; choose parquet or ndjson.")
        self._directory, self._kind, self._is_hourly = directory, kind, is_hourly
        self._open: dict[str, tuple[Path, pq.ParquetWriter | BinaryIO]] = {}
        self.paths: list[Path] = []
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PermanentError(f"The folder '{directory}' cannot be made ({error.strerror}); name one that can be written.") from error

    def write(self, batch: RawBatch) -> None:
        """Append to the batch's file. The files of a source's earlier windows are finished first."""
        window = str(batch.hour) if self._is_hourly else batch.hour.date.isoformat()
        path = self._directory / f"{batch.source}-{window}.{self._kind}"
        opened = self._open.get(batch.source)
        if opened is not None and opened[0] != path:
            self._finish(batch.source)
            opened = None
        try:
            if opened is None:
                opened = self._open[batch.source] = (path, self._start(_partial(path)))
            if isinstance(opened[1], pq.ParquetWriter):
                opened[1].write_table(batch.table)
            else:
                opened[1].writelines((value or b"") + b"\n" for value in batch.table["value"].to_pylist())
        except OSError as error:
            raise PermanentError(f"'{path}' cannot be written ({error.strerror or error}); free space or name another folder.") from error

    def close(self) -> None:
        """Finish all files."""
        for source in list(self._open):
            self._finish(source)

    def abort(self) -> None:
        """Remove what is not finished."""
        for path, writer in self._open.values():
            with contextlib.suppress(OSError):
                writer.close()
            _partial(path).unlink(missing_ok=True)

    def _start(self, path: Path) -> pq.ParquetWriter | BinaryIO:
        if self._kind == "parquet":
            return pq.ParquetWriter(path, RAW_SCHEMA, compression="zstd", use_dictionary=["headers"])
        return path.open("wb")

    def _finish(self, source: str) -> None:
        path, writer = self._open.pop(source)
        writer.close()
        _partial(path).replace(path)
        self.paths.append(path)


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")
