"""A month's cost, line by line: amount × price, by service and stage, for a plan in its steady state.

Steady state: every stage holds as many days as its rule keeps. A month has 730 hours, as on AWS's own price pages; a GB is 2**30 bytes.
Belongs here: what is bought. Does not: prices and assumptions (data files), savings (`savings.py`), budgets (`history.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from data_pipeline.operations.cost.prices import PriceList
from data_pipeline.operations.cost.workload import SIZES, Workload
from data_pipeline.operations.retention.rules import RetentionRule

HOURS_A_MONTH = 730
SECONDS_A_MONTH = HOURS_A_MONTH * 3600
DAYS_A_MONTH = HOURS_A_MONTH / 24
GB = 2**30
STORAGE_PRICE = {
    "STANDARD": "s3_standard_storage",
    "STANDARD_IA": "s3_standard_ia_storage",
    "GLACIER_IR": "s3_glacier_ir_storage",
    "DEEP_ARCHIVE": "s3_deep_archive_storage",
}
_ARCHIVE_EXTRA = {"DEEP_ARCHIVE": (8 * 1024, 32 * 1024)}
"""Bytes that S3 adds for each archived object: billed as Standard, and as the class itself."""


@dataclass(frozen=True)
class CostLine:
    """One thing that is bought.

    Attributes:
        service: AWS service, such as `S3`.
        stage: the part of the platform that needs it.
        what: in words.
        amount: units a month.
        unit: the price's unit.
        usd: US dollars a month.
    """

    service: str
    stage: str
    what: str
    amount: float
    unit: str
    usd: float


@dataclass(frozen=True)
class Plan:
    """What is to be paid for.

    Attributes:
        workload: rate and events.
        rules: retention by stage.
        architecture: `x86` or `arm`, for Lambda, Fargate and EMR.
        is_spot: whether validation runs on Fargate Spot.
        warehouse_days: days that Redshift itself holds; older ones stay in the lake.
    """

    workload: Workload
    rules: Mapping[str, RetentionRule]
    architecture: str = "x86"
    is_spot: bool = False
    warehouse_days: int = 730


@dataclass(frozen=True)
class MonthlyCost:
    """All lines of a month."""

    lines: tuple[CostLine, ...]
    event_count: float

    @property
    def usd(self) -> float:
        """The month's sum."""
        return sum(line.usd for line in self.lines)

    @property
    def usd_per_billion(self) -> float:
        """Cost of a billion events."""
        return self.usd / self.event_count * 1e9

    def by(self, attribute: str) -> dict[str, float]:
        """Sums by `service` or `stage`, dearest first."""
        sums: dict[str, float] = {}
        for line in self.lines:
            name = getattr(line, attribute)
            sums[name] = sums.get(name, 0.0) + line.usd
        return dict(sorted(sums.items(), key=lambda item: -item[1]))


def monthly_cost(plan: Plan, prices: PriceList) -> MonthlyCost:
    """The lines of a month."""
    return MonthlyCost(tuple(_Lines(plan, prices).all()), plan.workload.events_per_s * SECONDS_A_MONTH)


def stored_bytes_per_day(workload: Workload, stage: str) -> float:
    """Bytes that a stage gains a day."""
    return workload.events_per_s * 86_400 * workload[SIZES[stage]]


def objects_per_day(workload: Workload, stage: str) -> float:
    """Objects that a stage gains a day, manifests included.

    Raw has an object for each chunk of a partition, and never less than one an hour and partition; staged and quarantine one
    for each hour and source, more above `object_mib`; the lake one for each started `object_mib` of a day, of 7 tables.
    """
    hours, sources = 24, workload["sources"]
    if stage == "raw":
        partitions = sources * workload["partitions_per_topic"]
        an_hour = workload.events_per_s * 3600 / partitions / workload["rows_per_raw_object"]
        return hours * (partitions * max(1, math.ceil(an_hour)) + sources)
    size_mib = stored_bytes_per_day(workload, stage) / 2**20
    if stage == "lake":
        return 7 * 2 + size_mib / workload["object_mib"]
    return hours * sources * (1 + max(1, math.ceil(size_mib / hours / sources / workload["object_mib"])))


@dataclass(frozen=True)
class _Lines:
    plan: Plan
    prices: PriceList

    def all(self) -> Iterator[CostLine]:
        yield from self._land()
        yield from self._validate()
        yield from self._transform()
        yield from self._load_and_serve()
        yield from self._store()
        yield from self._orchestrate()

    def _line(self, service: str, stage: str, what: str, amount: float, price: str, share: float = 1.0) -> CostLine:
        found = self.prices[price]
        return CostLine(service, stage, what, amount, found.unit, found.usd(amount) * share)

    @property
    def _millions(self) -> float:
        return self.plan.workload.events_per_s * SECONDS_A_MONTH / 1e6

    def _vcpu_hours(self, cpu_s_per_million: str) -> float:
        workload = self.plan.workload
        return self._millions * workload[cpu_s_per_million] / workload["cpu_utilisation"] / 3600

    def _land(self) -> Iterator[CostLine]:
        w = self.plan.workload
        gb_seconds = self._vcpu_hours("land_cpu_s_per_million") * 3600 * w["lambda_gb_per_vcpu"]
        chunks = objects_per_day(w, "raw") * DAYS_A_MONTH
        yield self._line("Lambda", "land", "landing chunks", gb_seconds, f"lambda_{self.plan.architecture}")
        yield self._line("Lambda", "land", "calls, one a chunk", chunks, "lambda_request")
        crossing = w.events_per_s * SECONDS_A_MONTH * w["kafka_bytes_per_event"] * w["cross_zone_share"] / GB
        yield self._line("Data transfer", "land", "Kafka records across zones", crossing, "cross_zone_transfer")

    def _validate(self) -> Iterator[CostLine]:
        w, architecture = self.plan.workload, self.plan.architecture
        hours = self._vcpu_hours("validate_cpu_s_per_million")
        share = 1 - self.prices["fargate_spot_discount"].usd(1) if self.plan.is_spot else 1.0
        yield self._line("Fargate", "validate", "vCPUs", hours, f"fargate_{architecture}_vcpu", share)
        yield self._line("Fargate", "validate", "memory", hours * w["memory_gb_per_vcpu"], f"fargate_{architecture}_memory", share)

    def _transform(self) -> Iterator[CostLine]:
        w, architecture = self.plan.workload, self.plan.architecture
        hours = self._vcpu_hours("transform_cpu_s_per_million")
        yield self._line("EMR Serverless", "transform", "vCPUs", hours, f"emr_{architecture}_vcpu")
        yield self._line("EMR Serverless", "transform", "memory", hours * w["memory_gb_per_vcpu"], f"emr_{architecture}_memory")

    def _load_and_serve(self) -> Iterator[CostLine]:
        w = self.plan.workload
        yield self._line("Redshift", "load", "COPY", self._millions * w["copy_rpu_s_per_million"] / 3600, "redshift_rpu")
        yield self._line("Redshift", "model", "dbt models", self._millions * w["model_rpu_s_per_million"] / 3600, "redshift_rpu")
        yield self._line("Redshift", "serve", "dashboard queries", w["dashboard_rpu_hours_per_day"] * DAYS_A_MONTH, "redshift_rpu")
        held = w.events_per_s * 86_400 * w["warehouse_bytes_per_event"] * self.plan.warehouse_days / GB
        yield self._line("Redshift", "load", f"storage, {self.plan.warehouse_days} days", held, "redshift_storage")

    def _store(self) -> Iterator[CostLine]:
        for stage in SIZES:
            yield from storage_lines(self.plan.workload, self.plan.rules[stage], self.prices)
            objects = objects_per_day(self.plan.workload, stage) * DAYS_A_MONTH
            yield self._line("S3", f"store {stage}", "writes", objects, "s3_put")
            # Validation and transform read what was written, the proof once more.
            yield self._line("S3", f"store {stage}", "reads", objects * 3, "s3_get")

    def _orchestrate(self) -> Iterator[CostLine]:
        w, architecture = self.plan.workload, self.plan.architecture
        hours = w["dagster_vcpus"] * HOURS_A_MONTH
        yield self._line("Fargate", "orchestrate", "Dagster's vCPUs", hours, f"fargate_{architecture}_vcpu")
        yield self._line("Fargate", "orchestrate", "Dagster's memory", hours * w["memory_gb_per_vcpu"], f"fargate_{architecture}_memory")
        yield self._line("RDS", "orchestrate", "Dagster's PostgreSQL", HOURS_A_MONTH, "rds_postgres_small")
        yield self._line("RDS", "orchestrate", "storage", w["rds_gb"], "rds_storage")
        yield self._line("CloudWatch", "orchestrate", "logs", w["runs_per_day"] * DAYS_A_MONTH * w["log_mb_per_run"] / 1024, "logs_ingest")
        yield self._line("VPC", "orchestrate", "endpoints", w["vpc_endpoint_zones"] * HOURS_A_MONTH, "vpc_endpoint")


def storage_lines(workload: Workload, rule: RetentionRule, prices: PriceList, days: int | None = None) -> Iterator[CostLine]:
    """What a stage's objects cost a month once it holds all the days that its rule keeps (or `days`)."""
    stage = f"store {rule.stage}"
    per_day, objects = stored_bytes_per_day(workload, rule.stage), objects_per_day(workload, rule.stage)
    previous = None
    for name, held_days in rule.spans(days):
        gb = per_day * held_days / GB
        own, extra = 0.0, 0.0
        if name in _ARCHIVE_EXTRA:
            extra, own = (objects * held_days * size / GB for size in _ARCHIVE_EXTRA[name])
        price = prices[STORAGE_PRICE[name]]
        yield CostLine("S3", stage, f"{name}, {held_days} days", gb + own, price.unit, price.usd(gb + own))
        if extra:
            standard = prices["s3_standard_storage"]
            yield CostLine("S3", stage, f"index of {name}", extra, standard.unit, standard.usd(extra))
        if previous is not None:
            moved = prices[f"s3_transition_to_{name.lower()}"]
            amount = objects * DAYS_A_MONTH
            yield CostLine("S3", stage, f"moves to {name}", amount, moved.unit, moved.usd(amount))
        previous = name
