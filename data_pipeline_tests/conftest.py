"""Real servers for tests: each test process has a Kafka broker and an S3 server of its own, started at first use.

Both listen on free ports, keep their data in a temporary folder, and end with the test process, however it ends.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.devstack.kafka import TEST_JVM_OPTIONS, KafkaCluster, SaslUser
from data_pipeline.devstack.ports import reserve_port, reserve_ports
from data_pipeline.devstack.processes import ProcessFolder
from data_pipeline.devstack.s3 import S3Keys, S3Server
from data_pipeline.settings import Settings

TEST_BUCKET = "test-bucket"
SASL_USER = SaslUser("tester", "right-password")

ClusterFactory = Callable[..., KafkaCluster]


@pytest.fixture(scope="session")
def jars_dir() -> Path:
    """Where set-up put the jars: `kafka/` and `spark/`."""
    return Settings.from_env().jars_dir


@pytest.fixture(scope="session")
def session_processes() -> Iterator[ProcessFolder]:
    """The folder of the servers that all tests of this process share."""
    yield from _process_folder()


@pytest.fixture
def process_folder() -> Iterator[ProcessFolder]:
    """A folder for the servers of one test; all of them have ended when the test has."""
    yield from _process_folder()


@pytest.fixture(scope="session")
def kafka(session_processes: ProcessFolder, jars_dir: Path) -> KafkaCluster:
    """A broker shared by tests that do not stop it.

    `kafka.bootstrap_servers`; `kafka.create_topic("t-" + …, partitions=4, config={…})`; `kafka.sasl_bootstrap_servers`
    asks for the name and password of `SASL_USER`.
    """
    cluster = KafkaCluster(session_processes, jars_dir / "kafka", [reserve_port()], sasl_user=SASL_USER, jvm_options=TEST_JVM_OPTIONS)
    cluster.start()
    return cluster


@pytest.fixture
def topic(kafka: KafkaCluster, request: pytest.FixtureRequest) -> str:
    """A new topic with 4 partitions on the shared broker."""
    return kafka.create_topic(_unique(request), partitions=4)


@pytest.fixture
def kafka_cluster(process_folder: ProcessFolder, jars_dir: Path) -> ClusterFactory:
    """Call it for a cluster of the test's own, which the test may stop, kill and freeze: `kafka_cluster(brokers=3)`."""

    def start(brokers: int = 1) -> KafkaCluster:
        cluster = KafkaCluster(process_folder, jars_dir / "kafka", reserve_ports(brokers), jvm_options=TEST_JVM_OPTIONS)
        cluster.start()
        return cluster

    return start


@pytest.fixture(scope="session")
def s3_server(session_processes: ProcessFolder) -> S3Server:
    """An S3 server shared by tests that do not stop it; its bucket is `TEST_BUCKET`."""
    server = S3Server(session_processes, reserve_port(), S3Keys.generate())
    server.start()
    server.create_bucket(TEST_BUCKET)
    return server


@pytest.fixture
def s3_store(s3_server: S3Server, request: pytest.FixtureRequest) -> S3ObjectStore:
    """An empty store: a prefix of the test's own in the shared bucket."""
    return s3_server.object_store(TEST_BUCKET, prefix=f"{_unique(request)}/")


@pytest.fixture
def s3_bucket_store(s3_server: S3Server) -> S3ObjectStore:
    """An empty store whose bucket is the test's own, without a prefix, for what reads whole `s3://` addresses."""
    bucket = f"test-{uuid.uuid4().hex[:20]}"
    server_store = s3_server.object_store(bucket)
    s3_server.create_bucket(bucket)
    return server_store


@pytest.fixture
def own_s3_server(process_folder: ProcessFolder) -> S3Server:
    """An S3 server that the test may stop and kill."""
    server = S3Server(process_folder, reserve_port(), S3Keys.generate())
    server.start()
    server.create_bucket(TEST_BUCKET)
    return server


@pytest.fixture
def free_port() -> int:
    """A port on which nothing listens."""
    return reserve_port()


def _process_folder() -> Iterator[ProcessFolder]:
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-test-"))
    processes = ProcessFolder(folder, dies_with_parent=True)
    try:
        yield processes
    finally:
        # Data of tests is worth no orderly end.
        processes.stop_all(grace_s=0)
        shutil.rmtree(folder, ignore_errors=True)


def _unique(request: pytest.FixtureRequest) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:60]
    return f"{name}-{uuid.uuid4().hex[:8]}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of this project's tests."""
    parser.addoption("--update-snapshots", action="store_true", help="Write the snapshots of the asset graph anew.")
    parser.addoption("--pictures", action="store_true", help="Take pictures of the dashboards into docs/images/.")
