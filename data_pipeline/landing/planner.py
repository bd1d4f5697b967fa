"""Lists the chunks that have not landed yet, for workers elsewhere: Lambdas, Spark tasks, other machines.

The workers' results go into the record of landed chunks (`record_landed`); the run that closes the hour then finds
them there and has only the rest to land.
Belongs here: what has to land. Does not: how many workers do it (`surge.py`), and landing (`land_chunk.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from data_pipeline.common.layout import hour_prefix
from data_pipeline.common.manifest import manifest_key
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.common.sources import Source
from data_pipeline.common.windows import Hour, hours_between
from data_pipeline.landing.chunks import CHUNK_ROWS, Chunk, OffsetRange
from data_pipeline.landing.hour import RAW, utc_now
from data_pipeline.landing.hour_cut import HourCut, cut_hour, open_limits
from data_pipeline.landing.land_chunk import LandedChunk
from data_pipeline.landing.landed_chunks import LandedChunks
from data_pipeline.landing.ledger import Ledger
from data_pipeline.landing.standing import reached, standing
from data_pipeline.landing.topic_log import TopicIdentity, TopicLog


def plan_chunks(
    source: Source,
    kafka: Mapping[str, str],
    store: ObjectStore,
    *,
    hours: Sequence[Hour] | None = None,
    now: Callable[[], datetime] = utc_now,
    chunk_rows: int = CHUNK_ROWS,
) -> list[Chunk]:
    """The chunks of open and closed hours that have not landed and can be landed now, oldest first.

    Args:
        source: which source.
        kafka: librdkafka's connection settings.
        store: where ledger, record and manifests are.
        hours: which hours; by default from the ledger's last hour that is not published up to the present one.
        now: the clock.
        chunk_rows: offset grid of an hour that no run has begun yet.

    Raises:
        TransientError: Kafka or the store did not answer.
        PermanentError: the topic is missing, or another one than the ledger's.
    """
    log = TopicLog(kafka, source.topic)
    identity = log.describe()
    ledger = Ledger(store, source.topic)
    chunks: list[Chunk] = []
    for hour in hours if hours is not None else _unpublished_hours(ledger, store, source, now()):
        if hour.start > now() or _is_published(store, source, hour):
            continue
        cut = cut_hour(ledger, log, identity, hour, now, chunk_rows)
        known = standing(store, LandedChunks(store, source.name, hour, identity.topic_id).read())
        wanted = _landable(log, identity, cut, reached(cut, known, identity.partitions))
        chunks += [Chunk(source.name, hour, source.topic, identity.topic_id, offsets) for offsets in wanted if offsets not in known]
    return chunks


def record_landed(store: ObjectStore, landed: Iterable[tuple[Chunk, LandedChunk]]) -> None:
    """Tell the run that will close the hours what workers have landed."""
    ordered = sorted(landed, key=lambda item: (item[0].source, item[0].hour, item[0].topic_id))
    for (source, hour, topic_id), items in groupby(ordered, key=lambda item: (item[0].source, item[0].hour, item[0].topic_id)):
        LandedChunks(store, source, hour, topic_id).add(result for _, result in items)


def _landable(log: TopicLog, identity: TopicIdentity, cut: HourCut, landed_to: Mapping[int, int]) -> list[OffsetRange]:
    """All chunks below open transactions; of an open hour the full ones only."""
    if cut.end is None:
        return cut.whole_chunks(open_limits(log, identity, cut, landed_to))
    stable = log.stable_ends(identity.partitions)
    return [chunk for chunk in cut.chunks() if chunk.last < stable[chunk.partition]]


def _unpublished_hours(ledger: Ledger, store: ObjectStore, source: Source, now: datetime) -> list[Hour]:
    """From the oldest hour of the ledger's last unbroken stretch without a manifest, up to the present hour."""
    current = Hour.containing(now)
    latest = ledger.latest()
    if latest is None:
        return [current]
    first = Hour(latest.instant)
    while True:
        earlier = Hour(first.start - timedelta(hours=1))
        if ledger.get(earlier.start) is None or _is_published(store, source, earlier):
            break
        first = earlier
    return list(hours_between(first, max(first, current)))


def _is_published(store: ObjectStore, source: Source, hour: Hour) -> bool:
    return store.head(manifest_key(hour_prefix(RAW, source.name, hour))) is not None
