"""A local stack of a test's own, driven by the commands that a person types.

Belongs here: folder, ports, environment and processes of such a stack. Does not: what a test asserts of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from data_pipeline.devstack.ports import reserve_ports
from data_pipeline.devstack.processes import ProcessFolder
from data_pipeline.settings import Settings


class Stack:
    """One state folder and its environment."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        ports = reserve_ports(4)
        names = ("KAFKA_PORT", "S3_PORT", "UI_PORT", "DASHBOARD_PORT")
        foreign = ("AWS_", "DATA_PIPELINE_", "DAGSTER_HOME")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        self.environment |= {f"DATA_PIPELINE_{name}": str(port) for name, port in zip(names, ports, strict=True)}
        self.environment["DATA_PIPELINE_STATE_DIR"] = str(state_dir)

    def run(self, *arguments: str, timeout_s: float = 200, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), env=self.environment | variables, capture_output=True, text=True, check=False, timeout=timeout_s
        )

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "data_pipeline.cli", *arguments]

    def settings(self, monkeypatch: pytest.MonkeyPatch) -> Settings:
        for name, value in self.environment.items():
            if name.startswith("DATA_PIPELINE_"):
                monkeypatch.setenv(name, value)
        return Settings.from_env()

    def processes(self) -> list[int]:
        return [process.pid for process in ProcessFolder(self.state_dir).strays()]
