"""S3 that fails on the way: nothing lost, nothing doubled."""

from __future__ import annotations

from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.devstack.drills import kill_landing
from data_pipeline.devstack.drills.s3_faults import run_faults
from data_pipeline.devstack.faulty_proxy import Fault
from data_pipeline.devstack.kafka import KafkaCluster


def test_every_kind_of_fault(kafka: KafkaCluster, s3_store: S3ObjectStore, monkeypatch) -> None:
    from data_pipeline.devstack.drills import s3_faults

    topic = "s3-faults"
    for module in (kill_landing, s3_faults):
        monkeypatch.setattr(module, "TOPIC", topic)
    kafka.create_topic(topic, partitions=kill_landing.PARTITIONS)
    kill_landing.fill_topic(kafka.bootstrap_servers)
    report = run_faults(kafka.bootstrap_servers, s3_store, count=2 * len(Fault), seed=20260314)
    assert not report.wrong
    assert set(report.cases) == set(Fault)
