"""The planner's rounds: decisions are remembered with their reasons, set in Lambda, and made by one planner at a time."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from data_pipeline.common.errors import PermanentError, TransientError
from data_pipeline.common.object_store import LocalObjectStore, PreconditionFailedError
from data_pipeline.operations.surge import SurgePolicy
from data_pipeline.operations.surge_planner import SURGE_KEY, Demand, plan_round, read_decisions
from data_pipeline.orchestration.watch.surge import concurrency_setter
from data_pipeline.settings import PROJECT_ROOT, Settings

POLICY = SurgePolicy(min_workers=1, max_workers=10, worker_rate=50_000, cool_down_s=300)
AT = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)


def test_a_surge_is_answered_at_once_and_let_go_slowly_with_a_reason_each(tmp_path: Path):
    store, given = LocalObjectStore(tmp_path), []
    demands = [(0, 10_000), (3_000_000, 400_000), *[(0, 10_000)] * 12]
    for n, (backlog, rate) in enumerate(demands):
        plan_round(store, POLICY, lambda b=backlog, r=rate: Demand(b, r), given.append, AT + timedelta(seconds=30 * n))
    decisions = read_decisions(store)
    assert [decision.workers for decision in decisions] == given
    assert given[:2] == [1, 10]
    assert decisions[1].is_capped
    assert "at most 10 are allowed" in decisions[1].reason
    assert given[2] == 10, "not let go at once"
    assert given[-1] == 1
    assert any("have been enough for 300 s" in decision.reason for decision in decisions)
    assert all("events/s arrive" in decision.reason for decision in decisions)


def test_when_kafka_does_not_answer_nothing_is_set(tmp_path: Path):
    def broken() -> Demand:
        raise TransientError("Kafka does not answer.")

    given: list[int] = []
    with pytest.raises(TransientError):
        plan_round(LocalObjectStore(tmp_path), POLICY, broken, given.append, AT)
    assert given == []


def test_a_planner_that_loses_decides_again_on_what_the_other_left(tmp_path: Path):
    class Raced(LocalObjectStore):
        raced = False

        def create(self, key: str, data: bytes) -> str:
            if not Raced.raced:
                Raced.raced = True
                plan_round(LocalObjectStore(self.root), POLICY, lambda: Demand(0, 200_000), lambda _: None, AT)
                raise PreconditionFailedError("other")
            return super().create(key, data)

    plan_round(Raced(tmp_path), POLICY, lambda: Demand(0, 10_000), lambda _: None, AT)
    assert [decision.before for decision in read_decisions(LocalObjectStore(tmp_path))] == [1, 5]


def test_a_record_that_cannot_be_read_is_named(tmp_path: Path):
    store = LocalObjectStore(tmp_path)
    store.put(SURGE_KEY, b"{}")
    with pytest.raises(PermanentError, match="surge planner"):
        read_decisions(store)


def test_the_concurrency_of_the_landing_function_is_set():
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1", "endpoint_url": url}
        role = boto3.client("iam", **keys).create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("handler.py", "")
        client = boto3.client("lambda", **keys)
        client.create_function(FunctionName="land", Runtime="python3.11", Role=role, Handler="handler.x", Code={"ZipFile": code.getvalue()})
        names = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        settings = Settings.from_env(surge_function_name="land", surge_lambda_endpoint_url=url, **names)
        concurrency_setter(settings)(7)
        assert client.get_function_concurrency(FunctionName="land")["ReservedConcurrentExecutions"] == 7
        wrong = Settings.from_env(surge_function_name="other", surge_lambda_endpoint_url=url, **names)
        with pytest.raises(PermanentError, match="'other' could not be set to 7"):
            concurrency_setter(wrong)(7)
    finally:
        server.stop()


def test_the_template_of_the_planner_is_valid():
    program = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run(
        [str(program), str(PROJECT_ROOT / "deploy" / "surge.yaml")], capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stdout
