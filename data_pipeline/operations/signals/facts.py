"""What the checks look at: the platform's ledger, manifests and Dagster's event log, as plain values.

Belongs here: the types. Does not: gathering them (`orchestration/watch/`), or judging (the other modules).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from data_pipeline.common.manifest import Manifest
from data_pipeline.operations.manifests import HourManifests

PLATFORM_OWNER = "team:data-platform"


@dataclass(frozen=True)
class SourceFact:
    """One source.

    Attributes:
        name: the source.
        topic: its Kafka topic.
        dataset: last part of its assets' keys, such as `events`.
        owner: who is told.
        is_scheduled: whether the schedule that lands it is running.
        first_hour: the first hour of its ledger; None where nothing was ever cut.
    """

    name: str
    topic: str
    dataset: str
    owner: str
    is_scheduled: bool
    first_hour: datetime | None


@dataclass(frozen=True)
class LagFact:
    """One Kafka partition; the fields are those of `landing.PartitionLag`."""

    source: str
    topic: str
    partition: int
    first_not_landed: int
    offsets_behind: int
    lost_offsets: int
    lag_s: float | None
    rate_per_s: float
    retention_left_s: float | None


@dataclass(frozen=True)
class OutageFact:
    """A part of the platform that did not answer.

    Attributes:
        service: `kafka`, `store`, `warehouse` or `dagster`.
        detail: what was asked for, such as a topic; empty for all of it.
        sentence: the error.
        is_down: False for an error that the service answered with, such as a missing topic.
    """

    service: str
    detail: str
    sentence: str
    is_down: bool = True


@dataclass(frozen=True)
class BrokerFact:
    """The Kafka cluster as its metadata tells.

    Attributes:
        known: brokers that hold replicas or answer.
        alive: those that answer.
        leaderless: partitions without a leader.
        under_replicated: partitions with fewer replicas in sync than they should have.
    """

    known: Sequence[int]
    alive: Sequence[int]
    leaderless: int
    under_replicated: int


@dataclass(frozen=True)
class RunFact:
    """One run of Dagster.

    Attributes:
        run_id: its id.
        job: the job's name.
        target: partition or range, and selection: runs of one target replace one another.
        root_id: first run of a chain of retries.
        status: Dagster's word, such as `FAILURE`.
        created_at: when it was asked for.
        changed_at: its last event.
        error: first line of its failure.
        will_retry: whether Dagster starts it again by itself.
    """

    run_id: str
    job: str
    target: str
    root_id: str
    status: str
    created_at: datetime
    changed_at: datetime
    error: str = ""
    will_retry: bool = False


@dataclass(frozen=True)
class DaemonFact:
    """One of Dagster's daemons."""

    name: str
    is_healthy: bool
    heard_at: datetime | None


@dataclass(frozen=True)
class StaleFact:
    """A day whose lake tables are not what its staged hours would give now.

    Attributes:
        day: UTC day of the events.
        reason: one sentence.
        oldest_wait: start of the earliest hour of arrival whose rows of that day are not published.
    """

    day: date
    reason: str
    oldest_wait: datetime


@dataclass(frozen=True)
class FindingFact:
    """What validation found unusual about an hour, after what people accepted."""

    source: str
    hour: str
    check: str
    field: str
    severity: str
    observed: str
    expected: str
    message: str


@dataclass(frozen=True)
class DiskFact:
    """One file system."""

    path: str
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class ExpiryFact:
    """Something that stops working on a day: `certificate` or `credential`."""

    what: str
    name: str
    expires_at: datetime


@dataclass(frozen=True)
class CostFact:
    """This month's cost at the rate of the last day, beside the plan, in US dollars."""

    usd_a_month: float
    plan_usd: float
    events_per_s: float


@dataclass(frozen=True)
class Facts:
    """One look at a deployment. A part that could not be looked at is empty, and among `outages`."""

    now: datetime
    sources: Mapping[str, SourceFact]
    lags: Sequence[LagFact] = ()
    outages: Sequence[OutageFact] = ()
    brokers: BrokerFact | None = None
    hours: Sequence[HourManifests] = ()
    lake: Mapping[tuple[str, date], Manifest] = field(default_factory=dict)
    materialized: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Asset to partition to the place of its latest materialization in Dagster's event log (ascending)."""
    stale: Sequence[StaleFact] = ()
    runs: Sequence[RunFact] = ()
    daemons: Sequence[DaemonFact] = ()
    findings: Sequence[FindingFact] = ()
    disks: Sequence[DiskFact] = ()
    expiries: Sequence[ExpiryFact] = ()
    cost: CostFact | None = None

    def is_down(self, service: str) -> bool:
        """Whether a service could not be looked at."""
        return any(outage.service == service and outage.is_down for outage in self.outages)

    def owner_of(self, source: str) -> str:
        """Owner of a source, or the platform's where it is unknown."""
        found = self.sources.get(source)
        return found.owner if found else PLATFORM_OWNER

    def asset(self, stage: str, source: str) -> str:
        """`raw/events` for a source."""
        found = self.sources.get(source)
        return f"{stage}/{found.dataset if found else 'events'}"

    @property
    def first_day(self) -> date | None:
        """The day of the first landed hour of all: what happened before it was never landed whole."""
        found = [source.first_hour for source in self.sources.values() if source.first_hour is not None]
        return min(found).date() if found else None


@dataclass(frozen=True)
class Limits:
    """Thresholds of all signals."""

    lag_s: float = 60.0
    retention_left_s: float = 6 * 3600.0
    raw_deadline: timedelta = timedelta(minutes=15)
    staged_deadline: timedelta = timedelta(minutes=30)
    event_to_dashboard: timedelta = timedelta(hours=4)
    day_deadline: timedelta = timedelta(hours=2)
    run_silence: timedelta = timedelta(minutes=30)
    run_starting: timedelta = timedelta(minutes=15)
    run_queued: timedelta = timedelta(hours=2)
    failure_memory: timedelta = timedelta(hours=24)
    quarantine_share: float = 0.10
    quarantine_rows: int = 100
    disk_free_share: float = 0.10
    disk_free_page_share: float = 0.04
    growth_factor: float = 3.0
    growth_bytes: int = 2**30
    expiry_ticket: timedelta = timedelta(days=21)
    expiry_page: timedelta = timedelta(days=2)
