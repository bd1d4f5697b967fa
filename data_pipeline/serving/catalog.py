"""What dbt says about the marts: their columns in words, and what they are made of.

Belongs here: reading dbt's manifest. Does not: asset keys and links (`lineage.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Node:
    """One relation of the dbt project.

    Attributes:
        name: `mart_revenue`.
        layer: `warehouse` for a source table, else the folder of the model: `staging`, `core`, `marts`, ….
        description: what a row is.
        columns: description by column.
        parents: names of what it reads.
    """

    name: str
    layer: str
    description: str
    columns: Mapping[str, str]
    parents: Sequence[str]


@dataclass(frozen=True)
class Catalog:
    """All relations by name; empty where dbt's manifest is not there."""

    nodes: Mapping[str, Node]

    def find(self, name: str) -> Node | None:
        """The relation of that name."""
        return self.nodes.get(name)

    def upstream(self, names: Sequence[str]) -> list[Node]:
        """The relations and all that they are made of, each once, from the warehouse's tables to the marts."""
        ordered: dict[str, Node] = {}

        def visit(name: str) -> None:
            node = self.nodes.get(name)
            if node is None or name in ordered:
                return
            for parent in node.parents:
                visit(parent)
            ordered[name] = node

        for name in names:
            visit(name)
        return list(ordered.values())


def read_catalog(manifest_path: Path) -> Catalog:
    """Read dbt's `manifest.json`; an empty catalog where the file is missing or is none, since pages work without."""
    try:
        manifest = json.loads(manifest_path.read_text())
        sources: Mapping[str, Any] = manifest["sources"]
        models = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}
        names = {key: str(node["name"]) for key, node in {**sources, **models}.items()}
        nodes = [_node(node, "warehouse", ()) for node in sources.values()]
        nodes += [
            _node(node, str(node["fqn"][1]), [names[parent] for parent in node["depends_on"]["nodes"] if parent in names])
            for node in models.values()
        ]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return Catalog({})
    return Catalog({node.name: node for node in nodes})


def _node(node: Mapping[str, Any], layer: str, parents: Sequence[str]) -> Node:
    columns = {str(name): str(column.get("description", "")) for name, column in node.get("columns", {}).items()}
    return Node(str(node["name"]), layer, str(node.get("description", "")), columns, parents)
