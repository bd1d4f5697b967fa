"""The commands as a person or a scheduler runs them: exit codes and JSON."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from data_pipeline.cli import cli
from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.common.windows import Hour
from data_pipeline.devstack.kafka import KafkaCluster
from data_pipeline.landing import utc_now
from data_pipeline_tests.integration.landing.support import H9, Record, Topic, ms

EXACT_KEYS = ["source", "hour", "partition", "start", "end", "landed", "control_or_gap", "difference"]


@pytest.fixture
def topic(kafka: KafkaCluster, s3_bucket_store: S3ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path) -> Topic:
    name = kafka.create_topic(f"commands-{s3_bucket_store.bucket}", partitions=2)
    sources = tmp_path / "sources.yaml"
    sources.write_text(f"sources: {{web: {{topic: {name}, contract: product_event, owner: 'team:x'}}}}\n")
    access, secret, _ = s3_bucket_store.credentials or ("", "", None)
    for variable, value in {
        "DATA_PIPELINE_SOURCES_FILE": str(sources),
        "DATA_PIPELINE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "DATA_PIPELINE_S3_ENDPOINT_URL": str(s3_bucket_store.endpoint_url),
        "DATA_PIPELINE_S3_BUCKET": s3_bucket_store.bucket,
        "AWS_ACCESS_KEY_ID": access,
        "AWS_SECRET_ACCESS_KEY": secret,
    }.items():
        monkeypatch.setenv(variable, value)
    return Topic(kafka.bootstrap_servers, name, s3_bucket_store)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), catch_exceptions=True)


def _json(*arguments: str) -> Any:
    outcome = _run(*arguments, "--json")
    assert outcome.exit_code == 0, outcome.output
    return json.loads(outcome.stdout)


def test_land_prove_and_lag(topic: Topic) -> None:
    topic.send([Record(b"%d" % n, ms(H9, 1), n % 2) for n in range(10)])
    (landed,) = _json("land", "--source", "web", "--window", "2026-03-14T09")
    assert (landed["state"], landed["landed"], landed["difference"]) == ("published", 10, 0)
    proofs = _json("prove", "--source", "web", "--window", "2026-03-14T09")
    assert [list(proof)[: len(EXACT_KEYS)] for proof in proofs] == [EXACT_KEYS, EXACT_KEYS]
    assert [tuple(proof[key] for key in EXACT_KEYS) for proof in proofs] == [("web", "2026-03-14T09", p, 0, 5, 5, 0, 0) for p in range(2)]
    assert {lag["lag_s"] for lag in _json("lag", "--source", "web")} == {0.0}
    assert "2026-03-14T09" in _run("prove", "--source", "web", "--window", "2026-03-14T09").output

    topic.store.delete(sorted(topic.raw_objects())[0])
    broken = _run("prove", "--source", "web", "--window", "2026-03-14T09", "--json")
    assert broken.exit_code == 1
    assert sum(proof["difference"] for proof in json.loads(broken.stdout)) == 5


def test_exit_code_3_while_the_window_is_not_over(topic: Topic) -> None:
    for hour in (Hour.containing(utc_now()), Hour.containing(utc_now() + timedelta(hours=30))):
        assert _run("land", "--source", "web", "--window", str(hour)).exit_code == 3


def test_trouble_is_another_code(topic: Topic) -> None:
    assert _run("prove", "--source", "web", "--window", "2026-03-14T09").exit_code == 1
    for arguments in (("--source", "nothing", "--window", "2026-03-14"), ("--source", "web", "--window", "yesterday")):
        assert _run("land", *arguments).exit_code not in (0, 3)
