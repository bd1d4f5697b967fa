"""Taking turns at a DuckDB file, and its failures as ours.

DuckDB lets one process write a file at a time; loader, dbt and dashboards therefore open it briefly and wait for each other.
Belongs here: opening with a bounded wait, one writer at a time, translation of errors. Does not: SQL.
"""

from __future__ import annotations

import fcntl
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import duckdb

from data_pipeline.common.errors import PermanentError, PipelineError, TransientError

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0


@contextmanager
def open_for_writing(path: Path, wait_s: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """The file's only writer; UTC session. Makes the file where there is none.

    Raises:
        TransientError: others held the file for longer than `wait_s`.
        PermanentError: it cannot be opened, or what was done with it failed for good.
    """
    deadline = time.monotonic() + wait_s
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.with_name(f".{path.name}.writer").open("w")
    except OSError as error:
        raise PermanentError(f"The folder of {path} cannot be written ({error.strerror}); set DATA_PIPELINE_DUCKDB_PATH.") from error
    with handle:
        # DuckDB's own lock is a process's: two threads of one process would both delete nothing and insert twice.
        _wait_for_turn(handle, path, deadline, wait_s)
        with _opened(path, deadline, wait_s, read_only=False) as connection:
            yield connection


@contextmanager
def open_for_reading(path: Path, wait_s: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """A reader beside other readers; PermanentError where the file does not exist, TransientError as for a writer."""
    if not path.exists():
        raise PermanentError(f"The warehouse {path} does not exist yet; materialize the warehouse assets or set DATA_PIPELINE_DUCKDB_PATH.")
    with _opened(path, time.monotonic() + wait_s, wait_s, read_only=True) as connection:
        yield connection


@contextmanager
def _opened(path: Path, deadline: float, wait_s: float, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = _connect(path, deadline, wait_s, read_only)
    try:
        # Casting an instant to a timestamp without zone goes by the session's zone.
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    except duckdb.Error as error:
        raise _translated(error, path) from error
    finally:
        connection.close()


def _connect(path: Path, deadline: float, wait_s: float, read_only: bool) -> duckdb.DuckDBPyConnection:
    pause = _FIRST_PAUSE_S
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only)
        except duckdb.Error as error:
            if not _is_busy(error):
                raise _translated(error, path) from error
            if time.monotonic() >= deadline:
                raise _busy(path, wait_s, _holder(error)) from error
        time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(pause * 2, _LONGEST_PAUSE_S)


def _wait_for_turn(handle: IO[str], path: Path, deadline: float, wait_s: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise _busy(path, wait_s, "another writer of this platform") from None
            time.sleep(_FIRST_PAUSE_S)


def _is_busy(error: duckdb.Error) -> bool:
    text = str(error)
    # The second is this very process holding the file in the other mode.
    return "Could not set lock on file" in text or "different configuration than existing connections" in text


def _holder(error: duckdb.Error) -> str:
    found = re.search(r"held in (.+? \(PID \d+\))", str(error))
    return found.group(1) if found else "another connection of this process"


def _busy(path: Path, wait_s: float, holder: str) -> TransientError:
    return TransientError(f"The warehouse {path} was in use by {holder} for {wait_s:g} s; it will be tried again, or close that program.")


def _translated(error: duckdb.Error, path: Path) -> PipelineError:
    text = " ".join(str(error).split())
    if "No space left on device" in text:
        return PermanentError(f"The disk is full while writing {path}; free some space and run again. Nothing was changed.")
    if isinstance(error, duckdb.OutOfMemoryException):
        return PermanentError(f"DuckDB ran out of memory or of space for temporary files at {path}; free some and run again. {text}")
    if "not a valid DuckDB database" in text:
        return PermanentError(f"{path} is not a DuckDB file; set DATA_PIPELINE_DUCKDB_PATH to another place, or remove the file.")
    if "Permission denied" in text or "Cannot open file" in text:
        return PermanentError(f"{path} cannot be opened ({text}); check its permissions or set DATA_PIPELINE_DUCKDB_PATH.")
    if isinstance(error, duckdb.TransactionException):
        return TransientError(f"Another transaction changed {path} at the same time ({text}); it will be tried again.")
    return PermanentError(f"DuckDB refused at {path}: {text}")
