"""Where a number comes from: from a page's mart back to Kafka, with links to the assets in Dagster's UI.

Belongs here: the chain and the links, pure. Does not: dbt's manifest (`catalog.py`), drawing (`views/lineage.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from data_pipeline.serving.catalog import Catalog

_STAGE_WORDS = {
    "lake": "Spark: one row an event across hours, sessions, order items",
    "staged": "rows that broke no rule, by hour and source",
    "raw": "records of Kafka, byte for byte, by hour and source",
}
_AUDIT_TABLES = ("ingest_hours", "rejections")
"""Tables that are read off manifests and the quarantine, not off the lake."""


@dataclass(frozen=True)
class Link:
    """One asset on the way.

    Attributes:
        layer: the first part of its key, such as `marts`, `warehouse`, `raw`.
        name: the rest of it.
        description: what it holds.
        url: its page in Dagster's UI.
    """

    layer: str
    name: str
    description: str
    url: str


def asset_url(dagster_url: str, key: Sequence[str], partition: str | None = None) -> str:
    """The page of an asset, on one partition where that is given (`2026-03-14`)."""
    path = "/".join(quote(part, safe="") for part in key)
    suffix = f"?partition={quote(partition, safe='')}" if partition else ""
    return f"{dagster_url.rstrip('/')}/assets/{path}{suffix}"


def chain(
    page: str, marts: Sequence[str], catalog: Catalog, topics: Sequence[str], dagster_url: str, day: date | None = None
) -> list[Link]:
    """The assets behind a page, from the page down to Kafka.

    Args:
        page: the page's name.
        marts: relations that it reads.
        catalog: dbt's words; without it the chain goes from the marts to the warehouse in one step.
        topics: sources whose topics to name.
        dagster_url: address of Dagster's UI.
        day: partition to open, where one is chosen.
    """
    partition = day.isoformat() if day else None

    def link(layer: str, name: str, description: str, *, has_days: bool = True) -> Link:
        return Link(layer, name, description, asset_url(dagster_url, (layer, name), partition if has_days else None))

    nodes = list(reversed(catalog.upstream(marts)))
    links = [link("dashboards", page, "the page")]
    links += [link(node.layer, node.name, node.description) for node in nodes]
    if not nodes:
        links += [link("marts", mart, "") for mart in marts]
    tables = [node.name for node in nodes if node.layer == "warehouse"]
    links += [link("lake", table, _STAGE_WORDS["lake"]) for table in tables if table not in _AUDIT_TABLES]
    links += [link(stage, "events", _STAGE_WORDS[stage], has_days=False) for stage in ("staged", "raw")]
    links += [link("kafka", source, "the topic of the source", has_days=False) for source in topics]
    return links
