"""`data-pipeline drill kill-landing`: kill -9 at every step of landing, then one clean run; raw must be as if nothing had happened.

Each trial has a store prefix of its own and lands one hour of the same topic: first while the hour is open, then to its end. The
process counts its steps (each call to the store, before and after it, and each batch read from Kafka) and kills itself at one of
them; every fourth kill comes from outside at a moment of its own.
Belongs here: the drill. Does not: what landing does.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import click

from data_pipeline.common.errors import TransientError
from data_pipeline.common.manifest import MANIFEST_NAME
from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.common.sources import Source
from data_pipeline.common.windows import Hour
from data_pipeline.devstack.drills.forking import exit_after, run_shares
from data_pipeline.landing import land_hour
from data_pipeline.landing.native_gather import warm_up
from data_pipeline.landing.range_reader import RangeReader

HOUR = Hour.parse("2026-03-14T09")
TOPIC = "kill-landing"
PARTITIONS = 2
_RECORDS = 330
_CHUNK_ROWS = 100
_OUTSIDE_EVERY = 4
_RUNS = 5


@dataclass(frozen=True)
class KillReport:
    """What a drill found.

    Attributes:
        kills: processes that were killed.
        steps: how often each step was the last one.
        wrong: trials whose raw layer differed from the undisturbed one, a sentence each.
    """

    kills: int
    steps: Counter[str]
    wrong: list[str]


def fill_topic(servers: str) -> None:
    """Send the hour's records: plain ones, a committed transaction at the end, some of the next hour."""
    from confluent_kafka import Producer

    start_ms = int(HOUR.start.timestamp() * 1000)
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 5, "batch.num.messages": 40})
    for n in range(_RECORDS):
        for partition in range(PARTITIONS):
            producer.produce(TOPIC, b"value %d" % n, b"key", partition, None, None, start_ms + n, [("schema_version", b"1")])
    producer.flush(30)
    transactional = Producer({"bootstrap.servers": servers, "transactional.id": TOPIC})
    transactional.init_transactions(30)
    transactional.begin_transaction()
    for partition in range(PARTITIONS):
        transactional.produce(TOPIC, b"committed", None, partition, None, None, start_ms + _RECORDS)
    transactional.commit_transaction(30)
    for partition in range(PARTITIONS):
        producer.produce(TOPIC, b"of the next hour", None, partition, None, None, start_ms + 3_600_000)
    producer.flush(30)


def run_kills(servers: str, store: S3ObjectStore, count: int, seed: int, progress: Callable[[int], None] | None = None) -> KillReport:
    """Kill landing `count` times in all and compare.

    Args:
        servers: a Kafka whose topic `TOPIC` was filled by `fill_topic`.
        store: where to land; each trial below a prefix of its own.
        count: kills.
        seed: the same seed kills at the same steps.
        progress: hears the number of kills so far.
    """
    chance = random.Random(seed)
    warm_up()  # or each of the processes would load the compiled code again
    # Making a client takes as long as landing, and it may be forked while it has no connection.
    forked = partial(_in_child, servers, replace(store).client)
    forked(replace(store, prefix=f"{store.prefix}clean/"), kill_at=0, steps_file=None)
    clean = _raw_layer(replace(store, prefix=f"{store.prefix}clean/"))
    total_steps = _count_steps(forked, replace(store, prefix=f"{store.prefix}counted/"))
    steps: Counter[str] = Counter()
    wrong: list[str] = []
    kills = trial = 0
    while kills < count:
        trial += 1
        own = replace(store, prefix=f"{store.prefix}trial-{trial}/")
        for _ in range(min(chance.choice([1, 1, 2, 3]), count - kills)):
            step = chance.randint(1, total_steps)
            delay_s = chance.uniform(0.02, 0.6) if chance.randrange(_OUTSIDE_EVERY) == 0 else None
            name = forked(own, kill_at=0 if delay_s else step, steps_file=None, delay_s=delay_s)
            if name is not None:
                kills += 1
                steps[name] += 1
        forked(own, kill_at=0, steps_file=None)
        found = _raw_layer(own)
        if found != clean:
            differing = sorted(key for key in {*found, *clean} if found.get(key) != clean.get(key))
            wrong.append(f"trial {trial} of seed {seed}: {', '.join(differing)}")
        for item in list(own.list("")):
            own.delete(item.key)
        if progress is not None:
            progress(kills)
    return KillReport(kills, steps, wrong)


def _raw_layer(store: S3ObjectStore) -> dict[str, bytes]:
    """Everything below raw/, addresses without the trial's own prefix."""
    return {item.key: store.get(item.key).replace(store.prefix.encode(), b"") for item in store.list("raw/")}


def _count_steps(forked: Callable[..., str | None], store: S3ObjectStore) -> int:
    """How many steps an undisturbed run takes."""
    read_end, write_end = os.pipe()
    forked(store, kill_at=-1, steps_file=write_end)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        return len(pipe.read().split())


def _in_child(
    servers: str, client: Any, store: S3ObjectStore, kill_at: int, steps_file: int | None, delay_s: float | None = None
) -> str | None:
    """Land the hour in a forked process; the name of the step at which it was killed, None if it ended by itself.

    Forked, not started: a thousand starts of an interpreter would take an hour. The parent holds no client and no thread.
    """
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        store._client = client
        exit_after(lambda: _land(servers, store, _Steps(kill_at, write_end, steps_file)))
    os.close(write_end)
    if delay_s is not None:
        time.sleep(delay_s)
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(read_end) as pipe:
        named = pipe.read()
    if os.WIFSIGNALED(status):
        return named or "from outside"
    if os.WEXITSTATUS(status) != 0:
        raise RuntimeError(f"landing failed below {store.prefix}; its error is above")
    return None


class _Steps:
    """Counts steps, and ends the process at one of them as kill -9 would."""

    def __init__(self, kill_at: int, name_file: int, steps_file: int | None) -> None:
        self._left = kill_at
        self._name_file = name_file
        self._steps_file = steps_file

    def __call__(self, name: str) -> None:
        if self._steps_file is not None:
            os.write(self._steps_file, b"1\n")
        self._left -= 1
        if self._left == 0:
            os.write(self._name_file, name.encode())
            os.kill(os.getpid(), signal.SIGKILL)


def _land(servers: str, store: S3ObjectStore, step: _Steps) -> None:
    source = Source("web", TOPIC, "product_event", "team:drill")
    watched: Any = _WatchedStore(store, step)
    batches = RangeReader.batches

    def watched_batches(reader: RangeReader, end: int, **options: Any) -> Iterator[Any]:
        for rows in batches(reader, end, **options):
            step("read a batch")
            yield rows

    RangeReader.batches = watched_batches  # type: ignore[method-assign, assignment]
    for now in (HOUR.start + timedelta(minutes=59), HOUR.end + timedelta(minutes=1)):
        _land_until_done(source, servers, watched, now)


def _land_until_done(source: Source, servers: str, store: Any, now: datetime) -> None:
    """As the schedule would: a transient error, such as a broker that is slow under so many trials, is followed by another run."""
    for attempt in range(1, _RUNS + 1):
        try:
            land_hour(source, HOUR, {"bootstrap.servers": servers}, store, run_id="drill", now=lambda: now, chunk_rows=_CHUNK_ROWS)
            return
        except TransientError:
            if attempt == _RUNS:
                raise


class _WatchedStore:
    """A store whose every call is a step, before and after."""

    def __init__(self, store: S3ObjectStore, step: _Steps) -> None:
        self._store = store
        self._step = step

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._store, name)
        if name not in ("find", "head", "create", "replace", "delete", "list", "put"):
            return attribute

        def watched(key: str, *arguments: Any) -> Any:
            what = f"{name} {'manifest' if key.endswith(MANIFEST_NAME) else key.split('/', maxsplit=1)[0]}"
            self._step(f"before {what}")
            answer = attribute(key, *arguments)
            self._step(f"after {what}")
            return answer

        return watched


def run_kills_at_once(servers: str, store: S3ObjectStore, count: int, seed: int, jobs: int, progress: Callable[[int], None]) -> KillReport:
    """`run_kills` in several processes, each with a share of the kills, seeds and a prefix of its own.

    Raises:
        RuntimeError: one of them failed; its error is on standard error.
    """

    def work(number: int, shares: list[int], tell: Callable[[int], None]) -> list[Any]:
        own = replace(store, prefix=f"{store.prefix}job-{number}/")
        report = run_kills(servers, own, shares[number], seed * 1000 + number, tell)
        return [report.kills, report.steps, report.wrong]

    report = KillReport(0, Counter(), [])
    for kills, names, wrong in run_shares(count, jobs, work, progress):
        report = KillReport(report.kills + kills, report.steps + Counter(names), report.wrong + wrong)
    return report


@click.command("kill-landing")
@click.option("--kills", type=click.IntRange(1), default=1000, show_default=True, help="How many times to kill.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed kills at the same steps.")
@click.option("--jobs", type=click.IntRange(1, 16), default=4, show_default=True, help="How many trials at once.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(kills: int, seed: int, jobs: int, as_json: bool) -> None:
    """Kill -9 landing at every step, land once more, and compare raw byte by byte with an undisturbed run."""
    from data_pipeline.devstack.drills.own_services import own_kafka_and_s3

    started = time.monotonic()
    with own_kafka_and_s3() as (kafka, store):
        kafka.create_topic(TOPIC, partitions=PARTITIONS)
        if os.fork() == 0:  # the parent must stay without threads
            exit_after(lambda: fill_topic(kafka.bootstrap_servers))
        os.wait()
        report = run_kills_at_once(
            kafka.bootstrap_servers, store, kills, seed, min(jobs, kills), lambda done: click.echo(f"\r{done} kills", err=True, nl=False)
        )
    click.echo("", err=True)
    if as_json:
        steps = dict(report.steps.most_common())
        click.echo(
            json.dumps({"kills": report.kills, "seconds": time.monotonic() - started, "steps": steps, "wrong": report.wrong}, indent=1)
        )
    else:
        for name, number in report.steps.most_common():
            click.echo(f"{number:6}  {name}")
        click.echo(f"{report.kills} kills, {len(report.wrong)} wrong outcomes, {time.monotonic() - started:.0f} s")
        for sentence in report.wrong:
            click.echo(f"error: {sentence}", err=True)
    if report.wrong:
        raise SystemExit(1)
