"""Long-running programs of the local stack: started, found again by later commands, and stopped without a rest.

Each program leads a session of its own. A file holds its pid and start time, so that a later command knows
it again and never takes a recycled pid for it. It and all its descendants carry a variable that names the
folder, so that even a child that left the group is found when the stack goes down.
Belongs here: processes, pid files, log files. Does not: what the programs are.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from data_pipeline.common.errors import PermanentError
from data_pipeline.devstack.files import replace_text

FOLDER_VARIABLE = "DATA_PIPELINE_STACK_FOLDER"
PROGRAM_VARIABLE = "DATA_PIPELINE_STACK_PROGRAM"
_GUARD = Path(__file__).with_name("guard.py")
_START_TIME_TOLERANCE_S = 2.0
"""The kernel's start time is kept relative to boot; stepping the clock moves it by a little."""
_POLL_S = 0.05


@dataclass(frozen=True)
class _PidFile:
    pid: int
    started_at: float

    @classmethod
    def read(cls, path: Path) -> _PidFile | None:
        try:
            document = json.loads(path.read_text())
            return cls(int(document["pid"]), float(document["started_at"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            # Half a file means that its writer was killed; the sweep by variable still finds the process.
            return None

    def write(self, path: Path) -> None:
        replace_text(path, json.dumps({"pid": self.pid, "started_at": self.started_at}))

    def process(self) -> psutil.Process | None:
        """The process, unless it has ended or its pid belongs to another by now."""
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            return process if abs(process.create_time() - self.started_at) <= _START_TIME_TOLERANCE_S else None
        except psutil.NoSuchProcess:
            return None


class ProcessFolder:
    """The programs whose pid files and logs stand in one folder.

    Args:
        folder: `pids/` and `logs/` are made below it.
        dies_with_parent: the programs end when the process that started them does, however it ends (for tests).
    """

    def __init__(self, folder: Path, *, dies_with_parent: bool = False) -> None:
        self.folder = folder.resolve()
        self._dies_with_parent = dies_with_parent
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def log_path(self, name: str) -> Path:
        """Where a program's output goes, appended from start to start."""
        return self.folder / "logs" / f"{name}.log"

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        set_variables: Mapping[str, str] | None = None,
        unset_variables: Iterable[str] = (),
        cwd: Path | None = None,
    ) -> None:
        """Start a program that is not running, after ending what a former one of that name left behind."""
        if self.find(name) is not None:
            raise PermanentError(f"{name} is running already; stop it first.")
        self.end_leftovers(name)
        self.log_path(name).parent.mkdir(parents=True, exist_ok=True)
        self._pid_path(name).parent.mkdir(parents=True, exist_ok=True)
        # env(1) changes the environment without this module reading it; it becomes the program, pid and all.
        environment = [
            "env",
            *(f"-u{variable}" for variable in unset_variables),
            f"{FOLDER_VARIABLE}={self.folder}",
            f"{PROGRAM_VARIABLE}={name}",
        ]
        environment += [f"{variable}={value}" for variable, value in (set_variables or {}).items()]
        guard = [sys.executable, "-I", "-S", str(_GUARD), str(os.getpid())] if self._dies_with_parent else []
        with self.log_path(name).open("ab") as log:
            child = subprocess.Popen(
                [*environment, *guard, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=cwd or self.folder,
                start_new_session=True,
            )
        try:
            self._children[child.pid] = child
            _PidFile(child.pid, psutil.Process(child.pid).create_time()).write(self._pid_path(name))
        except psutil.NoSuchProcess:
            return
        except BaseException:
            # Interrupted, or no room for the pid file: nobody could find it again.
            os.killpg(child.pid, signal.SIGKILL)
            raise

    def find(self, name: str) -> psutil.Process | None:
        """The running program of that name, whoever started it."""
        recorded = _PidFile.read(self._pid_path(name))
        self._reap()
        return recorded.process() if recorded else None

    def names(self) -> list[str]:
        """Programs that have a pid file, running or not."""
        return sorted(path.stem for path in (self.folder / "pids").glob("*.json"))

    def wait_until(self, name: str, is_ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Wait for a program to answer; PermanentError with the end of its log when it ends or takes too long."""
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            if self.find(name) is None:
                raise PermanentError(f"{name} ended while it was starting; its log {self.log_path(name)} ends with: {self._log_end(name)}")
            if time.monotonic() > deadline:
                raise PermanentError(
                    f"{name} did not answer within {timeout_s:.0f} s; its log {self.log_path(name)} ends with: {self._log_end(name)}"
                )
            time.sleep(_POLL_S)

    def stop(self, name: str, *, grace_s: float = 15.0) -> bool:
        """Ask a program and its descendants to end, then make them; False where it was not running."""
        process = self.find(name)
        if process is not None:
            self._end(_with_descendants(process), [process.pid], grace_s)
        self._pid_path(name).unlink(missing_ok=True)
        return process is not None

    def kill(self, name: str) -> None:
        """End a program at once, as a crash would."""
        process = self.find(name)
        if process is not None:
            self._end(_with_descendants(process), [process.pid], grace_s=0)
        self._pid_path(name).unlink(missing_ok=True)

    def stop_all(self, *, grace_s: float = 15.0) -> list[str]:
        """Stop all programs at once, with whatever else carries the folder's variable; names those stopped."""
        running = {name: process for name in self.names() if (process := self.find(name))}
        everything = {process.pid: process for program in running.values() for process in _with_descendants(program)}
        everything |= {process.pid: process for process in self.strays()}
        self._end(list(everything.values()), [program.pid for program in running.values()], grace_s)
        # What a program started while it was being stopped.
        self._end(self.strays(), [], grace_s=0)
        for name in self.names():
            self._pid_path(name).unlink(missing_ok=True)
        return list(running)

    def end_leftovers(self, name: str) -> None:
        """End the descendants of a program that has gone itself, such as workers of a killed daemon."""
        if self.find(name) is None and (left := self.strays(name)):
            self._end(left, [], grace_s=5)

    def strays(self, name: str | None = None) -> list[psutil.Process]:
        """Processes that were started from this folder (as that program), or descend from such, other than the caller."""
        wanted = {FOLDER_VARIABLE: str(self.folder), **({PROGRAM_VARIABLE: name} if name else {})}
        found = []
        for process in psutil.process_iter():
            try:
                environment = process.environ()
                if process.pid != os.getpid() and all(environment.get(variable) == value for variable, value in wanted.items()):
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def _pid_path(self, name: str) -> Path:
        return self.folder / "pids" / f"{name}.json"

    def _end(self, processes: list[psutil.Process], groups: Iterable[int], grace_s: float) -> None:
        alive = processes
        if grace_s > 0:
            for process in alive:
                with contextlib.suppress(psutil.Error):
                    process.terminate()
            _, alive = psutil.wait_procs(alive, timeout=grace_s)
        for group in groups:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
        for process in alive:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(alive, timeout=10)
        self._reap()

    def _reap(self) -> None:
        """Collect the exit codes of our own children, so that they do not stay as zombies."""
        self._children = {pid: child for pid, child in self._children.items() if child.poll() is None}

    def _log_end(self, name: str, size: int = 600) -> str:
        try:
            text = self.log_path(name).read_text(errors="replace").strip()
        except OSError:
            return "(no log)"
        return " | ".join(text[-size:].splitlines()) or "(nothing)"


def _with_descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return [process]
