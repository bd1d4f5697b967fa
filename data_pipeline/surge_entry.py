"""Entry point of the surge planner's Lambda function: `data_pipeline.surge_entry.handler`, called by EventBridge every minute.

Belongs here: building the platform from the environment at the first call. Does not: what a round does.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from data_pipeline.orchestration.platform import Platform
from data_pipeline.orchestration.watch.surge import plan
from data_pipeline.settings import Settings


@cache
def _platform() -> Platform:
    return Platform(Settings.from_env())


def handler(event: Mapping[str, Any], context: object) -> dict[str, str]:
    """One round of the planner; EventBridge's event carries nothing that it needs."""
    return {"decision": plan(_platform())}
