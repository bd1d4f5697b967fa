"""Kafka and S3 of a drill's own, in a temporary folder, gone when the drill ends.

Belongs here: their life. Does not: what is done with them.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.devstack.kafka import KafkaCluster
from data_pipeline.devstack.ports import reserve_port
from data_pipeline.devstack.processes import ProcessFolder
from data_pipeline.devstack.s3 import S3Keys, S3Server
from data_pipeline.settings import Settings

_BUCKET = "drill"


@contextmanager
def own_kafka_and_s3() -> Iterator[tuple[KafkaCluster, S3ObjectStore]]:
    """One broker and one bucket."""
    folder = Path(tempfile.mkdtemp(prefix="data-pipeline-drill-"))
    processes = ProcessFolder(folder, dies_with_parent=True)
    try:
        kafka = KafkaCluster(processes, Settings.from_env().jars_dir / "kafka", [reserve_port()])
        kafka.start()
        server = S3Server(processes, reserve_port(), S3Keys.generate())
        server.start()
        server.create_bucket(_BUCKET)
        yield kafka, server.object_store(_BUCKET)
    finally:
        processes.stop_all(grace_s=0)
        shutil.rmtree(folder, ignore_errors=True)
