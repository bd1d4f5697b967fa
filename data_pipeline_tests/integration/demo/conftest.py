"""One small demo for all tests of this folder: the whole path, on a stack of its own, as `make demo` runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.devstack.dagster_client import DagsterClient
from data_pipeline.devstack.processes import ProcessFolder
from data_pipeline.devstack.stack_file import read_stack_file
from data_pipeline_tests.integration.stack_folder import Stack

EVENTS = 300
SECRETS = {"DATA_PIPELINE_REDSHIFT_PASSWORD": "Never-To-Be-Shown-redshift"}
"""Beside the keys of the S3 server, which `stack up` makes."""


@dataclass(frozen=True)
class Demo:
    """A demo that has run.

    Attributes:
        stack: its folder and environment; it is up.
        report: what `demo --json` printed.
        output: what it told people meanwhile.
    """

    stack: Stack
    report: dict[str, Any]
    output: str

    @property
    def day(self) -> str:
        return str(self.report["day"])

    @property
    def dagster(self) -> DagsterClient:
        return DagsterClient(f"http://127.0.0.1:{read_stack_file(self.stack.state_dir)['ui_port']}")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    stack = Stack(Path(tmp_path_factory.mktemp("demo")) / "state")
    stack.environment |= SECRETS
    try:
        done = stack.run("demo", "--events", str(EVENTS), "--json", timeout_s=1500)
        assert done.returncode == 0, done.stderr[-3000:]
        yield Demo(stack, json.loads(done.stdout), done.stderr)
    finally:
        down = stack.run("stack", "down")
        left = stack.processes()
        ProcessFolder(stack.state_dir).stop_all(grace_s=1)
    assert down.returncode == 0, down.stderr
    assert left == [], "`stack down` left processes"
