"""Lands many chunks with a few threads, each with a Kafka client of its own.

Threads suffice: reading, compression and upload release the interpreter. Each thread lands a chunk to its end before it
reads on, so when the store is slower than Kafka the threads wait for the store, and memory stays that of one chunk a thread.
Belongs here: concurrency, stopping at the first failure. Does not: which chunks there are.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence

from data_pipeline.common.object_store import ObjectStore
from data_pipeline.landing.chunks import Chunk, OffsetRange, contiguous_runs
from data_pipeline.landing.collector import rare_collections
from data_pipeline.landing.encoding import ParquetSettings
from data_pipeline.landing.kafka_client import Clients
from data_pipeline.landing.land_chunk import LandedChunk, land_with
from data_pipeline.landing.range_reader import RangeReader

_LONGEST_RUN = 8
_MAX_THREADS_QUEUE_KBYTES = 32_768


def land_chunks(
    chunks: Sequence[Chunk],
    kafka: Mapping[str, str],
    store: ObjectStore,
    *,
    worker_count: int,
    settings: ParquetSettings,
    on_landed: Callable[[LandedChunk], None],
) -> None:
    """Land chunks of one topic; `on_landed` is called in the caller's thread, chunk by chunk.

    Raises:
        PipelineError: the first failure; the other threads finish the chunk at hand and stop.
    """
    by_range = {chunk.offsets: chunk for chunk in chunks}
    tasks: queue.SimpleQueue[list[OffsetRange]] = queue.SimpleQueue()
    runs = _balanced_runs(list(by_range), worker_count)
    for run in runs:
        tasks.put(run)
    done: queue.SimpleQueue[LandedChunk | BaseException | None] = queue.SimpleQueue()
    stop = threading.Event()
    clients = Clients(kafka)
    count = max(1, min(worker_count, len(runs)))

    def work() -> None:
        try:
            with rare_collections(), RangeReader(clients, queue_kbytes=_MAX_THREADS_QUEUE_KBYTES // count) as reader:
                while not stop.is_set():
                    try:
                        run = tasks.get_nowait()
                    except queue.Empty:
                        break
                    for offsets in run:
                        if stop.is_set():
                            break
                        done.put(land_with(reader, by_range[offsets], store, settings))
        except BaseException as error:  # it is raised again in the caller's thread
            stop.set()
            done.put(error)
        finally:
            done.put(None)

    threads = [threading.Thread(target=work, name=f"land-{number}", daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    failure: BaseException | None = None
    try:
        running = count
        while running:
            item = done.get()
            if item is None:
                running -= 1
            elif isinstance(item, BaseException):
                failure = failure or item
            else:
                on_landed(item)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if failure is not None:
        raise failure


def _balanced_runs(ranges: Sequence[OffsetRange], worker_count: int) -> list[list[OffsetRange]]:
    """Runs of neighbouring chunks, short enough that every worker gets some, longest first."""
    fair = -(-len(ranges) // max(worker_count, 1))
    return sorted(contiguous_runs(ranges, max(1, min(_LONGEST_RUN, fair))), key=lambda run: -sum(item.offset_count for item in run))
