"""One look at a deployment: every part is asked, and a part that does not answer is a fact of its own.

Belongs here: putting the parts together, and how often the slow ones are read anew. Does not: any one part.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psutil
from dagster import DagsterInstance

from data_pipeline.common.errors import PermanentError, PipelineError, TransientError
from data_pipeline.operations.signals.facts import DiskFact, Facts, OutageFact, SourceFact
from data_pipeline.orchestration.platform import Platform
from data_pipeline.orchestration.watch.dagster_facts import gather_dagster, open_instance
from data_pipeline.orchestration.watch.expiries import gather_expiries
from data_pipeline.orchestration.watch.kafka_facts import gather_kafka
from data_pipeline.orchestration.watch.store_facts import gather_store
from data_pipeline.settings import Environment, WarehouseKind

SLOW_EVERY = timedelta(minutes=5)
"""Kafka, brokers and runs are looked at each time; days of manifests only this often."""


class Watcher:
    """Looks at one deployment, again and again."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._slow: Facts | None = None
        self._lock = threading.Lock()

    def look(self, instance: DagsterInstance | None = None, now: datetime | None = None) -> Facts:
        """All facts of this instant.

        Args:
            instance: Dagster's instance; without one that of the settings is opened.
            now: the clock.
        """
        now = now or datetime.now(UTC)
        with self._lock:
            if self._slow is None or self._slow.outages or now - self._slow.now >= SLOW_EVERY:
                self._slow = self._look_slowly(now)
            slow = self._slow
        kafka = gather_kafka(self.platform.kafka, self.platform.store, self.platform.sources)
        facts = replace(
            slow, now=now, lags=kafka.lags, brokers=kafka.brokers, outages=(*slow.outages, *kafka.outages), disks=tuple(self._disks())
        )
        return self._with_dagster(facts, instance)

    def _look_slowly(self, now: datetime) -> Facts:
        platform = self.platform
        datasets = platform.dataset_names
        sources = {
            source.name: SourceFact(source.name, source.topic, datasets[source.name], source.owner, False, None)
            for source in platform.sources.values()
        }
        facts = Facts(now, sources, expiries=tuple(gather_expiries(platform.settings)))
        try:
            store = gather_store(platform, now)
        except PipelineError as error:
            return replace(facts, outages=(OutageFact("store", "", str(error)),))
        sources = {name: replace(source, first_hour=store.first_hours.get(name)) for name, source in sources.items()}
        outages = tuple(self._warehouse_outages(bool(store.lake)))
        return replace(
            facts,
            sources=sources,
            hours=store.hours,
            lake=store.lake,
            stale=store.stale,
            findings=store.findings,
            cost=store.cost,
            outages=outages,
        )

    def _with_dagster(self, facts: Facts, instance: DagsterInstance | None) -> Facts:
        try:
            if instance is None:
                with open_instance(self.platform.settings) as own:
                    found = gather_dagster(own, facts.now)
            else:
                found = gather_dagster(instance, facts.now)
        # Storage errors are SQLAlchemy's, configuration errors Dagster's own: any of them means that nothing can be read.
        except Exception as error:
            sentence = (
                f"Dagster's history cannot be read: {str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__}"
            )
            return replace(facts, outages=(*facts.outages, OutageFact("dagster", "", sentence)))
        sources = {name: replace(source, is_scheduled=f"land_{name}" in found.running_schedules) for name, source in facts.sources.items()}
        return replace(facts, sources=sources, runs=found.runs, daemons=found.daemons, materialized=found.materialized)

    def _warehouse_outages(self, is_anything_built: bool) -> list[OutageFact]:
        settings = self.platform.settings
        if settings.warehouse is WarehouseKind.DUCKDB and not settings.warehouse_path.exists() and not is_anything_built:
            return []
        try:
            self._ask_warehouse()
        except (PermanentError, TransientError) as error:
            return [OutageFact("warehouse", "", str(error))]
        return []

    def _ask_warehouse(self) -> None:
        settings = self.platform.settings
        if settings.warehouse is WarehouseKind.REDSHIFT:
            self.platform.warehouse().fetch("SELECT 1")
            return
        from data_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse

        try:
            DuckDBWarehouse(settings.warehouse_path, wait_s=1.0).fetch("SELECT 1")
        except TransientError:
            # A load or dbt holds the file: it is at work.
            return

    def _disks(self) -> list[DiskFact]:
        settings = self.platform.settings
        if settings.environment is not Environment.LOCAL or not settings.state_dir.exists():
            return []
        usage = psutil.disk_usage(str(settings.state_dir))
        return [DiskFact(str(settings.state_dir), usage.free, usage.free + usage.used)]
