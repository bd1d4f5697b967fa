"""Every command of the README runs: those of data-pipeline as they stand, those of make by their recipes."""

from __future__ import annotations

import re
import shlex
import subprocess

import pytest

from data_pipeline.settings import PROJECT_ROOT
from data_pipeline_tests.integration.demo.conftest import Demo

README = (PROJECT_ROOT / "README.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines() if line.strip()]
PROGRAM = ".venv/bin/data-pipeline"
DAY_OF_THE_README = "2026-03-14"


def test_the_readme_has_commands() -> None:
    assert {"make demo", "make test"} <= set(COMMANDS)
    assert all(line.startswith(("make ", f"{PROGRAM} ")) for line in COMMANDS), COMMANDS


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("make ")])
def test_make_knows_it(line: str) -> None:
    # `make demo` is what the fixture runs, `make test` is what runs this; here only their recipes are asked for.
    done = subprocess.run([*shlex.split(line), "-n"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_its_commands_run_in_their_order(demo: Demo, tmp_path) -> None:
    for line in (line for line in COMMANDS if line.startswith(PROGRAM)):
        # Its paths are relative to the checkout, and its day is the one that the demo printed.
        arguments = [word.replace("build/", f"{tmp_path}/") for word in shlex.split(line)[1:]]
        if arguments[0] in {"prove", "land"}:
            arguments = [word.replace(DAY_OF_THE_README, demo.day) for word in arguments]
        done = subprocess.run(
            demo.stack.command(*arguments),
            cwd=PROJECT_ROOT,
            env=demo.stack.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{line}: {done.stderr[-1500:]}{done.stdout[-1500:]}"
        assert done.stdout.strip(), f"{line} printed nothing"
