"""The dbt project, ready to be read: dbt's manifest is made where it is missing or older than the models.

Belongs here: preparing the manifest. Does not: models (`dbt_project/`), running them (`assets/dbt.py`).
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

from dagster_dbt import DbtProject

from data_pipeline.common.errors import PermanentError
from data_pipeline.orchestration.platform import Platform
from data_pipeline.settings import PROJECT_ROOT

DBT_PROJECT_DIR = PROJECT_ROOT / "dbt_project"


def prepare_dbt_project(platform: Platform) -> DbtProject:
    """The project with a manifest that fits its files; `dbt parse` runs only where it does not (about 5 s)."""
    settings = platform.settings
    target = settings.state_dir.absolute() / "dbt" / settings.warehouse.value
    target.mkdir(parents=True, exist_ok=True)
    digest = _digest(DBT_PROJECT_DIR)
    stamp = target / "parsed.sha256"
    with (target / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (stamp.exists() and stamp.read_text() == digest and (target / "manifest.json").exists()):
            _parse(platform, target)
            stamp.write_text(digest)
    return DbtProject(DBT_PROJECT_DIR, target_path=target, target=settings.warehouse.value)


def _parse(platform: Platform, target: Path) -> None:
    platform.export_dbt_environment()
    command = [
        *(sys.executable, "-m", "dbt.cli.main", "--no-use-colors", "parse", "--no-partial-parse"),
        *("--project-dir", str(DBT_PROJECT_DIR), "--profiles-dir", str(DBT_PROJECT_DIR)),
        *("--target", platform.settings.warehouse.value, "--target-path", str(target), "--log-path", str(target)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PermanentError(
            f"dbt could not parse {DBT_PROJECT_DIR.name}; mend the model it names: {done.stdout[-2000:]}{done.stderr[-500:]}"
        )


def _digest(folder: Path) -> str:
    """One digest over all files that dbt reads."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and relative.parts[0] not in {"target", "logs"} and path.suffix in {".sql", ".yml", ".yaml", ".csv", ".md"}:
            digest.update(str(relative).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
