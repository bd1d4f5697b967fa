"""`DAGSTER_HOME` of the local stack: the instance's configuration, rendered from the settings.

Belongs here: what `dagster.yaml` and its `workspace.yaml` say. Does not: definitions (`orchestration/`), starting Dagster (`services.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from data_pipeline.devstack.files import replace_text
from data_pipeline.settings import Settings

_HEADER = "# Written by `make up`; changes are lost. See data_pipeline/devstack/dagster_home.py.\n"


def instance_configuration(settings: Settings) -> dict[str, Any]:
    """The content of `dagster.yaml`, ready for YAML."""
    home = settings.dagster_home
    return {
        "storage": {"sqlite": {"base_dir": str(home / "history")}},
        "local_artifact_storage": {
            "module": "dagster._core.storage.root",
            "class": "LocalArtifactStorage",
            "config": {"base_dir": str(home)},
        },
        "compute_logs": {
            "module": "dagster._core.storage.local_compute_log_manager",
            "class": "LocalComputeLogManager",
            "config": {"base_dir": str(home / "compute_logs")},
        },
        "run_coordinator": {"module": "dagster._core.run_coordinator.queued_run_coordinator", "class": "QueuedRunCoordinator"},
        "concurrency": {"runs": {"max_concurrent_runs": settings.worker_count}},
        "run_monitoring": {"enabled": True, "start_timeout_seconds": 300, "cancel_timeout_seconds": 120, "poll_interval_seconds": 15},
        # Only a run whose process died is started again by Dagster; a step that failed has its own retry policy.
        "run_retries": {"enabled": True, "max_retries": 5, "retry_on_asset_or_op_failure": False},
        "retention": {
            "schedule": {"purge_after_days": 30},
            "sensor": {"purge_after_days": {"skipped": 1, "success": 30, "failure": 30}},
        },
        "code_servers": {"local_startup_timeout": 180},
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
    }


def write_dagster_home(settings: Settings) -> Path:
    """Create the folder with its `dagster.yaml`; returns the folder."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    replace_text(home / "dagster.yaml", _HEADER + yaml.safe_dump(instance_configuration(settings), sort_keys=False))
    return home


def workspace_path(settings: Settings) -> Path:
    """The file that tells web server and daemon where the code server is."""
    return settings.dagster_home.absolute() / "workspace.yaml"


def write_workspace(settings: Settings, host: str, port: int) -> None:
    """Name the code server that is about to start."""
    location = {"host": host, "port": port, "location_name": "data_pipeline"}
    replace_text(workspace_path(settings), _HEADER + yaml.safe_dump({"load_from": [{"grpc_server": location}]}, sort_keys=False))


def read_workspace_port(settings: Settings) -> int:
    """Where the code server that was started last listens."""
    document = yaml.safe_load(workspace_path(settings).read_text())
    return int(document["load_from"][0]["grpc_server"]["port"])
