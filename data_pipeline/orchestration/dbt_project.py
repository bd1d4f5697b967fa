"""The dbt project of a deployment: the project's models and those of its own-contract sources, with dbt's manifest.

Belongs here: laying the project out below the state folder and parsing it. Does not: models (`dbt_project/`), running them
(`assets/dbt.py`).
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dagster_dbt import DbtProject

from data_pipeline.common.errors import PermanentError
from data_pipeline.contracts.columns import Table
from data_pipeline.contracts.render_dbt import generated_files
from data_pipeline.orchestration.platform import Platform
from data_pipeline.settings import PROJECT_ROOT

DBT_PROJECT_DIR = PROJECT_ROOT / "dbt_project"
_NOT_READ = {"target", "logs", "generated", "dbt_packages"}


def prepare_dbt_project(platform: Platform, own_tables: Sequence[Table]) -> DbtProject:
    """The project with a manifest that fits its files; it is laid out and parsed (about 5 s) only where something changed.

    Args:
        platform: the deployment.
        own_tables: tables of sources with a contract of their own; each gets a staging model.
    """
    home = platform.settings.state_dir.absolute() / "dbt" / platform.settings.warehouse.value
    home.mkdir(parents=True, exist_ok=True)
    generated = generated_files(own_tables)
    digest = _digest(generated)
    project, stamp = home / digest[:16], home / f"{digest[:16]}.parsed"
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists():
            # Laid out in a folder of its own: a code server that reads an older one is not disturbed.
            shutil.rmtree(project, ignore_errors=True)
            shutil.copytree(DBT_PROJECT_DIR, project, ignore=shutil.ignore_patterns(*_NOT_READ))
            for name, text in generated.items():
                (project / name).parent.mkdir(parents=True, exist_ok=True)
                (project / name).write_text(text)
            _parse(platform, project)
            stamp.touch()
    return DbtProject(project, target=platform.settings.warehouse.value)


def run_dbt(project: Path, target: str, args: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run dbt in a process of its own, outside any asset; `Platform.export_dbt_environment` comes first.

    Args:
        project: the folder that was laid out.
        target: `duckdb` or `redshift`.
        args: what follows `dbt`, as of `warehouse/dbt_args.py`.
    """
    command = [
        *(sys.executable, "-m", "dbt.cli.main", "--no-use-colors", "--log-path", str(project / "logs"), *args),
        *("--project-dir", str(project), "--profiles-dir", str(project), "--target", target),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _parse(platform: Platform, project: Path) -> None:
    platform.export_dbt_environment()
    done = run_dbt(project, platform.settings.warehouse.value, ["parse"])
    if done.returncode != 0:
        raise PermanentError(f"dbt could not parse the models; mend the one it names: {done.stdout[-2000:]}{done.stderr[-500:]}")


def _digest(generated: Mapping[str, str]) -> str:
    """One digest over all files that dbt reads."""
    digest = hashlib.sha256()
    for path in _files():
        digest.update(str(path.relative_to(DBT_PROJECT_DIR)).encode() + b"\0" + path.read_bytes() + b"\0")
    for name, text in sorted(generated.items()):
        digest.update(f"{name}\0{text}\0".encode())
    return digest.hexdigest()


def _files() -> Iterator[Path]:
    for path in sorted(DBT_PROJECT_DIR.rglob("*")):
        if path.is_file() and path.relative_to(DBT_PROJECT_DIR).parts[0] not in _NOT_READ and not path.name.startswith("."):
            yield path
