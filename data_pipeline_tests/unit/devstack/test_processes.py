"""Programs of the stack: found again, never mistaken, ended with all that they started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from data_pipeline.common.errors import PermanentError
from data_pipeline.devstack.processes import ProcessFolder

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF_SLEEPER = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
]
RUNAWAY = (
    "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)"
)
PARENT_OF_A_RUNAWAY = [sys.executable, "-c", f"{RUNAWAY}; print(p.pid, flush=True); time.sleep(600)"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[ProcessFolder]:
    folder = ProcessFolder(tmp_path)
    yield folder
    folder.stop_all(grace_s=1)


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _runaway_of(folder: ProcessFolder, name: str) -> int:
    _until(lambda: folder.log_path(name).read_text().endswith("\n"))
    return int(folder.log_path(name).read_text())


def test_another_command_finds_and_stops_it(folder: ProcessFolder) -> None:
    folder.start("sleeper", SLEEPER)
    found = ProcessFolder(folder.folder).find("sleeper")
    assert found is not None
    assert ProcessFolder(folder.folder).stop("sleeper")
    assert not _is_alive(found.pid)
    assert folder.find("sleeper") is None
    assert not folder.stop("sleeper")


def test_a_recycled_pid_is_not_taken_for_the_program(folder: ProcessFolder, tmp_path: Path) -> None:
    stranger = subprocess.Popen(SLEEPER)
    try:
        started = psutil.Process(stranger.pid).create_time()
        (tmp_path / "pids").mkdir()
        (tmp_path / "pids" / "kafka-1.json").write_text(json.dumps({"pid": stranger.pid, "started_at": started - 60}))
        assert folder.find("kafka-1") is None
        assert folder.stop_all(grace_s=0) == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1}'])
def test_half_a_pid_file_means_not_running(folder: ProcessFolder, tmp_path: Path, content: str) -> None:
    (tmp_path / "pids").mkdir()
    (tmp_path / "pids" / "kafka-1.json").write_text(content)
    assert folder.find("kafka-1") is None
    assert folder.stop_all() == []


def test_a_program_deaf_to_sigterm_is_killed(folder: ProcessFolder) -> None:
    folder.start("deaf", DEAF_SLEEPER)
    _until(lambda: "deaf" in folder.log_path("deaf").read_text())
    process = folder.find("deaf")
    assert process is not None
    folder.stop("deaf", grace_s=0.2)
    assert not _is_alive(process.pid)


def test_a_child_in_a_session_of_its_own_is_stopped_too(folder: ProcessFolder) -> None:
    folder.start("parent", PARENT_OF_A_RUNAWAY)
    runaway = _runaway_of(folder, "parent")
    folder.stop("parent")
    assert not _is_alive(runaway)


def test_a_child_whose_parent_was_killed_is_swept_up(folder: ProcessFolder) -> None:
    folder.start("parent", PARENT_OF_A_RUNAWAY)
    runaway = _runaway_of(folder, "parent")
    parent = folder.find("parent")
    assert parent is not None
    os.kill(parent.pid, signal.SIGKILL)
    _until(lambda: folder.find("parent") is None)
    assert _is_alive(runaway)
    folder.stop_all(grace_s=1)
    assert not _is_alive(runaway)


def test_starting_again_ends_the_leftovers_of_a_killed_one(folder: ProcessFolder) -> None:
    folder.start("parent", PARENT_OF_A_RUNAWAY)
    runaway = _runaway_of(folder, "parent")
    parent = folder.find("parent")
    assert parent is not None
    os.kill(parent.pid, signal.SIGKILL)
    _until(lambda: folder.find("parent") is None)
    folder.start("other", SLEEPER)
    assert _is_alive(runaway)
    folder.start("parent", SLEEPER)
    assert not _is_alive(runaway)
    assert folder.find("other") is not None


def test_a_sweep_leaves_other_folders_alone(folder: ProcessFolder, tmp_path: Path) -> None:
    other = ProcessFolder(tmp_path / "other")
    other.start("sleeper", SLEEPER, cwd=tmp_path)
    try:
        folder.stop_all(grace_s=0)
        assert other.find("sleeper") is not None
    finally:
        other.stop_all(grace_s=0)


def test_a_second_start_is_refused(folder: ProcessFolder) -> None:
    folder.start("sleeper", SLEEPER)
    with pytest.raises(PermanentError, match="sleeper is running already"):
        folder.start("sleeper", SLEEPER)


def test_a_program_that_ends_at_once_shows_the_end_of_its_log(folder: ProcessFolder) -> None:
    folder.start("broken", [sys.executable, "-c", "raise SystemExit('no such cluster')"])
    with pytest.raises(PermanentError, match=r"broken ended while it was starting.*no such cluster"):
        folder.wait_until("broken", lambda: False, timeout_s=60)


def test_a_program_that_never_answers_is_named(folder: ProcessFolder) -> None:
    folder.start("mute", SLEEPER)
    with pytest.raises(PermanentError, match="mute did not answer within 0 s"):
        folder.wait_until("mute", lambda: False, timeout_s=0.2)


def test_variables_are_set_and_unset_for_the_program(folder: ProcessFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREIGN_SECRET", "x")
    program = "import os; print(os.environ.get('FOREIGN_SECRET'), os.environ['GOMEMLIMIT'])"
    folder.start("printer", [sys.executable, "-c", program], set_variables={"GOMEMLIMIT": "1MiB"}, unset_variables=["FOREIGN_SECRET"])
    _until(lambda: folder.find("printer") is None)
    assert folder.log_path("printer").read_text() == "None 1MiB\n"


def test_a_guarded_program_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from data_pipeline.devstack.processes import ProcessFolder; "
        f"f = ProcessFolder(Path({str(tmp_path)!r}), dies_with_parent=True); f.start('parent', {PARENT_OF_A_RUNAWAY!r}); time.sleep(600)"
    )
    starter = subprocess.Popen([sys.executable, "-c", program])
    folder = ProcessFolder(tmp_path)
    try:
        _until(lambda: folder.log_path("parent").exists() and folder.log_path("parent").read_text().endswith("\n"))
        assert folder.find("parent") is not None
        starter.kill()
        starter.wait()
        _until(lambda: folder.find("parent") is None)
    finally:
        starter.kill()
        folder.stop_all(grace_s=0)
