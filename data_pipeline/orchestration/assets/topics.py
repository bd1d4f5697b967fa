"""`kafka/<source>`: the topics, external assets where lineage begins."""

from __future__ import annotations

from dagster import AssetSpec, MetadataValue

from data_pipeline.common.sources import Source
from data_pipeline.orchestration.keys import KAFKA, topic_key


def topic_spec(source: Source) -> AssetSpec:
    """The topic of one source."""
    return AssetSpec(
        topic_key(source.name),
        description=f"Kafka topic `{source.topic}`, locked by the contract `{source.contract}`. Written by its producers, read by raw.",
        group_name=KAFKA,
        owners=[source.owner],
        kinds={"kafka"},
        metadata={"topic": source.topic, "contract": source.contract, "schedule": MetadataValue.text(source.schedule)},
    )
