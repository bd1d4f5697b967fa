"""`data-pipeline drill s3-faults`: land through a proxy that breaks requests to S3; nothing is lost, nothing doubled.

Each case is one fault at one request of the hour's landing (now and then several), after which landing goes on by its own retries,
or fails with one of our errors and is run again, as the schedule would.
Belongs here: the drill. Does not: the proxy (`faulty_proxy.py`).
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import click

from data_pipeline.common.errors import PipelineError
from data_pipeline.common.manifest import MANIFEST_NAME, Manifest
from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.common.sources import Source
from data_pipeline.devstack.drills.forking import exit_after, run_shares
from data_pipeline.devstack.drills.kill_landing import HOUR, PARTITIONS, TOPIC, fill_topic
from data_pipeline.devstack.faulty_proxy import Fault, FaultyProxy
from data_pipeline.landing import land_hour, prove_hour

_RUNS = 12


@dataclass(frozen=True)
class FaultReport:
    """What a drill found.

    Attributes:
        cases: by fault.
        failed_runs: runs that ended with an error of ours and were run again.
        wrong: cases whose outcome was not right, a sentence each.
    """

    cases: Counter[str]
    failed_runs: int
    wrong: list[str]


class _Plan:
    """Breaks the n-th request that the fault applies to, `times` times in a row."""

    def __init__(self, fault: Fault, first: int, times: int) -> None:
        self._fault = fault
        self._first = first
        self._last = first + times - 1
        self._lock = threading.Lock()
        self._seen = 0
        self.hits = 0

    def __call__(self, method: str, path: str) -> Fault | None:
        if not self._applies(method, path):
            return None
        with self._lock:
            self._seen += 1
            is_hit = self._first <= self._seen <= self._last
            self.hits += is_hit
        return self._fault if is_hit else None

    def _applies(self, method: str, path: str) -> bool:
        if self._fault in (Fault.RESET_MID_UPLOAD, Fault.WRONG_ETAG):
            return method == "PUT"
        if self._fault is Fault.THROTTLED_LIST:
            return "list-type=2" in path
        if self._fault is Fault.TRUNCATED_ANSWER:
            return method == "GET" and "list-type" not in path
        return True


def run_faults(
    servers: str, store: S3ObjectStore, count: int, seed: int, progress: Callable[[int], None] | None = None, first_fault: int = 0
) -> FaultReport:
    """Land the hour `count` times, each with a fault, and compare with an undisturbed landing.

    Args:
        servers: a Kafka whose topic was filled by `kill_landing.fill_topic`.
        store: where to land, without the proxy.
        count: cases.
        seed: the same seed breaks the same requests.
        progress: hears the number of cases so far.
        first_fault: which of the faults comes first; the others follow in turn.
    """
    chance = random.Random(seed)
    source = Source("web", TOPIC, "product_event", "team:drill")
    kafka = {"bootstrap.servers": servers}
    clean_store = replace(store, prefix=f"{store.prefix}clean/")
    land_hour(source, HOUR, kafka, clean_store, run_id="drill", chunk_rows=100)
    clean = _raw_layer(clean_store)
    cases: Counter[str] = Counter()
    wrong: list[str] = []
    failed_runs = 0
    faults = list(Fault)
    for case in range(count):
        fault = faults[(first_fault + case) % len(faults)]
        first = chance.randint(1, 3 if fault in (Fault.THROTTLED_LIST, Fault.TRUNCATED_ANSWER) else 24)
        times = chance.choice([1, 1, 2, 6])
        while True:
            plan = _Plan(fault, first, times)
            direct = replace(store, prefix=f"{store.prefix}case-{case}-{first}/")
            with FaultyProxy(str(store.endpoint_url), plan) as proxy:
                through = replace(direct, endpoint_url=proxy.url, read_timeout_s=1.0, max_attempts=2)
                outcome, failures = _land_until_done(source, kafka, through)
            if plan.hits or first == 1:
                break
            first //= 2  # landing made fewer such requests
        failed_runs += failures
        cases[fault] += plan.hits > 0
        found = _raw_layer(direct)
        where = f"case {case} of seed {seed} ({fault})"
        if outcome is not None:
            wrong.append(f"{where}: {outcome}")
        elif found != clean:
            wrong.append(f"{where}: {sorted(key for key in {*found, *clean} if found.get(key) != clean.get(key))}")
        elif not all(proof.is_exact for proof in prove_hour(source, HOUR, kafka, direct)):
            wrong.append(f"{where}: the proof does not hold")
        if progress is not None:
            progress(case + 1)
    return FaultReport(cases, failed_runs, wrong)


def _land_until_done(source: Source, kafka: dict[str, str], store: S3ObjectStore) -> tuple[str | None, int]:
    """Run landing until it succeeds; what went wrong, and how many runs failed with an error of ours."""
    for failures in range(_RUNS):
        try:
            land_hour(source, HOUR, kafka, store, run_id="drill", chunk_rows=100)
            return None, failures
        except PipelineError:
            continue
        except Exception as error:
            return f"{type(error).__name__} is no error of ours: {error}", failures
    return f"still failing after {_RUNS} runs", _RUNS


def _raw_layer(store: S3ObjectStore) -> dict[str, object]:
    """Objects by key, byte for byte; of manifests, what they say."""
    layer: dict[str, object] = {}
    for item in store.list("raw/"):
        data = store.get(item.key)
        if item.key.endswith(MANIFEST_NAME):
            manifest = Manifest.from_json(data, store, item.key)
            layer[item.key] = (list(manifest.entries), dict(manifest.counts), manifest.details)
        else:
            layer[item.key] = data
    return layer


def run_faults_at_once(
    servers: str, store: S3ObjectStore, count: int, seed: int, jobs: int, progress: Callable[[int], None]
) -> FaultReport:
    """`run_faults` in several processes, each with a share of the cases, seeds and a prefix of its own.

    Raises:
        RuntimeError: one of them failed; its error is on standard error.
    """

    def work(number: int, shares: list[int], tell: Callable[[int], None]) -> list[Any]:
        own = replace(store, prefix=f"{store.prefix}job-{number}/")
        report = run_faults(servers, own, shares[number], seed * 1000 + number, tell, sum(shares[:number]))
        return [report.cases, report.failed_runs, report.wrong]

    report = FaultReport(Counter(), 0, [])
    for cases, failed_runs, wrong in run_shares(count, jobs, work, progress):
        report = FaultReport(report.cases + Counter(cases), report.failed_runs + failed_runs, report.wrong + wrong)
    return report


@click.command("s3-faults")
@click.option("--cases", type=click.IntRange(1), default=200, show_default=True, help="How many faults.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed breaks the same requests.")
@click.option("--jobs", type=click.IntRange(1, 16), default=4, show_default=True, help="How many cases at once.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(cases: int, seed: int, jobs: int, as_json: bool) -> None:
    """Break requests to S3 while an hour lands; nothing may be lost or doubled."""
    from data_pipeline.devstack.drills.own_services import own_kafka_and_s3

    started = time.monotonic()
    with own_kafka_and_s3() as (kafka, store):
        kafka.create_topic(TOPIC, partitions=PARTITIONS)
        if os.fork() == 0:  # the parent must stay without threads
            exit_after(lambda: fill_topic(kafka.bootstrap_servers))
        os.wait()
        report = run_faults_at_once(
            kafka.bootstrap_servers, store, cases, seed, min(jobs, cases), lambda done: click.echo(f"\r{done} cases", err=True, nl=False)
        )
    click.echo("", err=True)
    seconds = round(time.monotonic() - started, 1)
    if as_json:
        found = {"cases": cases, "seconds": seconds, "faults": dict(sorted(report.cases.items()))}
        click.echo(json.dumps({**found, "failed_runs": report.failed_runs, "wrong": report.wrong}, indent=1))
    else:
        for name, number in sorted(report.cases.items()):
            click.echo(f"{number:6}  {name}")
        click.echo(
            f"{sum(report.cases.values())} of {cases} cases met their fault, {report.failed_runs} runs failed and were run again, "
            f"{len(report.wrong)} wrong outcomes, {seconds:.0f} s"
        )
        for sentence in report.wrong:
            click.echo(f"error: {sentence}", err=True)
    if report.wrong:
        raise SystemExit(1)
