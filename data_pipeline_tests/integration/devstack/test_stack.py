"""`data-pipeline stack`, driven as a person does: up, up again, down, interrupted, and with a port taken."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_pipeline.devstack.processes import ProcessFolder
from data_pipeline_tests.integration.stack_folder import Stack

STORAGE = "kafka,s3"


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "DATA_PIPELINE_KAFKA_BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(name, raising=False)
    stack = Stack(tmp_path / "state")
    yield stack
    ProcessFolder(stack.state_dir).stop_all(grace_s=1)


def test_up_up_again_work_and_down(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    first = stack.run("stack", "up", "--only", STORAGE)
    assert first.returncode == 0, first.stderr
    stack_file = stack.state_dir / "stack.json"
    assert stack_file.stat().st_mode & 0o077 == 0
    running = set(stack.processes())

    # Every later command of this deployment finds addresses and keys by itself.
    settings = stack.settings(monkeypatch)
    settings.object_store().put("kept", b"1")
    from confluent_kafka.admin import AdminClient

    topics = AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers}).list_topics(timeout=20).topics
    assert {name: len(topics[name].partitions) for name in topics if name.startswith("product-events.")} == {
        f"product-events.{source}": 4 for source in ("web", "ios", "android", "server")
    }

    again = stack.run("stack", "up", "--only", STORAGE)
    assert again.returncode == 0, again.stderr
    assert "kafka is running already" in again.stderr
    assert set(stack.processes()) == running

    status = stack.run("stack", "status", "--json")
    assert {row["service"]: row["running"] for row in json.loads(status.stdout)} == {
        "kafka": True,
        "s3": True,
        "dagster": False,
        "dashboards": False,
    }
    assert status.returncode == 1
    secret = json.loads(stack_file.read_text())["AWS_SECRET_ACCESS_KEY"]
    assert all(secret not in result.stdout + result.stderr for result in (first, again, status))

    down = stack.run("stack", "down")
    assert down.returncode == 0, down.stderr
    assert stack.processes() == []
    assert not stack_file.exists()
    assert "Nothing was running" in stack.run("stack", "down").stdout

    # What was stored is there after the next start, under new keys.
    assert stack.run("stack", "up", "--only", "s3").returncode == 0
    assert stack.settings(monkeypatch).object_store().get("kept") == b"1"
    assert json.loads(stack_file.read_text())["AWS_SECRET_ACCESS_KEY"] != secret


def test_a_taken_port_stops_up_before_anything_starts(stack: Stack) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = stack.run("stack", "up", "--only", STORAGE, DATA_PIPELINE_S3_PORT=str(port))
    assert result.returncode == 1
    assert f"Port {port} for the S3 server is taken" in result.stderr
    assert "DATA_PIPELINE_S3_PORT" in result.stderr
    assert stack.processes() == []
    assert not (stack.state_dir / "stack.json").exists()


def test_an_unknown_service_is_named(stack: Stack) -> None:
    result = stack.run("stack", "up", "--only", "kafka,spark")
    assert result.returncode == 1
    assert "'spark' is not a service of the stack; there are kafka, s3, dagster, dashboards." in result.stderr


def test_the_stack_is_not_for_production(stack: Stack) -> None:
    result = stack.run("stack", "up", DATA_PIPELINE_ENVIRONMENT="production")
    assert result.returncode == 1
    assert "DATA_PIPELINE_ENVIRONMENT is `production`" in result.stderr


def test_a_server_that_is_set_elsewhere_is_used_and_not_started(stack: Stack) -> None:
    result = stack.run("stack", "up", "--only", "kafka", DATA_PIPELINE_KAFKA_BOOTSTRAP_SERVERS="kafka.example:9092")
    assert result.returncode == 0, result.stderr
    assert "kafka is not started: DATA_PIPELINE_KAFKA_BOOTSTRAP_SERVERS names kafka.example:9092" in result.stderr
    assert stack.processes() == []


def test_a_failed_start_leaves_nothing(stack: Stack, tmp_path: Path) -> None:
    sources = tmp_path / "sources.yaml"
    sources.write_text("sources: {}\n")
    result = stack.run("stack", "up", "--only", STORAGE, DATA_PIPELINE_SOURCES_FILE=str(sources))
    assert result.returncode == 1
    assert "sources:" in result.stderr
    assert stack.processes() == []
    assert not (stack.state_dir / "stack.json").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_up_cleans_up(stack: Stack, number: signal.Signals) -> None:
    command = subprocess.Popen(stack.command("stack", "up", "--only", STORAGE), env=stack.environment, start_new_session=True)
    deadline = time.monotonic() + 100
    while not stack.processes():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(command.pid, number)
    assert command.wait(timeout=100) != 0
    assert stack.processes() == []
    assert not (stack.state_dir / "stack.json").exists()


def test_after_a_killed_up_the_next_one_and_down_find_everything(stack: Stack) -> None:
    command = subprocess.Popen(stack.command("stack", "up", "--only", STORAGE), env=stack.environment, start_new_session=True)
    deadline = time.monotonic() + 100
    while not stack.processes():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    command.kill()
    command.wait()
    assert stack.processes()
    again = stack.run("stack", "up", "--only", STORAGE)
    assert again.returncode == 0, again.stderr
    assert stack.run("stack", "down").returncode == 0
    assert stack.processes() == []
