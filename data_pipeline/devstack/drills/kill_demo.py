"""`data-pipeline drill kill-demo`: the demo's pipeline is killed at random moments and run again, and ends the same.

One demo runs undisturbed; its events stay in Kafka. It materializes its day once more over what is there: the result has to
be the same. Then, round after round: everything that was made of the records is deleted, the demo starts, at random moments
`kill -9` ends it with its victims and it starts again, and after the last kill the stack finishes by itself what it had begun.
Raw objects, manifests and tables have to equal the undisturbed ones.
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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import click
import psutil

from data_pipeline.common.errors import PermanentError
from data_pipeline.devstack.dagster_client import UNFINISHED, DagsterClient
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
    "Dagster": ("dagster-code-server", "dagster-daemon", "dagster-webserver"),
    "the code server with its runs": ("dagster-code-server",),
    "the daemon": ("dagster-daemon",),
}
_HEAL_TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class Kill:
    """One kill.

    Attributes:
        victims: a key of `VICTIMS`.
        after_s: since the demo was started, or started again.
        processes: how many died.
    """

    victims: str
    after_s: float
    processes: int


@dataclass(frozen=True)
class Round:
    """One day materialized in spite of kills.

    Attributes:
        kills: in their order.
        differences: from the undisturbed result; none means that it healed.
    """

    kills: Sequence[Kill]
    differences: Sequence[str]


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

    def run_demo(self, *flags: str) -> tuple[Fingerprint, float]:
        """Run the demo to its end; its result and how long it took."""
        started = time.monotonic()
        with self._log("demo") as log:
            code = self._launch(["demo", "--json", *self._size(), *flags], log).wait()
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

    def kill_after(self, seconds: float, victims: str) -> Kill:
        """Start the demo and kill it with its victims that long after."""
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
        return Kill(victims, round(seconds, 2), len(doomed) + 1)

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
        return DagsterClient(f"http://{LOOPBACK}:{port}").backfills(UNFINISHED)

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
@click.option("--kills-a-round", type=click.IntRange(1), default=3, show_default=True, help="How many before the day may complete.")
@click.option("--events", type=click.IntRange(0), default=500, show_default=True, help="Made-up events beside the real ones.")
@click.option("--seed", type=int, help="Repeats the same moments and victims.  [default: a new one, printed]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(times: int, kills_a_round: int, events: int, seed: int | None, as_json: bool) -> None:
    """Kill the demo's pipeline with SIGKILL at random moments; the result stays the same."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seed = random.SystemRandom().randrange(2**31) if seed is None else seed
    chance = random.Random(seed)

    def say(sentence: str) -> None:
        click.echo(sentence, err=True)

    drill = KillDrill(Path(tempfile.mkdtemp(prefix="data-pipeline-kill-demo-")), events, say)
    rounds: list[Round] = []
    is_healthy = False
    try:
        say(f"Seed {seed}. Running the demo undisturbed…")
        expected, duration = drill.run_demo()
        again, _ = drill.run_demo("--again")
        if different := expected.differences(again):
            raise PermanentError(f"The day materialized twice differs, so a kill proves nothing: {'; '.join(different[:5])}")
        say(f"It takes {duration:.0f} s; materialized twice it is the same: {expected}.")
        left = times
        while left > 0:
            rounds.append(_round(drill, min(left, kills_a_round), chance, duration, expected))
            left -= len(rounds[-1].kills)
            say(f"{times - left}/{times}  {_sentence(rounds[-1])}")
        is_healthy = not any(item.differences for item in rounds)
    finally:
        drill.stop(delete=is_healthy)
    if as_json:
        click.echo(json.dumps({"seed": seed, "rounds": [asdict(item) for item in rounds]}, indent=1))
    if not is_healthy:
        failed = sum(bool(item.differences) for item in rounds)
        raise PermanentError(f"{failed} of {len(rounds)} rounds ended with another result; what is there now stays in {drill.state_dir}.")
    click.echo(f"{times} kills in {len(rounds)} rounds, {len(rounds)} times the same result.")


def _round(drill: KillDrill, kills: int, chance: random.Random, duration: float, expected: Fingerprint) -> Round:
    drill.reset()
    # On average the last kill comes when an undisturbed demo would end.
    done = [drill.kill_after(chance.uniform(0, 2 * duration / (kills + 1)), chance.choice(list(VICTIMS))) for _ in range(kills)]
    drill.heal()
    result, _ = drill.run_demo()
    return Round(done, expected.differences(result))


def _sentence(item: Round) -> str:
    kills = ", ".join(f"{kill.victims} ({kill.processes} processes) after {kill.after_s:.1f} s" for kill in item.kills)
    outcome = f"differs: {'; '.join(item.differences[:3])}" if item.differences else "same result"
    return f"killed {kills}: {outcome}"
