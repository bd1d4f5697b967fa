"""Kafka → raw: every offset in exactly one hour, byte for byte, and the proof of it.

Belongs here: boundaries of hours, chunks, reading Kafka, raw objects, their manifest, proof and lag.
Does not: what a record means (`validation/`), and who starts a run (`orchestration/`, `commands/`).
"""

from data_pipeline.landing.chunks import CHUNK_ROWS, Chunk, OffsetRange
from data_pipeline.landing.encoding import ParquetSettings
from data_pipeline.landing.hour import LandedHour, land_hour, utc_now
from data_pipeline.landing.lag import PartitionLag, measure_lag
from data_pipeline.landing.land_chunk import LandedChunk, land_chunk
from data_pipeline.landing.planner import plan_chunks, record_landed
from data_pipeline.landing.progress import LandingProgress
from data_pipeline.landing.proof import PartitionProof
from data_pipeline.landing.prove import NotPublishedError, prove_hour
from data_pipeline.landing.rows import RAW_SCHEMA

__all__ = [
    "CHUNK_ROWS",
    "RAW_SCHEMA",
    "Chunk",
    "LandedChunk",
    "LandedHour",
    "LandingProgress",
    "NotPublishedError",
    "OffsetRange",
    "ParquetSettings",
    "PartitionLag",
    "PartitionProof",
    "land_chunk",
    "land_hour",
    "measure_lag",
    "plan_chunks",
    "prove_hour",
    "record_landed",
    "utc_now",
]
