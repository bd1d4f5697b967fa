"""`data-pipeline drill kafka-down`: a broker is killed, then landing falls behind; a local receiver gets each alert and its recovery.

Everything is the drill's own: three brokers with the four topics of 24 partitions, an S3 server, the watching process
(`data-pipeline alerts watch`, as it runs in production), and the webhook that takes its messages.
Belongs here: this drill. Does not: checks, policy, channels (`operations/`).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.common.sources import Source, load_sources
from data_pipeline.common.windows import Hour
from data_pipeline.devstack.drills.receiver import HttpReceiver, http_receiver
from data_pipeline.devstack.kafka import TEST_JVM_OPTIONS, KafkaCluster
from data_pipeline.devstack.ports import reserve_port, reserve_ports
from data_pipeline.devstack.processes import FOLDER_VARIABLE, PROGRAM_VARIABLE, ProcessFolder
from data_pipeline.devstack.s3 import S3Keys, S3Server
from data_pipeline.landing import land_hour
from data_pipeline.settings import PREFIX, Settings

_BROKERS, _PARTITIONS, _RECORDS = 3, 24, 96
_BUCKET = "drill"
_TIMEOUT_S = 180.0
_CHECKS = ("kafka_down", "kafka_lag")


@dataclass(frozen=True)
class Measured:
    """One fault.

    Attributes:
        fault: what was done.
        alert_after_s: from the truth to the receiver.
        recovery_after_s: from the end of the fault to the receiver.
        alerts: messages of that fault that were alerts; one is right.
        recoveries: those that were recoveries; one is right.
        title: the alert's first line.
    """

    fault: str
    alert_after_s: float
    recovery_after_s: float
    alerts: int
    recoveries: int
    title: str


def run_drill(every_s: float, say: Callable[[str], None]) -> list[Measured]:
    """Run both faults.

    Args:
        every_s: seconds between two looks of the watching process.
        say: hears one sentence for each step.
    """
    settings = Settings.from_env()
    sources = load_sources(settings.sources_file)
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-kafka-down-"))
    processes = ProcessFolder(folder, dies_with_parent=True)
    try:
        say(f"Starting {_BROKERS} brokers with {len(sources)} topics of {_PARTITIONS} partitions, and an S3 server…")
        kafka = KafkaCluster(processes, settings.jars_dir / "kafka", reserve_ports(_BROKERS), jvm_options=TEST_JVM_OPTIONS)
        kafka.start()
        for source in sources.values():
            kafka.create_topic(source.topic, partitions=_PARTITIONS)
        server = S3Server(processes, reserve_port(), S3Keys.generate())
        server.start()
        server.create_bucket(_BUCKET)
        with http_receiver() as receiver, _watching(folder, kafka, server, receiver, every_s) as log:
            _wait_for_first_look(log)
            say("The watching process is up, and sees nothing wrong.")
            return [
                _broker_killed(kafka, receiver, say),
                _fallen_behind(kafka, server.object_store(_BUCKET), sources, receiver, say),
            ]
    finally:
        processes.stop_all(grace_s=0)
        shutil.rmtree(folder, ignore_errors=True)


def _broker_killed(kafka: KafkaCluster, receiver: HttpReceiver, say: Callable[[str], None]) -> Measured:
    say("Killing broker 2…")
    began, seen = time.monotonic(), len(receiver.documents)
    kafka.kill_broker(2)
    alert, alert_at = receiver.wait_for(_is("kafka_down", recovered=False), _TIMEOUT_S)
    say(f"The alert came after {alert_at - began:.1f} s: {alert['text']}")
    kafka.start_broker(2)
    back = time.monotonic()
    say("Broker 2 is back.")
    _, over_at = receiver.wait_for(_is("kafka_down", recovered=True), _TIMEOUT_S)
    say(f"The recovery came after {over_at - back:.1f} s.")
    return _measured("a broker of three is killed", alert, alert_at - began, over_at - back, receiver.documents[seen:])


def _fallen_behind(
    kafka: KafkaCluster, store: S3ObjectStore, sources: Mapping[str, Source], receiver: HttpReceiver, say: Callable[[str], None]
) -> Measured:
    hour = Hour.containing(datetime.now(UTC) - timedelta(hours=1))
    source = next(iter(sources.values()))
    say(f"Sending {_RECORDS} records of the hour {hour} to {source.topic}: from now on it is more than 60 s behind…")
    seen = len(receiver.documents)
    _send(kafka, source.topic, hour)
    began = time.monotonic()
    alert, alert_at = receiver.wait_for(_is("kafka_lag", recovered=False), _TIMEOUT_S)
    say(f"The alert came after {alert_at - began:.1f} s: {alert['text']}")
    land_hour(source, hour, {"bootstrap.servers": kafka.bootstrap_servers}, store, run_id="drill")
    back = time.monotonic()
    say("The hour is landed.")
    _, over_at = receiver.wait_for(_is("kafka_lag", recovered=True), _TIMEOUT_S)
    say(f"The recovery came after {over_at - back:.1f} s.")
    return _measured(f"{_PARTITIONS} partitions more than 60 s behind", alert, alert_at - began, over_at - back, receiver.documents[seen:])


def _measured(fault: str, alert: Mapping[str, Any], alert_s: float, recovery_s: float, documents: list[dict[str, Any]]) -> Measured:
    recoveries = sum(document["text"].startswith("Recovered:") for document in documents)
    return Measured(fault, round(alert_s, 1), round(recovery_s, 1), len(documents) - recoveries, recoveries, alert["text"])


def _is(kind: str, *, recovered: bool) -> Callable[[Mapping[str, Any]], bool]:
    start = f"Recovered: {kind}" if recovered else f"{kind}:"
    return lambda document: str(document["text"]).startswith(start)


def _send(kafka: KafkaCluster, topic: str, hour: Hour) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for number in range(_RECORDS):
        timestamp = int((hour.start + timedelta(minutes=30)).timestamp() * 1000)
        producer.produce(topic, value=b"{}", partition=number % _PARTITIONS, timestamp=timestamp)
    if producer.flush(30):
        raise PermanentError("Kafka did not take the drill's records within 30 s.")


@contextmanager
def _watching(folder: Path, kafka: KafkaCluster, server: S3Server, receiver: HttpReceiver, every_s: float) -> Iterator[Path]:
    """`data-pipeline alerts watch` against the drill's servers; yields its log."""
    variables = {
        f"{PREFIX}ENVIRONMENT": "local",
        f"{PREFIX}STATE_DIR": str(folder / "state"),
        f"{PREFIX}KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        f"{PREFIX}S3_ENDPOINT_URL": server.endpoint_url,
        f"{PREFIX}S3_BUCKET": _BUCKET,
        "AWS_ACCESS_KEY_ID": server.keys.access_key,
        "AWS_SECRET_ACCESS_KEY": server.keys.secret_key,
        f"{PREFIX}ALERT_SLACK_WEBHOOK_URL": receiver.url,
    }
    command = ["env", f"-u{FOLDER_VARIABLE}", f"-u{PROGRAM_VARIABLE}", *(f"{name}={value}" for name, value in variables.items())]
    command += [sys.executable, "-m", "data_pipeline.cli", "alerts", "watch", "--every", str(every_s)]
    command += [part for check in _CHECKS for part in ("--check", check)]
    log = folder / "watch.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield log
    finally:
        process.kill()
        process.wait()


def _wait_for_first_look(log: Path) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        lines = log.read_text().splitlines()
        if lines and lines[0].startswith("{"):
            first = json.loads(lines[0])
            if first["red"] or first["blind"]:
                raise PermanentError(f"The drill's own servers are not healthy: {lines[0]}")
            return
        time.sleep(0.2)
    raise PermanentError(f"The watching process did not look within {_TIMEOUT_S:.0f} s: {log.read_text()[-600:]}")


@click.command("kafka-down")
@click.option("--every", "every_s", type=click.FloatRange(1), default=30, show_default=True, help="Seconds between two looks.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(every_s: float, as_json: bool) -> None:
    """Kill a broker, then fall behind; a local receiver gets one alert each, and its recovery."""
    measured = run_drill(every_s, lambda sentence: click.echo(sentence, err=True))
    if as_json:
        click.echo(json.dumps([asdict(item) for item in measured], indent=1))
    else:
        from rich.console import Console
        from rich.table import Table

        table = Table(
            "fault", "alert after", "recovery after", "alerts", "recoveries", title="Time to alert, from the truth to the receiver"
        )
        for item in measured:
            table.add_row(item.fault, f"{item.alert_after_s} s", f"{item.recovery_after_s} s", str(item.alerts), str(item.recoveries))
        Console().print(table)
    late = [item for item in measured if item.alert_after_s > 60 or item.alerts != 1 or item.recoveries != 1]
    if late:
        raise PermanentError(f"Not one alert within 60 s and one recovery: {'; '.join(item.fault for item in late)}.")
