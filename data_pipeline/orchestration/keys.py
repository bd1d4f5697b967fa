"""Asset keys, groups and kinds: nouns, the same in every environment.

Belongs here: names. Does not: definitions.
"""

from __future__ import annotations

from dagster import AssetKey

KAFKA, RAW, STAGED, QUARANTINE, RESOLVED = "kafka", "raw", "staged", "quarantine", "resolved"
LAKE, WAREHOUSE, DASHBOARDS = "lake", "warehouse", "dashboards"


def topic_key(source: str) -> AssetKey:
    """`kafka/web`: the topic of a source, external to the platform."""
    return AssetKey([KAFKA, source])


def raw_key(dataset: str) -> AssetKey:
    """`raw/events`."""
    return AssetKey([RAW, dataset])


def staged_key(dataset: str) -> AssetKey:
    """`staged/events`."""
    return AssetKey([STAGED, dataset])


def quarantine_key(dataset: str) -> AssetKey:
    """`quarantine/events`."""
    return AssetKey([QUARANTINE, dataset])


def resolved_key(dataset: str) -> AssetKey:
    """`resolved/events`."""
    return AssetKey([RESOLVED, dataset])


def lake_key(table: str) -> AssetKey:
    """`lake/sessions`."""
    return AssetKey([LAKE, table])


def warehouse_key(table: str) -> AssetKey:
    """`warehouse/sessions`."""
    return AssetKey([WAREHOUSE, table])


def dashboard_key(page: str) -> AssetKey:
    """`dashboards/revenue`."""
    return AssetKey([DASHBOARDS, page])
