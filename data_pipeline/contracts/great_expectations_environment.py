"""The environment that Great Expectations lives in, made on first use: its dependencies and ours exclude each other.

Belongs here: making it, running a suite in it. Does not: the suite (`great_expectations_suite.py`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from data_pipeline.common.errors import PermanentError

REQUIREMENTS = ("great_expectations>=1.6,<2", "pyarrow")
RUNNER = Path(__file__).with_name("great_expectations_runner.py")


def ensure_environment(folder: Path) -> Path:
    """Its Python; makes the environment where it is not there.

    Raises:
        PermanentError: it cannot be installed, with the last words of the installer.
    """
    python, stamp = folder / "bin" / "python", folder / ".complete"
    if stamp.exists() and stamp.read_text() == " ".join(REQUIREMENTS):
        return python
    uv = str(Path(sys.executable).with_name("uv"))
    for command in (
        [uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "-q", "--python", str(python), *REQUIREMENTS],
    ):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            raise PermanentError(f"great_expectations cannot be installed: {uv} cannot be run ({error.strerror}).") from error
        if done.returncode:
            words = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise PermanentError(f"great_expectations cannot be installed into {folder} ({words}); see that the package index answers.")
    stamp.write_text(" ".join(REQUIREMENTS))
    return python


def run_suite(suite: dict[str, Any], flat: pl.DataFrame, folder: Path) -> dict[str, set[int]]:
    """By rule, the rows that fail.

    Args:
        suite: from `great_expectations_suite`.
        flat: from `flat_columns`.
        folder: of the environment.

    Raises:
        PermanentError: the environment cannot be made, or the package could not run an expectation.
    """
    python = ensure_environment(folder)
    with tempfile.TemporaryDirectory(prefix="data-pipeline-") as name:
        files = [Path(name) / each for each in ("suite.json", "flat.parquet", "verdicts.json")]
        files[0].write_text(json.dumps(suite))
        flat.write_parquet(files[1])
        done = subprocess.run([str(python), str(RUNNER), *map(str, files)], capture_output=True, text=True, check=False)
        if done.returncode:
            words = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise PermanentError(f"great_expectations could not run the suite '{suite['name']}': {words}")
        return {rule: set(rows) for rule, rows in json.loads(files[2].read_text()).items()}
