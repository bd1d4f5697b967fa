"""Apache Kafka in KRaft mode on this machine: one broker, or several with replication.

Belongs here: configuration, start, stop and topics of the local Kafka. Does not: reading or writing records.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_pipeline.common.errors import PermanentError
from data_pipeline.devstack.ports import LOOPBACK, reserve_port
from data_pipeline.devstack.processes import ProcessFolder

SERVER_JVM_OPTIONS = ("-Xms128m", "-Xmx512m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")
TEST_JVM_OPTIONS = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""Starts sooner and takes less of a small machine, at half the throughput."""
_CLUSTER_ID = "ZGF0YS1waXBlbGluZS1sbA"
_START_TIMEOUT_S = 120.0
_LOG_CONFIGURATION = """\
status = warn
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
"""


@dataclass(frozen=True)
class SaslUser:
    """A user of the listener that asks for a password (SASL/PLAIN), beside the open one."""

    name: str
    password: str


@dataclass(frozen=True)
class Broker:
    """Where one node listens; every node is broker and controller."""

    node_id: int
    port: int
    controller_port: int
    sasl_port: int | None = None

    @property
    def name(self) -> str:
        """Its name among the processes of the stack."""
        return f"kafka-{self.node_id}"


class KafkaCluster:
    """A Kafka cluster below one folder; its data survives stop and crash.

    Args:
        processes: where the brokers' pids and logs are kept; data goes to `kafka-<id>/` in the same folder.
        jars: the folder of Kafka's jars, as `make setup` filled it.
        ports: one client port for each broker.
        sasl_user: adds a second listener that lets only this user in.
        jvm_options: heap and collector of each broker.
        java: the `java` program; found on PATH when not given.
    """

    def __init__(
        self,
        processes: ProcessFolder,
        jars: Path,
        ports: Sequence[int],
        *,
        sasl_user: SaslUser | None = None,
        jvm_options: Sequence[str] = SERVER_JVM_OPTIONS,
        java: str | None = None,
    ) -> None:
        self._processes = processes
        self._jars = jars
        self._sasl_user = sasl_user
        self._jvm_options = tuple(jvm_options)
        self._java = java
        self.brokers = [
            Broker(node_id, port, reserve_port(), reserve_port() if sasl_user else None) for node_id, port in enumerate(ports, start=1)
        ]

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of the open listener of all brokers."""
        return ",".join(f"{LOOPBACK}:{broker.port}" for broker in self.brokers)

    @property
    def sasl_bootstrap_servers(self) -> str:
        """Addresses of the listener that asks for the password."""
        return ",".join(f"{LOOPBACK}:{broker.sasl_port}" for broker in self.brokers if broker.sasl_port)

    def start(self) -> None:
        """Start every broker that is not running and wait until all answer."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start every broker that is not running, without waiting."""
        for broker in self.brokers:
            if self._processes.find(broker.name) is None:
                self._launch(broker)

    def wait_until_ready(self) -> None:
        """Wait until all brokers answer; PermanentError with the end of a log when one does not."""
        for broker in self.brokers:
            self._processes.wait_until(broker.name, lambda: self._is_ready(len(self.brokers)), timeout_s=_START_TIMEOUT_S)

    def start_broker(self, node_id: int) -> None:
        """Start one broker (again) and wait until the cluster counts it."""
        broker = self._broker(node_id)
        before = len(self.running())
        self._launch(broker)
        self._processes.wait_until(broker.name, lambda: self._is_ready(before + 1), timeout_s=_START_TIMEOUT_S)

    def stop_broker(self, node_id: int) -> None:
        """Let one broker hand over its partitions and end."""
        self._processes.stop(self._broker(node_id).name, grace_s=30)

    def kill_broker(self, node_id: int) -> None:
        """`kill -9` of one broker."""
        self._processes.kill(self._broker(node_id).name)

    def pause_broker(self, node_id: int) -> None:
        """Freeze one broker: it keeps its connections and answers nothing."""
        self._signal_group(node_id, signal.SIGSTOP)

    def resume_broker(self, node_id: int) -> None:
        """Let a frozen broker go on."""
        self._signal_group(node_id, signal.SIGCONT)

    def running(self) -> list[int]:
        """Ids of the brokers whose process lives."""
        return [broker.node_id for broker in self.brokers if self._processes.find(broker.name) is not None]

    def stop(self) -> None:
        """Stop every broker; the data stays."""
        for broker in self.brokers:
            self._processes.stop(broker.name)

    def create_topic(
        self, name: str, *, partitions: int = 4, replication: int | None = None, config: Mapping[str, str] | None = None
    ) -> str:
        """Create a topic unless it exists, keeping records for ever by default; returns its name.

        Args:
            name: the topic's name.
            partitions: how many.
            replication: copies; all brokers up to three when not given.
            config: settings of the topic, such as `{"message.timestamp.type": "LogAppendTime"}`.
        """
        return create_topic(
            self.bootstrap_servers,
            name,
            partitions=partitions,
            replication=replication or min(3, len(self.brokers)),
            config=config,
        )

    def _broker(self, node_id: int) -> Broker:
        return self.brokers[node_id - 1]

    def _signal_group(self, node_id: int, number: signal.Signals) -> None:
        process = self._processes.find(self._broker(node_id).name)
        if process is None:
            raise PermanentError(f"Broker {node_id} is not running.")
        os.killpg(process.pid, number)

    def _launch(self, broker: Broker) -> None:
        folder = self._processes.folder / broker.name
        folder.mkdir(parents=True, exist_ok=True)
        configuration = folder / "server.properties"
        configuration.write_text("".join(f"{key}={value}\n" for key, value in self._configuration(broker, folder).items()))
        configuration.chmod(0o600)
        logging = folder / "log4j2.properties"
        logging.write_text(_LOG_CONFIGURATION)
        # A heap or option that a person exported for other Kafka tools is not meant for this broker.
        java = [*self._java_command(logging), *self._jvm_options]
        if not (folder / "data" / "meta.properties").exists():
            self._format(broker, [*java, "kafka.tools.StorageTool"], configuration)
        self._processes.start(
            broker.name, [*java, "kafka.Kafka", str(configuration)], cwd=folder, unset_variables=("JAVA_TOOL_OPTIONS", "KAFKA_OPTS")
        )

    def _java_command(self, logging: Path) -> list[str]:
        if not any(self._jars.glob("kafka_*.jar")):
            raise PermanentError(f"Kafka's jars are not in {self._jars}; run `make setup` or set DATA_PIPELINE_JARS_DIR.")
        java = self._java or shutil.which("java")
        if java is None:
            raise PermanentError("There is no `java` on PATH, and Kafka needs version 17 or newer; run `make setup`.")
        return [java, "-cp", f"{self._jars}/*", f"-Dlog4j2.configurationFile={logging}", "-Djava.awt.headless=true"]

    def _format(self, broker: Broker, tool: Sequence[str], configuration: Path) -> None:
        done = subprocess.run(
            [*tool, "format", "--ignore-formatted", "-t", _CLUSTER_ID, "-c", str(configuration)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise PermanentError(f"Kafka could not prepare the folder of {broker.name}: {(done.stderr or done.stdout).strip()[-600:]}")

    def _configuration(self, broker: Broker, folder: Path) -> dict[str, str | int]:
        copies = min(3, len(self.brokers))
        listeners = {"CLIENT": ("PLAINTEXT", broker.port), "CONTROLLER": ("PLAINTEXT", broker.controller_port)}
        if broker.sasl_port:
            listeners["SASL"] = ("SASL_PLAINTEXT", broker.sasl_port)
        addresses = {name: f"{name}://{LOOPBACK}:{port}" for name, (_, port) in listeners.items()}
        configuration: dict[str, str | int] = {
            "process.roles": "broker,controller",
            "node.id": broker.node_id,
            "controller.quorum.voters": ",".join(f"{peer.node_id}@{LOOPBACK}:{peer.controller_port}" for peer in self.brokers),
            "listeners": ",".join(addresses.values()),
            "advertised.listeners": ",".join(address for name, address in addresses.items() if name != "CONTROLLER"),
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, (protocol, _) in listeners.items()),
            "inter.broker.listener.name": "CLIENT",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(folder / "data"),
            "auto.create.topics.enable": "false",
            # One broker has to be enough for transactions and consumer groups.
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": 1 if copies == 1 else 2,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": 1 if copies == 1 else 2,
            "default.replication.factor": copies,
            "min.insync.replicas": 1 if copies == 1 else 2,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.num.partitions": 4,
            "group.initial.rebalance.delay.ms": 0,
            # Sample events are of past days: no age deletes them, and no timestamp is refused.
            "log.retention.ms": -1,
            # A topic that has a retention of its own is looked at every few seconds, not minutes.
            "log.retention.check.interval.ms": 5000,
            "log.initial.task.delay.ms": 5000,
            "log.message.timestamp.before.max.ms": 2**63 - 1,
            "log.message.timestamp.after.max.ms": 2**63 - 1,
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
            # The default of 128 MiB is a quarter of this heap.
            "log.cleaner.dedupe.buffer.size": 8 * 2**20,
            # A killed broker may come back only when its old session is over (the default is 9 s).
            "broker.session.timeout.ms": 5000,
            "broker.heartbeat.interval.ms": 1000,
            "num.network.threads": 2,
            "num.io.threads": 4,
        }
        if self._sasl_user:
            user = self._sasl_user
            module = "org.apache.kafka.common.security.plain.PlainLoginModule"
            configuration["listener.name.sasl.sasl.enabled.mechanisms"] = "PLAIN"
            configuration["listener.name.sasl.plain.sasl.jaas.config"] = f'{module} required user_{user.name}="{user.password}";'
        return configuration

    def _is_ready(self, broker_count: int) -> bool:
        from confluent_kafka import KafkaException

        try:
            metadata = _admin(self.bootstrap_servers).list_topics(timeout=2)
        except KafkaException:
            return False
        return len(metadata.brokers) >= broker_count and metadata.controller_id >= 0


def create_topic(
    bootstrap_servers: str, name: str, *, partitions: int, replication: int = 1, config: Mapping[str, str] | None = None
) -> str:
    """Create a topic unless it exists; see `KafkaCluster.create_topic`."""
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import NewTopic

    admin = _admin(bootstrap_servers)
    topic = NewTopic(name, num_partitions=partitions, replication_factor=replication, config={"retention.ms": "-1", **(config or {})})
    try:
        admin.create_topics([topic], operation_timeout=30)[name].result(timeout=30)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise PermanentError(f"Kafka at {bootstrap_servers} could not create the topic '{name}': {error.args[0].str()}") from error
    _await_leaders(admin, name, partitions)
    return name


def _await_leaders(admin: Any, topic: str, partitions: int) -> None:
    """Created is not yet known to every broker: a client that comes at once would see an unknown topic."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = admin.list_topics(topic, timeout=5).topics[topic]
        if len(found.partitions) >= partitions and all(partition.leader >= 0 for partition in found.partitions.values()):
            return
        time.sleep(0.05)
    raise PermanentError(f"The topic '{topic}' has no leader for each of {partitions} partitions after 30 s; see the broker's log.")


def _admin(bootstrap_servers: str) -> Any:
    from confluent_kafka.admin import AdminClient

    # log_level 0: a broker that is still starting is no news.
    return AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0, "reconnect.backoff.max.ms": 200})
