"""The events of the demo: sent once for a day, whole or not at all, and counted where they are made.

Belongs here: what was sent and when that may be repeated. Does not: making events (`generator/`, `samples/`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from data_pipeline.common.errors import TransientError
from data_pipeline.common.sources import load_sources
from data_pipeline.devstack.files import replace_text
from data_pipeline.devstack.kafka import create_topic
from data_pipeline.settings import Settings

FILE = "demo.json"
_DELETE_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class SentEvents:
    """What the demo's topics hold.

    Attributes:
        day: the UTC day on which all of it arrived.
        totals: the sender's own counts (`EventTotals.to_json`).
    """

    day: date
    totals: Mapping[str, Any]


def send_once(settings: Settings, day: date, send: Callable[[date, Path], None], progress: Callable[[str], None]) -> SentEvents:
    """Send the demo's events unless an earlier demo did; topics that a killed one left half filled are made anew.

    Args:
        settings: the stack's.
        day: the day to send, where nothing was sent before.
        send: sends a day's events and writes its counts into the file.
        progress: told one sentence a step.
    """
    record = settings.state_dir / FILE
    found = json.loads(record.read_text()) if record.exists() else None
    if found and found["is_complete"]:
        progress(f"The events of {found['day']} were sent before; the topics hold them.")
        return SentEvents(date.fromisoformat(found["day"]), found["totals"])
    if found:
        progress("An earlier demo was stopped while it sent; its topics are made anew…")
        _recreate_topics(settings)
    replace_text(record, json.dumps({"day": day.isoformat(), "is_complete": False}))
    totals_path = settings.state_dir / "demo-totals.json"
    send(day, totals_path)
    totals = json.loads(totals_path.read_text())
    replace_text(record, json.dumps({"day": day.isoformat(), "is_complete": True, "totals": totals}))
    return SentEvents(day, totals)


def _recreate_topics(settings: Settings) -> None:
    from confluent_kafka.admin import AdminClient

    admin = AdminClient(settings.kafka_client_config())
    topics = [source.topic for source in load_sources(settings.sources_file).values()]
    for future in admin.delete_topics(topics).values():
        # A topic that is not there is as good as deleted.
        future.exception(_DELETE_TIMEOUT_S)
    deadline = time.monotonic() + _DELETE_TIMEOUT_S
    while any(topic in admin.list_topics(timeout=10).topics for topic in topics):
        if time.monotonic() > deadline:
            raise TransientError(f"Kafka did not delete the demo's topics within {_DELETE_TIMEOUT_S:.0f} s; run the demo again.")
        time.sleep(0.2)
    for topic in topics:
        create_topic(settings.kafka_bootstrap_servers, topic, partitions=settings.kafka_topic_partitions)
