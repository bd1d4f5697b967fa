"""The local stack as a whole: up, down, and what runs now.

Belongs here: order, progress, clean-up after a failure, the stack's file. Does not: one service (`services.py`).
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from data_pipeline.common.errors import PermanentError
from data_pipeline.devstack.ports import LOOPBACK, require_free
from data_pipeline.devstack.processes import ProcessFolder
from data_pipeline.devstack.s3 import S3Keys, keys_of_killed_start
from data_pipeline.devstack.services import ALL_SERVICES, KAFKA, S3, Service, build_services
from data_pipeline.devstack.stack_file import read_stack_file, remove_stack_file, write_stack_file
from data_pipeline.settings import PREFIX, Environment, Settings

Progress = Callable[[str], None]
_PORT_FIELDS = {KAFKA: "kafka_port", S3: "s3_port", "dagster": "ui_port", "dashboards": "dashboard_port"}


@dataclass(frozen=True)
class ServiceStatus:
    """One line of `data-pipeline stack status`.

    Attributes:
        name: the service.
        is_running: whether all of its processes live.
        address: where it listens, or would.
        pids: its processes that live.
        logs: their log files.
    """

    name: str
    is_running: bool
    address: str
    pids: list[int]
    logs: list[Path]


def start_stack(settings: Settings, services: Sequence[str] = ALL_SERVICES, progress: Progress = lambda _: None) -> Settings:
    """Start what does not run yet and wait until all of it answers; safe to repeat.

    Args:
        settings: ports, state folder, bucket. Kafka or S3 that is set to an address elsewhere is used, not started.
        services: some of `ALL_SERVICES`.
        progress: called with one sentence for each step.

    Returns:
        The settings with the stack's addresses and keys.

    Raises:
        PermanentError: a port is taken, a service did not come up (the end of its log is in the message), or the
            stack runs on other ports. What this call started has ended then; what ran before runs on.
    """
    _require_known(services)
    if settings.environment is not Environment.LOCAL:
        raise PermanentError(f"The local stack is for the environment `local`, and {PREFIX}ENVIRONMENT is `{settings.environment.value}`.")
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    with _locked(settings.state_dir):
        return _start(settings, services, progress)


def stop_stack(settings: Settings, *, delete_data: bool = False, progress: Progress = lambda _: None) -> list[str]:
    """Stop every process of the stack and remove its file; returns the names of what was running.

    Args:
        settings: the state folder.
        delete_data: also delete the state folder: records, objects, Dagster's history, the DuckDB file.
        progress: called with one sentence for each step.
    """
    if not settings.state_dir.exists():
        return []
    with _locked(settings.state_dir):
        # Settings of other commands must not point at servers that are about to go.
        remove_stack_file(settings.state_dir)
        progress("Stopping the stack…")
        stopped = _processes(settings).stop_all()
        (settings.state_dir / "s3" / "identities.json").unlink(missing_ok=True)
        if delete_data:
            shutil.rmtree(settings.state_dir, ignore_errors=True)
    return stopped


def stack_status(settings: Settings) -> list[ServiceStatus]:
    """What runs now, service by service."""
    processes = _processes(settings)
    result = []
    for service in build_services(settings, processes, S3Keys("", "")).values():
        found = [process for name in service.process_names if (process := processes.find(name))]
        result.append(
            ServiceStatus(
                name=service.name,
                is_running=len(found) == len(service.process_names),
                address=service.address,
                pids=[process.pid for process in found],
                logs=[processes.log_path(name) for name in service.process_names],
            )
        )
    return result


def _start(settings: Settings, names: Sequence[str], progress: Progress) -> Settings:
    processes = _processes(settings)
    recorded = read_stack_file(settings.state_dir)
    keys = _keys(settings, recorded)
    services = build_services(settings, processes, keys)
    wanted = [service for name, service in services.items() if name in names and not _is_elsewhere(settings, recorded, name, progress)]
    _require_same_ports(settings, recorded, wanted, processes)
    idle = [service for service in wanted if not _runs(service, processes)]
    for name in (name for service in idle for name in service.process_names):
        # A killed start or a killed program may have left something that still holds the port.
        processes.end_leftovers(name)
    require_free(service.port for service in idle if not any(processes.find(name) for name in service.process_names))
    ran_before = {name for name in processes.names() if processes.find(name) is not None}
    try:
        storage = [service for service in wanted if service.name in (KAFKA, S3)]
        _bring_up(storage, idle, progress)
        settings = _publish(settings, recorded, wanted, keys)
        # The others read the stack's file as they start.
        _bring_up([service for service in wanted if service not in storage], idle, progress)
    except BaseException:
        progress("Stopping what was started…")
        if ran_before:
            for name in set(processes.names()) - ran_before:
                processes.stop(name)
        else:
            processes.stop_all()
        if not recorded or not ran_before:
            remove_stack_file(settings.state_dir)
        raise
    return settings


def _bring_up(services: Sequence[Service], idle: Sequence[Service], progress: Progress) -> None:
    for service in services:
        if service in idle:
            progress(f"Starting {service.name} on {service.address}…")
            service.launch()
    for service in services:
        service.wait_until_ready()
        service.prepare()
        progress(f"{service.name} is {'up' if service in idle else 'running already'}: {service.address}")


def _publish(settings: Settings, recorded: dict[str, Any], wanted: Sequence[Service], keys: S3Keys) -> Settings:
    content = dict(recorded)
    for service in wanted:
        content[_PORT_FIELDS[service.name]] = service.port.port
        if service.name == KAFKA:
            content["kafka_bootstrap_servers"] = service.address
        elif service.name == S3:
            content |= {"s3_endpoint_url": service.address, "s3_bucket": settings.s3_bucket}
            content |= {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key}
    if content:
        write_stack_file(settings.state_dir, content)
    update = {name.lower(): value for name, value in content.items() if name.lower() in Settings.model_fields}
    if "aws_secret_access_key" in update:
        update["aws_secret_access_key"] = SecretStr(update["aws_secret_access_key"])
    return settings.model_copy(update=update)


def _keys(settings: Settings, recorded: dict[str, Any]) -> S3Keys:
    """A person's own keys win over the stack's in every command, so the stack's server has to know them."""
    if settings.aws_access_key_id and settings.aws_secret_access_key:
        return S3Keys(settings.aws_access_key_id, settings.aws_secret_access_key.get_secret_value())
    if "AWS_SECRET_ACCESS_KEY" in recorded:
        return S3Keys(recorded["AWS_ACCESS_KEY_ID"], recorded["AWS_SECRET_ACCESS_KEY"])
    return keys_of_killed_start(settings.state_dir) or S3Keys.generate()


def _is_elsewhere(settings: Settings, recorded: dict[str, Any], name: str, progress: Progress) -> bool:
    """Whether a person set the service's address to a server that is not the stack's."""
    field, own = {
        KAFKA: ("kafka_bootstrap_servers", f"{LOOPBACK}:{settings.kafka_port}"),
        S3: ("s3_endpoint_url", f"http://{LOOPBACK}:{settings.s3_port}"),
    }.get(name, ("", ""))
    if not field:
        return False
    value = getattr(settings, field)
    if value in (own, recorded.get(field), Settings.model_fields[field].default):
        return False
    progress(f"{name} is not started: {PREFIX}{field.upper()} names {value}")
    return True


def _require_same_ports(settings: Settings, recorded: dict[str, Any], wanted: Sequence[Service], processes: ProcessFolder) -> None:
    for service in wanted:
        running_on = recorded.get(_PORT_FIELDS[service.name], service.port.port)
        if running_on != service.port.port and _runs(service, processes):
            raise PermanentError(
                f"{service.name} runs on port {running_on} already and {service.port.variable} is {service.port.port}; "
                "run `make down` first, or leave the variable as it was."
            )


def _runs(service: Service, processes: ProcessFolder) -> bool:
    return all(processes.find(name) is not None for name in service.process_names)


def _require_known(names: Sequence[str]) -> None:
    for name in names:
        if name not in ALL_SERVICES:
            raise PermanentError(f"'{name}' is not a service of the stack; there are {', '.join(ALL_SERVICES)}.")


def _processes(settings: Settings) -> ProcessFolder:
    return ProcessFolder(settings.state_dir)


@contextmanager
def _locked(state_dir: Path) -> Iterator[None]:
    with (state_dir / "stack.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PermanentError(f"Another command starts or stops the stack in {state_dir} now; wait until it has ended.") from error
        yield
