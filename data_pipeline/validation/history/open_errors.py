"""Errors of windows that nobody has accepted: what blocks the days that are built of them.

Belongs here: reading stored findings. Does not: judging (`judge.py`), blocking (`orchestration/`).
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from data_pipeline.common.object_store import ObjectStore
from data_pipeline.validation.history.finding import Finding, Severity
from data_pipeline.validation.history.history import settle
from data_pipeline.validation.history.profile import Window
from data_pipeline.validation.history.store import read_acceptances, read_findings

_READERS = 16


def open_errors(store: ObjectStore, windows: Iterable[tuple[str, Window]]) -> dict[tuple[str, Window], list[Finding]]:
    """Errors that still stand, by source and window; windows without any are left out.

    Args:
        store: where the profiles are.
        windows: source and window to look at; one that was never judged has no errors.

    Raises:
        PermanentError: a stored object is no profile.
    """

    def read(key: tuple[str, Window]) -> list[Finding]:
        source, window = key
        findings = read_findings(store, source, window)
        if not any(finding.severity is Severity.ERROR for finding in findings):
            return []
        settled = settle(findings, read_acceptances(store, source, window))
        return [finding for finding in settled if finding.severity is Severity.ERROR]

    keys = list(windows)
    # The first alone: the store makes its client then, which is not safe in two threads at once.
    first = [read(key) for key in keys[:1]]
    with ThreadPoolExecutor(_READERS, thread_name_prefix="findings") as pool:
        found = [*first, *pool.map(read, keys[1:])]
    return {key: errors for key, errors in zip(keys, found, strict=True) if errors}
