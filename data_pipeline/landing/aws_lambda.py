"""Lands chunks in an AWS Lambda function: the same unit of work, with a deadline.

The event is `{"chunks": [...]}`, each as `Chunk.to_json` writes it. The answer says what landed, what there was no time for
(`unfinished`, to be sent again as it is), and what failed.
Belongs here: the handler. Does not: reading the environment (`data_pipeline/lambda_entry.py` does), or planning.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

from data_pipeline.common.errors import PermanentError, PipelineError, TransientError
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.landing.chunks import Chunk
from data_pipeline.landing.collector import rare_collections
from data_pipeline.landing.encoding import ParquetSettings
from data_pipeline.landing.kafka_client import Clients
from data_pipeline.landing.land_chunk import LandedChunk, land_with, require_same_topic
from data_pipeline.landing.planner import record_landed
from data_pipeline.landing.range_reader import RangeReader
from data_pipeline.landing.topic_log import TopicLog

MARGIN_S = 5.0
"""Kept for recording and answering."""
_FIRST_GUESS_S = 10.0
_QUEUE_KBYTES = 16_384


class LambdaContext(Protocol):
    """What AWS hands to a handler, as far as it is used here."""

    def get_remaining_time_in_millis(self) -> int:
        """Time until AWS ends the call."""
        ...


class LandingHandler:
    """The handler, with its connections settings; one for the life of the function's process."""

    def __init__(self, kafka: Mapping[str, str], store: ObjectStore, settings: ParquetSettings | None = None) -> None:
        self._kafka = kafka
        self._store = store
        self._settings = settings or ParquetSettings()

    def __call__(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Land the event's chunks while there is time.

        Raises:
            PermanentError: the event holds no chunks. A chunk that fails is reported in the answer instead.
        """
        if not isinstance(event, Mapping) or not isinstance(event.get("chunks"), list):
            raise PermanentError('The event has no list `chunks`; send {"chunks": [{"source": …, "first": …, "last": …}]}.')
        chunks = [Chunk.from_json(item) for item in event["chunks"]]
        landed: list[tuple[Chunk, LandedChunk]] = []
        failed: list[dict[str, Any]] = []
        unfinished: list[Chunk] = []
        checked: dict[tuple[str, str], None] = {}
        longest_s = _FIRST_GUESS_S
        is_first = True
        with rare_collections(), RangeReader(Clients(self._kafka), queue_kbytes=_QUEUE_KBYTES) as reader:
            for chunk in chunks:
                left_s = context.get_remaining_time_in_millis() / 1000 - MARGIN_S
                if left_s < longest_s:
                    unfinished.append(chunk)
                    continue
                started = time.monotonic()
                reader.stall_s = max(min(left_s, 25.0), 1.0)
                try:
                    if (chunk.topic, chunk.topic_id) not in checked:
                        require_same_topic(
                            TopicLog(self._kafka, chunk.topic).describe().topic_id, chunk.topic_id, chunk.topic, "this chunk"
                        )
                        checked[(chunk.topic, chunk.topic_id)] = None
                    landed.append((chunk, land_with(reader, chunk, self._store, self._settings)))
                except PipelineError as error:
                    failed.append({"chunk": chunk.to_json(), "error": str(error), "is_transient": isinstance(error, TransientError)})
                elapsed = time.monotonic() - started
                longest_s = elapsed * 2 if is_first else max(longest_s, elapsed * 2)
                is_first = False
        record_landed(self._store, landed)
        return {
            "landed": [result.to_json() for _, result in landed],
            "unfinished": [chunk.to_json() for chunk in unfinished],
            "failed": failed,
        }
