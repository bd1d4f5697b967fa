"""What a person can get wrong, and what can be down: one clear sentence with the value and the way out, and nothing half-written.

The catalogue's own errors, taken ports, a full disk in DuckDB and Redshift's refusals are tested beside their code.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from data_pipeline.cli import EXIT_TROUBLE, EXIT_TRY_AGAIN, cli
from data_pipeline.common.errors import PermanentError, PipelineError, TransientError
from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.contracts.contract import load_contract
from data_pipeline.devstack.kafka import KafkaCluster
from data_pipeline.settings import PROJECT_ROOT
from data_pipeline.validation import validate_hour
from data_pipeline_tests.integration.landing.support import H9, Record, Topic, ms

WINDOW = "2026-03-14T09"


@pytest.fixture
def topic(kafka: KafkaCluster, s3_bucket_store: S3ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Topic:
    """A topic with an hour of records, and settings that name it."""
    name = kafka.create_topic(f"bad-input-{s3_bucket_store.bucket}", partitions=1)
    sources = tmp_path / "sources.yaml"
    sources.write_text(f"sources: {{web: {{topic: {name}, contract: product_event, owner: 'team:x'}}}}\n")
    access, secret, _ = s3_bucket_store.credentials or ("", "", None)
    for variable, value in {
        "DATA_PIPELINE_STATE_DIR": str(tmp_path / "state"),
        "DATA_PIPELINE_SOURCES_FILE": str(sources),
        "DATA_PIPELINE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "DATA_PIPELINE_S3_ENDPOINT_URL": str(s3_bucket_store.endpoint_url),
        "DATA_PIPELINE_S3_BUCKET": s3_bucket_store.bucket,
        "AWS_ACCESS_KEY_ID": access,
        "AWS_SECRET_ACCESS_KEY": secret,
    }.items():
        monkeypatch.setenv(variable, value)
    topic = Topic(kafka.bootstrap_servers, name, s3_bucket_store)
    topic.send([Record(b'{"n": %d}' % n, ms(H9, n % 60)) for n in range(20)])
    return topic


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and the sentence that a person would read; a traceback is a failure of the test."""
    runner = CliRunner()
    try:
        outcome = runner.invoke(cli, list(arguments), catch_exceptions=False)
    except PipelineError as error:
        sentence = str(error)
        assert "Traceback" not in sentence
        return (EXIT_TRY_AGAIN if isinstance(error, TransientError) else EXIT_TROUBLE), sentence
    return outcome.exit_code, outcome.output


def land() -> tuple[int, str]:
    return run("land", "--source", "web", "--window", WINDOW)


def test_kafka_is_down(topic: Topic, free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_PIPELINE_KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{free_port}")
    code, sentence = land()
    assert code == EXIT_TRY_AGAIN
    assert f"127.0.0.1:{free_port}" in sentence
    assert list(topic.store.list("raw/")) == []


def test_s3_is_down(topic: Topic, free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_PIPELINE_S3_ENDPOINT_URL", f"http://127.0.0.1:{free_port}")
    code, sentence = land()
    assert code == EXIT_TRY_AGAIN
    assert f"127.0.0.1:{free_port}" in sentence


def test_s3_refuses_the_keys(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-0123456789")
    code, sentence = land()
    assert code == EXIT_TROUBLE
    assert "AWS_SECRET_ACCESS_KEY" in sentence or "AWS_ACCESS_KEY_ID" in sentence, "the sentence says which setting to mend"
    assert "wrong-secret" not in sentence
    assert list(topic.store.list("raw/")) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["land", "--source", "fax", "--window", WINDOW], ["'fax'", "web"]),
        (["land", "--source", "web", "--window", "2026-03-14T25"], ["2026-03-14T25"]),
        (["prove", "--source", "web", "--window", "2026-02-30"], ["2026-02-30"]),
        (["check", "nowhere.parquet", "--source", "web", "--window", WINDOW, "--out", "out"], ["nowhere.parquet"]),
    ],
)
def test_a_value_that_is_none_is_named(topic: Topic, arguments: list[str], words: list[str]) -> None:
    code, sentence = run(*arguments)
    assert code not in (0, 3)
    for word in words:
        assert word in sentence


def test_an_unknown_environment_never_falls_back(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_PIPELINE_ENVIRONMENT", "prod")
    code, sentence = land()
    assert code == EXIT_TROUBLE
    for word in ("'prod'", "local", "production"):
        assert word in sentence


@pytest.mark.parametrize("harm", ["cut", "gone", "another"])
def test_a_raw_object_that_is_not_what_its_manifest_says(topic: Topic, harm: str) -> None:
    assert land()[0] == 0
    [key] = [item.key for item in topic.store.list("raw/") if item.key.endswith(".parquet")]
    content = topic.store.get(key)
    topic.store.delete(key)
    if harm == "cut":
        topic.store.put(key, content[: len(content) // 2])
    if harm == "another":
        topic.store.put(key, content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(PermanentError) as caught:
        validate_hour(load_contract("product_event"), "web", H9, topic.store, run_id="run")
    assert key in str(caught.value)
    assert [item.key for item in topic.store.list("staged/") if "manifest" in item.key] == []
    code, _ = run("prove", "--source", "web", "--window", WINDOW)
    assert code == 1


def test_a_cut_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.parquet", tmp_path / "cut.parquet"
    pq.write_table(pa.table({"value": [b"{}"] * 1000}), whole)
    cut.write_bytes(whole.read_bytes()[:-20])
    code, sentence = run("check", str(cut), "--source", "web", "--window", WINDOW, "--out", str(tmp_path / "out"))
    assert code == EXIT_TROUBLE
    assert str(cut) in sentence
    assert not list(tmp_path.glob("out/*"))


def test_a_full_disk_leaves_no_result(tmp_path: Path) -> None:
    """The file size that the system allows ends in the middle of a file, as a full disk does."""
    lines = tmp_path / "events.ndjson"
    lines.write_text("".join(f'{{"n": {number}, "noise": "{number * 7919 % 10**9:x}"}}\n' for number in range(20_000)))
    out = tmp_path / "out"
    command = [sys.executable, "-m", "data_pipeline.cli", "check", str(lines), "--source", "web", "--window", WINDOW, "--out", str(out)]
    limited = ["sh", "-c", 'ulimit -f 40; exec "$@"', "sh", *command]
    done = subprocess.run(limited, capture_output=True, text=True, check=False, cwd=PROJECT_ROOT, timeout=300)
    assert done.returncode == EXIT_TROUBLE, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    assert str(out) in done.stderr
    assert not [path for path in out.glob("*") if path.suffix in {".parquet", ".json"}]
