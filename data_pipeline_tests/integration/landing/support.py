"""What the landing tests share: sending records with exact timestamps, and reading back what landed."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from data_pipeline.common.layout import hour_prefix
from data_pipeline.common.manifest import Manifest, read_manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.common.sources import Source
from data_pipeline.common.windows import Hour
from data_pipeline.landing import LandedHour, land_hour
from data_pipeline.landing.rows import RAW_SCHEMA

H9 = Hour.parse("2026-03-14T09")
H10 = H9.next
H8 = Hour.parse("2026-03-14T08")


def ms(hour: Hour, minute: int = 0, second: int = 0) -> int:
    return int(hour.start.timestamp() * 1000) + (minute * 60 + second) * 1000


@dataclass(frozen=True)
class Record:
    """A record to send; `timestamp` 0 lets librdkafka take the present."""

    value: bytes | None
    timestamp: int
    partition: int = 0
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Topic:
    """A topic under test: sends, lands, reads back."""

    def __init__(self, servers: str, name: str, store: ObjectStore, source: str = "web") -> None:
        self.kafka = {"bootstrap.servers": servers}
        self.name = name
        self.store = store
        self.source = Source(source, name, "product_event", "team:tests")

    def send(self, records: Iterable[Record], producer: Producer | None = None) -> None:
        own = producer or Producer({**self.kafka, "linger.ms": 0, "batch.num.messages": 5})
        for record in records:
            own.produce(
                self.name,
                value=record.value,
                key=record.key,
                timestamp=record.timestamp,
                partition=record.partition,
                headers=list(record.headers) or None,
            )
            own.poll(0)
        assert own.flush(20) == 0

    def transaction(self, records: Iterable[Record], *, commit: bool = True) -> None:
        producer = Producer({**self.kafka, "transactional.id": f"{self.name}-{id(records)}", "transaction.timeout.ms": 60_000})
        producer.init_transactions(20)
        producer.begin_transaction()
        self.send(records, producer)
        if commit:
            producer.commit_transaction(20)
        else:
            producer.abort_transaction(20)

    def land(self, hour: Hour = H9, **options: Any) -> LandedHour:
        return land_hour(self.source, hour, self.kafka, self.store, **{"run_id": "test", "wait_s": 2, "chunk_rows": 100, **options})

    def delete_records(self, before: int, partition: int = 0) -> None:
        admin = AdminClient(self.kafka)
        for future in admin.delete_records([TopicPartition(self.name, partition, before)]).values():
            future.result(20)

    def log_end(self, partition: int = 0) -> int:
        tp = TopicPartition(self.name, partition)
        admin = AdminClient(self.kafka)
        offset: int = admin.list_offsets({tp: OffsetSpec.latest()})[tp].result(20).offset
        return offset

    def manifest(self, hour: Hour = H9) -> Manifest:
        published = read_manifest(self.store, hour_prefix("raw", self.source.name, hour))
        assert published is not None, f"{hour} is not published"
        return published.manifest

    def rows(self, hour: Hour = H9) -> list[dict[str, Any]]:
        """The hour's rows, through its manifest."""
        rows = []
        for entry in self.manifest(hour).entries:
            table = pq.read_table(io.BytesIO(self.store.get(entry.key)))
            assert table.schema.names == RAW_SCHEMA.names
            assert table.schema.field("received_at").type == pa.timestamp("ms", tz="UTC")
            assert table.num_rows == entry.row_count
            rows.extend(table.to_pylist())
        return rows

    def values(self, hour: Hour = H9, partition: int = 0) -> list[tuple[int, bytes | None]]:
        return [(row["offset"], row["value"]) for row in self.rows(hour) if row["partition"] == partition]

    def raw_objects(self) -> dict[str, bytes]:
        """Everything below raw/ but manifests."""
        return {item.key: self.store.get(item.key) for item in self.store.list("raw/") if not item.key.endswith(".json")}

    def equation(self, hour: Hour = H9, partition: int = 0) -> tuple[int, int, int, int]:
        """start, end, landed, control_or_gap, as published."""
        (found,) = [item for item in self.manifest(hour).details["partitions"] if item["partition"] == partition]
        return found["start"], found["end"], found["landed"], found["control_or_gap"]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
