"""What stands in `deploy/` is judged by the tools that know its formats."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml
from dagster._config import Shape, process_config
from dagster._core.instance.config import dagster_instance_config_schema

from data_pipeline.devstack.dagster_home import instance_configuration
from data_pipeline.settings import PROJECT_ROOT, Settings

DEPLOY = PROJECT_ROOT / "deploy"


def test_the_template_of_the_account_is_valid_and_its_linter_sees_mistakes(tmp_path: Path) -> None:
    template = DEPLOY / "platform.yaml"
    broken = tmp_path / "broken.yaml"
    broken.write_text(template.read_text().replace("PubliclyAccessible", "PublicallyAccessible"))
    program = Path(sys.executable).with_name("cfn-lint")
    result = subprocess.run(
        [str(program), "--format", "parseable", str(template), str(broken)], capture_output=True, text=True, check=False, timeout=280
    )
    problems = result.stdout.splitlines()
    assert [line for line in problems if line.startswith(str(template))] == []
    assert any("PublicallyAccessible" in line for line in problems)


def _problems(configuration: object) -> list[str]:
    evaluated = process_config(Shape(dagster_instance_config_schema()), configuration)
    return [str(error.message) for error in evaluated.errors or []]


def test_both_instances_are_ones_that_dagster_takes(tmp_path: Path, monkeypatch) -> None:
    for name in ("HOST", "USER", "PASSWORD", "DATABASE"):
        monkeypatch.setenv(f"DAGSTER_POSTGRES_{name}", "x")
    production = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    assert _problems(production) == []
    assert _problems(instance_configuration(Settings.from_env(state_dir=tmp_path))) == []
    assert _problems(production | {"run_retrys": {}}) != []


def test_runs_are_retried_alike_on_a_laptop_and_in_production(tmp_path: Path) -> None:
    production = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    assert instance_configuration(Settings.from_env(state_dir=tmp_path))["run_retries"] == production["run_retries"]
