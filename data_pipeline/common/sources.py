"""The list of sources: one block of `sources.yaml` each.

Belongs here: reading and checking that file. Does not: what is built from a source (`orchestration/`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from data_pipeline.common.errors import PermanentError

PRODUCT_EVENT_CONTRACT = "product_event"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_OWNER = re.compile(r"team:[A-Za-z0-9_.-]+|[^@\s]+@[^@\s]+\.[^@\s]+")
_FIELDS = {"topic", "contract", "owner", "schedule"}


@dataclass(frozen=True)
class Source:
    """One source of events.

    Attributes:
        name: `web`; names partitions and folders.
        topic: its Kafka topic.
        contract: a folder below `data_pipeline/contracts/`, or a path to one.
        owner: `team:<name>` or an e-mail address.
        schedule: `hourly` or a cron expression, UTC.
    """

    name: str
    topic: str
    contract: str
    owner: str
    schedule: str = "hourly"

    @property
    def is_product_events(self) -> bool:
        """Whether sessions and marts are built from it."""
        return self.contract == PRODUCT_EVENT_CONTRACT


def load_sources(path: Path) -> dict[str, Source]:
    """Read the file; PermanentError naming the block, the value and what is allowed."""
    try:
        document: Any = yaml.safe_load(path.read_text())
    except OSError as error:
        raise PermanentError(f"The sources file {path} cannot be read ({error.strerror}); set DATA_PIPELINE_SOURCES_FILE.") from error
    except yaml.YAMLError as error:
        raise PermanentError(f"The sources file {path} is not YAML: {error}") from error
    blocks = document.get("sources") if isinstance(document, dict) else None
    if not isinstance(blocks, dict) or not blocks:
        raise PermanentError(f"The sources file {path} has no block `sources:` with at least one source.")
    sources = {str(name): _read_block(path, str(name), block) for name, block in blocks.items()}
    topics = [source.topic for source in sources.values()]
    for topic in topics:
        if topics.count(topic) > 1:
            raise PermanentError(f"{path}: topic '{topic}' belongs to more than one source; a topic is landed once.")
    return sources


def find_source(sources: dict[str, Source], name: str) -> Source:
    """The source of that name; PermanentError listing those there are."""
    if name not in sources:
        raise PermanentError(
            f"'{name}' is not a source; there are {', '.join(sorted(sources))}. Add a block to sources.yaml for a new one."
        )
    return sources[name]


def _read_block(path: Path, name: str, block: Any) -> Source:
    if not _NAME.fullmatch(name):
        raise PermanentError(f"{path}: source name '{name}' is not allowed; use lower-case letters, digits and underscores.")
    if not isinstance(block, dict) or not {"topic", "contract", "owner"} <= set(block) or not set(block) <= _FIELDS:
        raise PermanentError(f"{path}: source '{name}' needs topic, contract and owner, may have schedule, and nothing else.")
    source = Source(name=name, **{key: str(value) for key, value in block.items()})
    if not _TOPIC.fullmatch(source.topic):
        raise PermanentError(f"{path}: '{source.topic}' of source '{name}' is not a Kafka topic name.")
    if not _OWNER.fullmatch(source.owner):
        raise PermanentError(f"{path}: owner '{source.owner}' of source '{name}' must be `team:<name>` or an e-mail address.")
    if source.schedule != "hourly" and len(source.schedule.split()) != 5:
        raise PermanentError(f"{path}: schedule '{source.schedule}' of source '{name}' must be `hourly` or a cron expression of 5 fields.")
    return source
