"""Results of queries, kept for as long as the version of the marts that they came from.

Belongs here: a small thread-safe cache. Does not: knowing when a version changes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

import polars as pl

from data_pipeline.serving.reader import Query


class ResultCache:
    """The most recently used results; one instance serves all sessions of the dashboards."""

    def __init__(self, max_results: int = 256) -> None:
        self._max_results = max_results
        self._results: OrderedDict[Hashable, pl.DataFrame] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, version: Hashable, query: Query) -> pl.DataFrame | None:
        """The result of the query at that version, or None."""
        key = _key(version, query)
        with self._lock:
            result = self._results.get(key)
            if result is not None:
                self._results.move_to_end(key)
            return result

    def put(self, version: Hashable, query: Query, result: pl.DataFrame) -> None:
        """Remember a result; the least recently used one makes room."""
        with self._lock:
            self._results[_key(version, query)] = result
            while len(self._results) > self._max_results:
                self._results.popitem(last=False)


def _key(version: Hashable, query: Query) -> Hashable:
    return version, query.sql, tuple(sorted(query.parameters.items(), key=lambda item: item[0]))
