"""Keeps Python's cycle collector from walking over messages again and again.

Each message is an object that the collector tracks, and each thousand of them makes it look for cycles that are not there: a third of
landing's CPU time. Landing makes no cycles of its own, so it is asked to look a few hundred times more rarely, not to stop.
Belongs here: that one setting. Does not: anything else about memory.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_RARELY = 500_000
_lock = threading.Lock()
_users = 0
_before: tuple[int, int, int] = (700, 10, 10)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for cycles rarely until the last user has left; other threads of the process are served by the same setting."""
    global _users, _before
    with _lock:
        if _users == 0:
            _before = gc.get_threshold()
            if _before[0] > 0:  # 0 means that somebody switched it off
                gc.set_threshold(max(_RARELY, _before[0]), *_before[1:])
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                gc.set_threshold(*_before)
