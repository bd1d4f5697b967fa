"""Ports of the local stack: choosing free ones, and refusing taken ones with a sentence that helps.

Belongs here: everything about port numbers. Does not: who listens on them.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from data_pipeline.common.errors import PermanentError

LOOPBACK = "127.0.0.1"
_CHOICE = range(15_000, 32_000)
"""Below every system's ephemeral range, so that no outgoing connection takes a port between choice and use."""

_reservations: dict[int, IO[str]] = {}


@dataclass(frozen=True)
class WantedPort:
    """A port that a person chose, and the variable that changes it."""

    port: int
    purpose: str
    variable: str


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port with connections of a former server in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def reserve_port() -> int:
    """A free port that no other process which asks here is given while this process lives."""
    folder = Path(tempfile.gettempdir()) / f"data-pipeline-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for port in random.sample(_CHOICE, 500):
        if port in _reservations or not is_free(port):
            continue
        handle = (folder / str(port)).open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            continue
        _reservations[port] = handle
        return port
    raise PermanentError(f"No free port was found from {_CHOICE.start} to {_CHOICE.stop - 1} on {LOOPBACK}; stop what listens there.")


def reserve_ports(count: int) -> list[int]:
    """Several ports, all different."""
    return [reserve_port() for _ in range(count)]


def require_free(wanted: Iterable[WantedPort]) -> None:
    """PermanentError naming each taken port, its holder where known, and the variable to change."""
    sentences = []
    for item in wanted:
        if not is_free(item.port):
            holder = describe_holder(item.port)
            sentences.append(
                f"Port {item.port} for {item.purpose} is taken{f' by {holder}' if holder else ''}; "
                f"stop that program or set {item.variable} to a free port."
            )
    if sentences:
        raise PermanentError(" ".join(sentences))


def describe_holder(port: int) -> str | None:
    """`nginx (process 4711)`, or None where the system does not tell."""
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.AccessDenied, OSError):
        return None
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port and connection.pid:
            try:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
            except psutil.Error:
                return f"process {connection.pid}"
    return None
