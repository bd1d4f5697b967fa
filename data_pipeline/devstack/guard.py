"""Runs a program for as long as the process that asked for it lives, however that one ends.

Run as a script: `python -I -S guard.py PARENT_PID COMMAND…`, as leader of its own session. Tests start servers
through it, so that a killed test run leaves none behind. It imports nothing of the project, to start fast.
Belongs here: this one loop. Does not: anything that needs a third-party package.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

_POLL_S = 0.5
_GRACE_S = 5.0


def main(parent: int, command: list[str]) -> int:
    """Run the command; its exit code, or 1 once the parent has gone and the group was ended."""
    # The starter signals the whole group: the program gets its own SIGTERM, the guard ends after it.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    child = subprocess.Popen(command)
    while True:
        try:
            return child.wait(timeout=_POLL_S)
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                _end_group(child)
                return 1


def _end_group(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=_GRACE_S)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
