"""Lands chunks in Spark tasks: the same unit of work on a cluster's executors.

Spark hands out chunks and brings back results; it reads no record itself.
Belongs here: distribution of chunks. Does not: making a session (the caller's), or planning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from data_pipeline.common.object_store import ObjectStore
from data_pipeline.landing.chunks import Chunk, contiguous_runs
from data_pipeline.landing.collector import rare_collections
from data_pipeline.landing.encoding import ParquetSettings
from data_pipeline.landing.kafka_client import Clients
from data_pipeline.landing.land_chunk import LandedChunk, land_with
from data_pipeline.landing.planner import record_landed
from data_pipeline.landing.range_reader import RangeReader

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LONGEST_RUN = 8


def land_with_spark(
    spark: SparkSession,
    chunks: Sequence[Chunk],
    kafka: Mapping[str, str],
    store: ObjectStore,
    settings: ParquetSettings | None = None,
) -> list[LandedChunk]:
    """Land chunks of one topic and hour, or of several, and record what landed.

    Args:
        spark: the session; its executors need this package and reach Kafka and the store.
        chunks: what to land.
        kafka: librdkafka's connection settings.
        store: where objects go; sent to the executors with its credentials.
        settings: how objects are compressed.

    Raises:
        Py4JJavaError: a task failed after Spark's own retries; what other tasks landed stands, and is found again.
    """
    by_place: dict[tuple[str, str, str], list[Chunk]] = {}
    for chunk in chunks:
        by_place.setdefault((chunk.source, str(chunk.hour), chunk.topic_id), []).append(chunk)
    tasks: list[list[Chunk]] = []
    for group in by_place.values():
        by_range = {chunk.offsets: chunk for chunk in group}
        tasks += [[by_range[offsets] for offsets in run] for run in contiguous_runs(by_range, _LONGEST_RUN)]
    if not tasks:
        return []
    chosen, connection = settings or ParquetSettings(), dict(kafka)

    def work(items: Iterator[list[Chunk]]) -> Iterator[tuple[Chunk, LandedChunk]]:
        with rare_collections(), RangeReader(Clients(connection)) as reader:
            for run in items:
                for chunk in run:
                    yield chunk, land_with(reader, chunk, store, chosen)

    landed = spark.sparkContext.parallelize(tasks, len(tasks)).mapPartitions(work).collect()
    record_landed(store, landed)
    return [result for _, result in landed]
