"""`data-pipeline drill kill-demo`: the demo's pipeline is killed at random moments and run again, and ends the same.

One demo runs undisturbed; its events stay in Kafka. Then, again and again: everything that was made of them is deleted,
the demo starts, at a random moment `kill -9` ends it with its victims, the stack comes up again, finishes by itself
what it had begun, and the demo runs to its end. Raw objects, manifests and tables have to equal the undisturbed ones.
Belongs here: this drill. Does not: what a result consists of (`fingerprint.py`).
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import click
import psutil

from data_pipeline.common.errors import PermanentError
from data_pipeline.devstack.dagster_client import DagsterClient
from data_pipeline.devstack.drills.fingerprint import Fingerprint, take_fingerprint
from data_pipeline.devstack.ports import LOOPBACK, reserve_ports
from data_pipeline.devstack.processes import FOLDER_VARIABLE, PROGRAM_VARIABLE, ProcessFolder
from data_pipeline.devstack.stack import stop_stack
from data_pipeline.devstack.stack_file import read_stack_file
from data_pipeline.settings import PREFIX, Settings

KEPT = frozenset({"kafka-1", "demo.json", "demo-totals.json"})
"""What a new attempt starts from: the records in Kafka, and the note that they were sent."""
VICTIMS = {
    "everything": None,
    "dagster": ("dagster-daemon", "dagster-webserver"),
    "the daemon with its runs": ("dagster-daemon",),
}
_HEAL_TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class Attempt:
    """One kill and what came of it.

    Attributes:
        number: from 1.
        victims: a key of `VICTIMS`.
        killed_after_s: since the demo's start.
        processes_killed: how many there were.
        differences: from the undisturbed result; none means that it healed.
    """

    number: int
    victims: str
    killed_after_s: float
    processes_killed: int
    differences: list[str]


class KillDrill:
    """A demo in a folder of its own, on ports of its own."""

    def __init__(self, folder: Path, events: int, say: Callable[[str], None]) -> None:
        self.state_dir = folder / "state"
        self._folder = folder
        self._events = events
        self._say = say
        names = ("KAFKA_PORT", "S3_PORT", "UI_PORT", "DASHBOARD_PORT")
        self._variables = [f"{PREFIX}{name}={port}" for name, port in zip(names, reserve_ports(4), strict=True)]
        self._variables.append(f"{PREFIX}STATE_DIR={self.state_dir}")

    def run_demo(self) -> tuple[Fingerprint, float]:
        """Run the demo to its end; its result and how long it took."""
        started = time.monotonic()
        with self._log("demo") as log:
            code = self._launch(["demo", "--json", *self._size()], log).wait()
        if code != 0:
            raise PermanentError(f"The demo ended with {code}; {self._folder}/demo.log and {self.state_dir}/logs say why.")
        seconds = time.monotonic() - started
        return self._fingerprint(), seconds

    def reset(self) -> None:
        """Stop the stack and delete all that was made of the records in Kafka."""
        stop_stack(self._settings())
        for path in self.state_dir.iterdir():
            if path.name not in KEPT:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def kill_after(self, seconds: float, victims: str) -> int:
        """Start the demo and kill it with its victims that long after; how many processes died."""
        with self._log("killed-demo") as log:
            demo = self._launch(["demo", "--json", *self._size()], log)
            with contextlib.suppress(subprocess.TimeoutExpired):
                demo.wait(timeout=seconds)
            doomed = self._processes(VICTIMS[victims])
            demo.kill()
            for process in doomed:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(doomed, timeout=30)
            demo.wait()
        return len(doomed) + 1

    def heal(self) -> None:
        """Bring the stack up and wait until it has finished by itself what had been begun."""
        with self._log("up") as log:
            code = self._launch(["stack", "up"], log).wait()
        if code != 0:
            raise PermanentError(f"The stack did not come up after the kill; {self._folder}/up.log says why.")
        deadline = time.monotonic() + _HEAL_TIMEOUT_S
        while unfinished := self._unfinished_backfills():
            if time.monotonic() > deadline:
                raise PermanentError(f"The backfills {', '.join(unfinished)} are not over {_HEAL_TIMEOUT_S:.0f} s after the restart.")
            time.sleep(1)

    def stop(self, *, delete: bool) -> None:
        """Stop the stack; delete the folder unless it is needed to see what went wrong."""
        if self.state_dir.exists():
            stop_stack(self._settings())
        if delete:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _launch(self, arguments: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        # A drill that runs inside a stack's process must not count as that stack's own.
        elsewhere = (f"{PREFIX}{name}" for name in ("KAFKA_BOOTSTRAP_SERVERS", "S3_ENDPOINT_URL", "DUCKDB_PATH"))
        unset = [f"-u{variable}" for variable in (FOLDER_VARIABLE, PROGRAM_VARIABLE, *elsewhere)]
        command = ["env", *unset, *self._variables, sys.executable, "-m", "data_pipeline.cli", *arguments]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def _processes(self, programs: Sequence[str] | None) -> list[psutil.Process]:
        folder = ProcessFolder(self.state_dir)
        if programs is None:
            return folder.strays()
        return [process for program in programs for process in folder.strays(program)]

    def _unfinished_backfills(self) -> list[str]:
        port = read_stack_file(self.state_dir)["ui_port"]
        return DagsterClient(f"http://{LOOPBACK}:{port}").unfinished_backfills()

    def _fingerprint(self) -> Fingerprint:
        settings = self._settings()
        return take_fingerprint(settings.object_store(), settings.warehouse_path)

    def _settings(self) -> Settings:
        recorded = read_stack_file(self.state_dir)
        return Settings.from_env(state_dir=self.state_dir, duckdb_path=None, **recorded)

    def _size(self) -> list[str]:
        return ["--events", str(self._events)]

    def _log(self, name: str) -> IO[bytes]:
        return (self._folder / f"{name}.log").open("wb")


@click.command(name="kill-demo")
@click.option("--times", type=click.IntRange(1), default=50, show_default=True, help="How many kills.")
@click.option("--events", type=click.IntRange(0), default=5_000, show_default=True, help="Made-up events beside the real ones.")
@click.option("--seed", type=int, help="Repeats the same moments and victims.  [default: a new one, printed]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(times: int, events: int, seed: int | None, as_json: bool) -> None:
    """Kill the demo's pipeline with SIGKILL at random moments; the result stays the same."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seed = random.SystemRandom().randrange(2**31) if seed is None else seed
    chance = random.Random(seed)

    def say(sentence: str) -> None:
        click.echo(sentence, err=True)

    drill = KillDrill(Path(tempfile.mkdtemp(prefix="data-pipeline-kill-demo-")), events, say)
    attempts: list[Attempt] = []
    is_healthy = False
    try:
        say(f"Seed {seed}. Running the demo undisturbed…")
        expected, _ = drill.run_demo()
        drill.reset()
        again, duration = drill.run_demo()
        if different := expected.differences(again):
            raise PermanentError(f"Two undisturbed demos differ, so a kill proves nothing: {'; '.join(different[:5])}")
        say(f"It takes {duration:.0f} s, and twice the same: {len(expected.raw_objects)} raw objects, {len(expected.tables)} tables.")
        for number in range(1, times + 1):
            attempts.append(_attempt(drill, number, chance, duration, expected))
            say(_sentence(attempts[-1], times))
        is_healthy = not any(attempt.differences for attempt in attempts)
    finally:
        drill.stop(delete=is_healthy)
    if as_json:
        click.echo(json.dumps({"seed": seed, "attempts": [vars(attempt) for attempt in attempts]}, indent=1))
    if not is_healthy:
        failed = sum(bool(attempt.differences) for attempt in attempts)
        raise PermanentError(f"{failed} of {times} kills changed the result; what is there now stays in {drill.state_dir}.")
    click.echo(f"{times} kills, {times} times the same result.")


def _attempt(drill: KillDrill, number: int, chance: random.Random, duration: float, expected: Fingerprint) -> Attempt:
    victims, moment = chance.choice(list(VICTIMS)), chance.uniform(0, duration)
    drill.reset()
    killed = drill.kill_after(moment, victims)
    drill.heal()
    result, _ = drill.run_demo()
    return Attempt(number, victims, round(moment, 2), killed, expected.differences(result))


def _sentence(attempt: Attempt, times: int) -> str:
    outcome = f"differs: {'; '.join(attempt.differences[:3])}" if attempt.differences else "same result"
    return (
        f"{attempt.number}/{times}  killed {attempt.victims} ({attempt.processes_killed} processes) after "
        f"{attempt.killed_after_s:.1f} s: {outcome}"
    )
