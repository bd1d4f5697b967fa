"""The services of the local stack behind one small interface, so that `stack.py` treats all alike.

Belongs here: how each service is launched, checked and prepared. Does not: order, progress and clean-up (`stack.py`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.sources import load_sources
from data_pipeline.devstack.dagster_home import read_workspace_port, workspace_path, write_dagster_home, write_workspace
from data_pipeline.devstack.kafka import KafkaCluster
from data_pipeline.devstack.ports import LOOPBACK, WantedPort, is_free, reserve_port
from data_pipeline.devstack.processes import ProcessFolder
from data_pipeline.devstack.s3 import NAME as S3_NAME
from data_pipeline.devstack.s3 import S3Keys, S3Server
from data_pipeline.settings import PREFIX, PROJECT_ROOT, Settings

KAFKA = "kafka"
S3 = "s3"
DAGSTER = "dagster"
DASHBOARDS = "dashboards"
ALL_SERVICES = (KAFKA, S3, DAGSTER, DASHBOARDS)
_CODE_SERVER = "dagster-code-server"
_WEB_SERVER = "dagster-webserver"
_DAEMON = "dagster-daemon"
_START_TIMEOUT_S = 300.0
_LOCATION_QUERY = """{ workspaceOrError { __typename ... on Workspace { locationEntries {
  name loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } }
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"""


class Service(Protocol):
    """One part of the stack."""

    @property
    def name(self) -> str:
        """What `--only` calls it."""
        ...

    @property
    def process_names(self) -> Sequence[str]:
        """Names of its processes in the folder."""
        ...

    @property
    def port(self) -> WantedPort:
        """Where people and other parts reach it."""
        ...

    @property
    def address(self) -> str:
        """The same, to print."""
        ...

    def launch(self) -> None:
        """Start what is not running, without waiting."""
        ...

    def wait_until_ready(self) -> None:
        """Wait until it answers; PermanentError with the end of its log otherwise."""
        ...

    def prepare(self) -> None:
        """What has to be there before it is of use; safe to repeat."""
        ...


@dataclass
class KafkaService:
    """One broker with the topics of `sources.yaml`."""

    settings: Settings
    processes: ProcessFolder

    def __post_init__(self) -> None:
        self.name = KAFKA
        self._cluster = KafkaCluster(
            self.processes, self.settings.jars_dir / "kafka", [self.settings.kafka_port], java=java_program(self.settings)
        )
        self.process_names = [broker.name for broker in self._cluster.brokers]
        self.port = WantedPort(self.settings.kafka_port, "Kafka", f"{PREFIX}KAFKA_PORT")
        self.address = self._cluster.bootstrap_servers

    def launch(self) -> None:
        self._cluster.launch()

    def wait_until_ready(self) -> None:
        self._cluster.wait_until_ready()

    def prepare(self) -> None:
        for source in load_sources(self.settings.sources_file).values():
            self._cluster.create_topic(source.topic, partitions=self.settings.kafka_topic_partitions)


@dataclass
class S3Service:
    """The S3 server with the bucket."""

    settings: Settings
    processes: ProcessFolder
    keys: S3Keys

    def __post_init__(self) -> None:
        self.name = S3
        self._server = S3Server(self.processes, self.settings.s3_port, self.keys)
        self.process_names = [S3_NAME]
        self.port = WantedPort(self.settings.s3_port, "the S3 server", f"{PREFIX}S3_PORT")
        self.address = self._server.endpoint_url

    def launch(self) -> None:
        self._server.launch()

    def wait_until_ready(self) -> None:
        self._server.wait_until_ready()

    def prepare(self) -> None:
        self._server.create_bucket(self.settings.s3_bucket)


@dataclass
class DagsterService:
    """Dagster's code server, which loads the definitions once and runs what is launched, its web server and its daemon."""

    settings: Settings
    processes: ProcessFolder

    def __post_init__(self) -> None:
        self.name = DAGSTER
        self.process_names = [_CODE_SERVER, _WEB_SERVER, _DAEMON]
        self.port = WantedPort(self.settings.ui_port, "Dagster's UI", f"{PREFIX}UI_PORT")
        self.address = f"http://{LOOPBACK}:{self.settings.ui_port}"

    def launch(self) -> None:
        home = write_dagster_home(self.settings)
        if self.processes.find(_CODE_SERVER) is not None:
            return
        # Its runs ended with it: a daemon that lives on would wait for them for ever.
        for name in (_WEB_SERVER, _DAEMON):
            self.processes.stop(name)
        for name in self.process_names:
            self.processes.end_leftovers(name)
        self._end_orphaned_runs(home)
        port = reserve_port()
        write_workspace(self.settings, LOOPBACK, port)
        self._start(_CODE_SERVER, ["code-server", "start", "-h", LOOPBACK, "-p", str(port), "-m", "data_pipeline.definitions"])

    def wait_until_ready(self) -> None:
        port = read_workspace_port(self.settings)
        # It listens once it has loaded; the other two ask it only when they start.
        self.processes.wait_until(_CODE_SERVER, lambda: not is_free(port), timeout_s=_START_TIMEOUT_S)
        workspace = str(workspace_path(self.settings))
        self._start(_WEB_SERVER, ["-h", LOOPBACK, "-p", str(self.settings.ui_port), "-w", workspace])
        self._start(_DAEMON, ["run", "-w", workspace])
        self.processes.wait_until(_WEB_SERVER, lambda: self._ask() is not None, timeout_s=_START_TIMEOUT_S)
        self.processes.wait_until(_WEB_SERVER, self._is_loaded, timeout_s=_START_TIMEOUT_S)
        self.processes.wait_until(_DAEMON, self._is_daemon_healthy, timeout_s=_START_TIMEOUT_S)

    def _start(self, name: str, arguments: Sequence[str]) -> None:
        if self.processes.find(name) is not None:
            return
        variables = {**_settings_variables(self.settings), "DAGSTER_HOME": str(self.settings.dagster_home), "SPARK_LOCAL_IP": LOOPBACK}
        # On a busy laptop a run's process takes longer to start than Dagster's own limit of a minute.
        variables["DAGSTER_GRPC_TIMEOUT_SECONDS"] = str(int(_START_TIMEOUT_S * 2))
        program = "dagster" if name == _CODE_SERVER else name
        self.processes.start(name, [_script(program), *arguments], set_variables=variables, cwd=PROJECT_ROOT)

    def prepare(self) -> None:
        return

    def _end_orphaned_runs(self, home: Path) -> None:
        """What a crash interrupted is started again by the daemon; without this it would count as running for ever."""
        if not (home / "history" / "runs.db").exists():
            return
        command = [sys.executable, "-m", "data_pipeline.orchestration.recovery"]
        done = subprocess.run(["env", f"DAGSTER_HOME={home}", *command], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise PermanentError(
                f"Dagster's history in {home} cannot be read: {done.stderr.strip()[-600:]} "
                "`data-pipeline stack down --delete-data` removes it with all local data."
            )

    def _ask(self) -> dict[str, Any] | None:
        request = urllib.request.Request(
            f"{self.address}/graphql",
            data=json.dumps({"query": _LOCATION_QUERY}).encode(),
            headers={"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return dict(json.load(answer)["data"])
        except (urllib.error.URLError, OSError, ValueError, KeyError, TypeError):
            return None

    def _is_loaded(self) -> bool:
        data = self._ask()
        if data is None:
            return False
        entries = data["workspaceOrError"].get("locationEntries", [])
        for entry in entries:
            problem = entry["locationOrLoadError"] or {}
            if problem.get("__typename") == "PythonError":
                reason = problem["message"].strip().splitlines()[-1]
                raise PermanentError(f"Dagster could not load {entry['name']}: {reason} See {self.processes.log_path(_WEB_SERVER)}.")
        return bool(entries) and all(entry["loadStatus"] == "LOADED" for entry in entries)

    def _is_daemon_healthy(self) -> bool:
        data = self._ask()
        if data is None:
            return False
        statuses = data["instance"]["daemonHealth"]["allDaemonStatuses"]
        return all(status["healthy"] for status in statuses if status["required"])


@dataclass
class DashboardService:
    """The Streamlit application."""

    settings: Settings
    processes: ProcessFolder

    def __post_init__(self) -> None:
        self.name = DASHBOARDS
        self.process_names = [DASHBOARDS]
        self.port = WantedPort(self.settings.dashboard_port, "the dashboards", f"{PREFIX}DASHBOARD_PORT")
        self.address = f"http://{LOOPBACK}:{self.settings.dashboard_port}"

    def launch(self) -> None:
        if self.processes.find(DASHBOARDS) is not None:
            return
        options = {
            "server.address": LOOPBACK,
            "server.port": self.settings.dashboard_port,
            "server.headless": "true",
            "server.fileWatcherType": "none",
            "browser.gatherUsageStats": "false",
        }
        application = PROJECT_ROOT / "data_pipeline" / "serving" / "app.py"
        command = [sys.executable, "-m", "streamlit", "run", str(application), *(f"--{name}={value}" for name, value in options.items())]
        self.processes.start(DASHBOARDS, command, set_variables=_settings_variables(self.settings), cwd=PROJECT_ROOT)

    def wait_until_ready(self) -> None:
        self.processes.wait_until(DASHBOARDS, lambda: _answers(f"{self.address}/_stcore/health"), timeout_s=_START_TIMEOUT_S)

    def prepare(self) -> None:
        return


def build_services(settings: Settings, processes: ProcessFolder, keys: S3Keys) -> dict[str, Service]:
    """All services by name, in the order in which they have to start."""
    factories: dict[str, Callable[[], Service]] = {
        KAFKA: lambda: KafkaService(settings, processes),
        S3: lambda: S3Service(settings, processes, keys),
        DAGSTER: lambda: DagsterService(settings, processes),
        DASHBOARDS: lambda: DashboardService(settings, processes),
    }
    return {name: factories[name]() for name in ALL_SERVICES}


def java_program(settings: Settings) -> str | None:
    """`$JAVA_HOME/bin/java` where that is set, else None for the one on PATH."""
    return str(settings.java_home / "bin" / "java") if settings.java_home else None


def _settings_variables(settings: Settings) -> dict[str, str]:
    """What a child cannot learn from the stack's file, because it has to find that file first."""
    return {
        f"{PREFIX}STATE_DIR": str(settings.state_dir.resolve()),
        f"{PREFIX}SOURCES_FILE": str(settings.sources_file.resolve()),
        f"{PREFIX}JARS_DIR": str(settings.jars_dir.resolve()),
        f"{PREFIX}PARTITIONS_START": settings.partitions_start,
    }


def _script(name: str) -> str:
    beside_python = Path(sys.executable).with_name(name)
    if not beside_python.exists():
        raise PermanentError(f"The program `{name}` is not installed beside {sys.executable}; run `make setup`.")
    return str(beside_python)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
