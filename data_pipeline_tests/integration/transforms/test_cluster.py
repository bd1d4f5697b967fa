"""The packaged job on a real standalone cluster with two workers, over a real S3 server; also killed in the middle."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyspark
import pytest

from data_pipeline.common.layout import lake_prefix
from data_pipeline.common.manifest import read_manifest
from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.devstack.ports import reserve_ports
from data_pipeline.transforms.emr import ENTRY_NAME, PACKAGE_NAME, EmrApplication, upload_package
from data_pipeline_tests.spark_session import FAST_START
from data_pipeline_tests.staged_data import publish_staged
from data_pipeline_tests.unit.transforms import oracle
from data_pipeline_tests.unit.transforms.compare import differences, rows_of
from data_pipeline_tests.unit.transforms.worlds import DAYS, SOURCES, make_world

SPARK_HOME = Path(pyspark.__file__).parent
TABLES = ("events", "conflicts", "sessions", "order_items", "identities")
DAY = DAYS[1]


@pytest.fixture(scope="module")
def cluster_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the workers work."""
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def cluster(cluster_folder: Path) -> Iterator[str]:
    """A master and two workers of one core each; `spark://127.0.0.1:port`."""
    folder = cluster_folder
    port, *web_ports = reserve_ports(4)
    master = f"spark://127.0.0.1:{port}"

    def where(web_port: int) -> list[str]:
        return ["--webui-port", str(web_port), "--work-dir", str(folder / f"work-{web_port}"), master]

    java = ["java", "-Xmx256m", *FAST_START.split(), "-cp", f"{SPARK_HOME}/jars/*"]
    commands = [
        [*java, "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(web_ports[0])],
        *(
            [*java, "org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--cores", "1", "--memory", "700M", *where(web_port)]
            for web_port in web_ports[1:]
        ),
    ]
    # As spark-class sets it: a worker that builds the command of an executor would look for a source tree else.
    environment = {
        **os.environ,
        "SPARK_SCALA_VERSION": "2.13",
        "SPARK_HOME": str(SPARK_HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder),
    }
    log = (folder / "log").open("wb")
    processes = []
    try:
        for command in commands:
            processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True))
            _wait_for(port)
        yield master
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait(30)


@pytest.fixture
def store(s3_bucket_store: S3ObjectStore) -> S3ObjectStore:
    rows = make_world(11, visitors=25)
    random.Random(11).shuffle(rows)
    publish_staged(s3_bucket_store, rows, [*DAYS, DAYS[-1] + timedelta(days=1)], SOURCES)
    return s3_bucket_store


def submit(store: S3ObjectStore, master: str, jars_dir: Path, folder: Path) -> subprocess.Popen[str]:
    """`spark-submit` as EMR does it: the uploaded zip and entry point, nothing of the checkout on the path."""
    upload_package(store, EmrApplication("none", "none"))
    package, entry = folder / PACKAGE_NAME, folder / ENTRY_NAME
    for path in (package, entry):
        store.download(f"artifacts/spark/{path.name}", path)
    assert store.credentials is not None
    access, secret, _ = store.credentials
    conf = {
        "spark.jars": ",".join(map(str, sorted((jars_dir / "spark").glob("*.jar")))),
        "spark.pyspark.python": sys.executable,
        "spark.driver.memory": "700m",
        "spark.executor.memory": "600m",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.default.parallelism": "2",
        "spark.executor.cores": "1",
        "spark.cores.max": "2",
        "spark.driver.extraJavaOptions": FAST_START,
        "spark.executor.extraJavaOptions": FAST_START,
        "spark.hadoop.fs.s3a.endpoint": store.endpoint_url,
        "spark.hadoop.fs.s3a.endpoint.region": store.region,
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
        "spark.hadoop.fs.s3a.aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
        "spark.hadoop.fs.s3a.access.key": access,
        "spark.hadoop.fs.s3a.secret.key": secret,
    }
    command = [str(SPARK_HOME / "bin" / "spark-submit")]
    command += ["--master", master, "--py-files", str(package)]
    command += [part for key, value in conf.items() for part in ("--conf", f"{key}={value}")]
    command += [str(entry), "--store", f"s3://{store.bucket}", "--endpoint-url", str(store.endpoint_url), "--run-id", "cluster"]
    command += [part for source in SOURCES for part in ("--source", source)] + ["--day", DAY.isoformat()]
    environment = {
        **os.environ,
        "PYSPARK_PYTHON": sys.executable,
        "AWS_ACCESS_KEY_ID": access,
        "AWS_SECRET_ACCESS_KEY": secret,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    log = (folder / "submit.log").open("w")
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)


def published(store: S3ObjectStore) -> set[str]:
    return {name for name in TABLES if read_manifest(store, lake_prefix(name, DAY)) is not None}


@pytest.mark.timeout(900)
def test_killed_job_shows_nothing_and_the_next_one_builds_the_day(
    store: S3ObjectStore, cluster: str, cluster_folder: Path, jars_dir: Path, tmp_path: Path
) -> None:
    killed = submit(store, cluster, jars_dir, tmp_path)
    deadline = time.monotonic() + 240
    while not any(True for _ in store.list("lake/")) and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert killed.poll() is None, (tmp_path / "submit.log").read_text()[-3000:]
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert published(store) == set(), "objects were there, but no manifest names them"

    job = submit(store, cluster, jars_dir, tmp_path)
    output, _ = job.communicate(timeout=280)
    assert job.returncode == 0, (tmp_path / "submit.log").read_text()[-3000:]
    report = json.loads(output.strip().splitlines()[-1])
    assert published(store) == set(TABLES)
    expected = {
        name: [row for row in table if (row.get("event_date") or row.get("session_date")) == DAY]
        for name, table in oracle.tables(make_world(11, visitors=25)).items()
    }
    found = {name: _rows(store, name) for name in TABLES}
    # Events of the day may belong to sessions of the day before: their rows are not in the day's table.
    for row in expected["events"]:
        if row["session"] and row["session"][1].date() != DAY:
            row.pop("session")
    known = {row["session_id"] for row in found["sessions"]}
    assert differences({**found, "events": []}, {name: rows for name, rows in expected.items() if name != "events"}) == {}
    assert {row["event_id"] for row in found["events"]} == {row["event_id"] for row in expected["events"]}
    assert {row["event_id"] for row in found["events"] if row["session_id"] in known} == {
        row["event_id"] for row in expected["events"] if row.get("session")
    }
    executors = [path for path in cluster_folder.glob("work-*/app-*") if (path / "0").exists() or (path / "1").exists()]
    assert {path.parent.name for path in executors} == {path.name for path in cluster_folder.glob("work-*")}, "both workers took part"
    counts = report["days"][DAY.isoformat()]["counts"]["events"]
    assert counts["rows_in"] == counts["rows_out"] + counts["duplicates"] + counts["conflicts"]
    assert counts["rows_out"] == len(expected["events"])


def _rows(store: S3ObjectStore, name: str) -> list[dict[str, object]]:
    manifest = read_manifest(store, lake_prefix(name, DAY))
    assert manifest is not None
    return rows_of(store, manifest.manifest)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"nothing listens on port {port}")
