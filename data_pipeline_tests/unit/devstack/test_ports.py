"""Choosing free ports and refusing taken ones."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from data_pipeline.common.errors import PermanentError
from data_pipeline.devstack.ports import WantedPort, is_free, require_free, reserve_port, reserve_ports


@pytest.fixture
def taken_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_taken_port_is_an_error_that_names_port_holder_and_variable(taken_port: int) -> None:
    with pytest.raises(PermanentError) as raised:
        require_free([WantedPort(taken_port, "Kafka", "DATA_PIPELINE_KAFKA_PORT")])
    assert f"Port {taken_port} for Kafka is taken by" in str(raised.value)
    assert f"process {os.getpid()}" in str(raised.value)
    assert "DATA_PIPELINE_KAFKA_PORT" in str(raised.value)


def test_every_taken_port_is_named_at_once(taken_port: int) -> None:
    free = reserve_port()
    with pytest.raises(PermanentError) as raised:
        require_free([WantedPort(taken_port, "Kafka", "A"), WantedPort(free, "S3", "B"), WantedPort(taken_port, "Dagster's UI", "C")])
    assert "for Kafka" in str(raised.value)
    assert "for Dagster's UI" in str(raised.value)
    assert "for S3" not in str(raised.value)


def test_a_port_listened_on_at_all_addresses_is_taken() -> None:
    with socket.socket() as server:
        server.bind(("0.0.0.0", 0))
        server.listen()
        assert not is_free(server.getsockname()[1])


def test_two_processes_are_never_given_the_same_port() -> None:
    ours = set(reserve_ports(150))
    program = "from data_pipeline.devstack.ports import reserve_ports; print(*reserve_ports(150))"
    theirs = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert len(ours) == 150
    assert ours.isdisjoint(map(int, theirs))
