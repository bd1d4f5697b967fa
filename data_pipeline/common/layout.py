"""Where things lie in the bucket: the only place that spells a prefix.

Belongs here: names of prefixes. Does not: reading or writing there.
"""

from __future__ import annotations

from datetime import date, datetime

from data_pipeline.common.windows import Hour


def hour_prefix(stage: str, source: str, hour: Hour) -> str:
    """`raw/date=2026-03-14/hour=09/source=web` for the stages raw, staged, quarantine and profiles."""
    return f"{stage}/{hour.path}/source={source}"


def hour_partition(source: str, hour: Hour) -> dict[str, str]:
    """The partition block of a manifest of an hour and source."""
    return {"date": f"{hour.start:%Y-%m-%d}", "hour": f"{hour.start:%H}", "source": source}


def lake_prefix(table: str, day: date) -> str:
    """`lake/events/date=2026-03-14`."""
    return f"lake/{table}/date={day.isoformat()}"


def archive_prefix(table: str, day: date) -> str:
    """`archive/events/date=2024-03-14`: a day that left the warehouse."""
    return f"archive/{table}/date={day.isoformat()}"


def ledger_key(topic: str, instant: datetime) -> str:
    """`ledger/product-events.web/2026-03-14T09.json`."""
    return f"ledger/{topic}/{instant:%Y-%m-%dT%H}.json"


def ledger_head_key(topic: str) -> str:
    """`ledger_heads/product-events.web.json`: through this object all writers of a topic's ledger pass."""
    return f"ledger_heads/{topic}.json"


def landed_chunks_key(source: str, hour: Hour) -> str:
    """`landing/date=…/hour=…/source=web/chunks.json`: what has landed of an hour that is not published yet."""
    return f"{hour_prefix('landing', source, hour)}/chunks.json"


def load_manifest_key(table: str, day: date, name: str) -> str:
    """`loads/events/date=2026-03-14/<name>.json`: the manifest that one COPY reads, removed after it."""
    return f"loads/{table}/date={day.isoformat()}/{name}.json"
