"""What an asset body needs of a deployment: settings, sources, and clients made when first asked for.

Belongs here: the wiring of settings into stages. Does not: dagster types, work.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from data_pipeline.common.object_store import ObjectStore
from data_pipeline.common.sources import Source, find_source, load_sources
from data_pipeline.settings import Settings, WarehouseKind, export_environment

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from data_pipeline.contracts.contract import Contract
    from data_pipeline.warehouse import Warehouse


@dataclass(frozen=True)
class Dataset:
    """The sources that share one contract: they share assets, and differ by partition.

    Attributes:
        name: last part of the asset keys, such as `events`.
        contract: folder of the contract.
        sources: its sources, by name.
    """

    name: str
    contract: str
    sources: tuple[Source, ...]

    @property
    def owners(self) -> list[str]:
        """Owners of all its sources."""
        return sorted({source.owner for source in self.sources})

    @property
    def source_names(self) -> list[str]:
        """Names of its sources."""
        return sorted(source.name for source in self.sources)

    @property
    def is_product_events(self) -> bool:
        """Whether sessions and marts are built from it."""
        return self.sources[0].is_product_events


class Platform:
    """One deployment, as the asset bodies see it."""

    def __init__(self, settings: Settings, sources: dict[str, Source] | None = None) -> None:
        self.settings = settings
        self.sources = sources if sources is not None else load_sources(settings.sources_file)

    @cached_property
    def datasets(self) -> list[Dataset]:
        """Sources grouped by contract, in the order of their first source."""
        groups: dict[str, list[Source]] = {}
        for source in self.sources.values():
            groups.setdefault(source.contract, []).append(source)
        return [Dataset(_dataset_name(contract), contract, tuple(group)) for contract, group in groups.items()]

    @property
    def dataset_names(self) -> dict[str, str]:
        """The name of each source's dataset."""
        return {source.name: dataset.name for dataset in self.datasets for source in dataset.sources}

    @property
    def product_events(self) -> Dataset | None:
        """The dataset from which sessions and marts are built, if there is one."""
        return next((dataset for dataset in self.datasets if dataset.is_product_events), None)

    @cached_property
    def store(self) -> ObjectStore:
        """The bucket."""
        return self.settings.object_store()

    @property
    def kafka(self) -> dict[str, str]:
        """Librdkafka's connection settings."""
        return self.settings.kafka_client_config()

    def source(self, name: str) -> Source:
        """The source of that name."""
        return find_source(self.sources, name)

    def contract(self, name: str) -> Contract:
        """The contract of that folder, resolved against the folder of the sources file."""
        from data_pipeline.contracts.contract import load_contract_beside

        return load_contract_beside(self.settings.sources_file, name)

    def warehouse(self) -> Warehouse:
        """A warehouse adapter; it connects when used."""
        from data_pipeline.warehouse import open_warehouse

        return open_warehouse(self.settings.warehouse_config())

    def export_dbt_environment(self, run_id: str = "") -> None:
        """Let dbt processes that this process starts find the warehouse."""
        from data_pipeline.warehouse.dbt_args import duckdb_target_env, redshift_target_env

        settings = self.settings
        if settings.warehouse is WarehouseKind.DUCKDB:
            export_environment(duckdb_target_env(settings.warehouse_path.absolute(), run_id=run_id))
            return
        password = settings.redshift_password.get_secret_value() if settings.redshift_password else ""
        export_environment(
            redshift_target_env(
                settings.redshift_host or "",
                settings.redshift_port,
                settings.redshift_database,
                settings.redshift_user or "",
                password,
                run_id=run_id,
            )
        )

    def spark(self) -> SparkSession:
        """The Spark session of this process, made at first use."""
        from data_pipeline.transforms.session import create_session

        return create_session(**self.settings.spark_config())


def _dataset_name(contract: str) -> str:
    name = contract.rstrip("/").rsplit("/", 1)[-1]
    return "events" if name == "product_event" else name
