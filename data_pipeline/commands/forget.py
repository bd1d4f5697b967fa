"""`data-pipeline forget`: erases a person from every stage, the warehouse and what is served, and proves it.

Belongs here: options, output, and making days again through Dagster. Does not: the steps (`operations/erasure/`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import click

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.manifest import read_manifest
from data_pipeline.settings import Settings, WarehouseKind

if TYPE_CHECKING:
    from data_pipeline.devstack.dagster_client import DagsterClient
    from data_pipeline.warehouse import Warehouse

EXIT_FOUND = 1
_DAY_LAYERS = ("lake", "warehouse", "staging", "intermediate", "core", "marts", "dashboards")
_MOST_ROUNDS = 5


@click.command()
@click.option("--user-id", required=True, help="The account, as events carry it.")
@click.option("--yes", is_flag=True, help="Do it. Without it only what would be done is shown.")
@click.option("--verify", "is_verify", is_flag=True, help="Only search everything for the account.")
@click.option("--dagster-url", help="Dagster's web server, through which hours and days are made again.  [default: the local stack's]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(user_id: str, yes: bool, is_verify: bool, dagster_url: str | None, as_json: bool) -> None:
    """Erase a person: raw records are emptied, everything made of them is made again, old objects are deleted, all is searched.

    Safe to repeat: an erasure that was killed is gone on with. Kafka still holds its records until its retention ends.
    """
    from data_pipeline.contracts.tables import WAREHOUSE_TABLES
    from data_pipeline.operations.erasure.forget import Rebuild, plan_erasure, run_erasure

    if not user_id.strip():
        raise PermanentError("--user-id is empty; name the account, as events carry it.")
    settings = Settings.from_env()
    store = settings.object_store()

    def say(sentence: str) -> None:
        click.echo(sentence, err=True)

    if is_verify:
        _verify(settings, user_id, as_json)
        return
    erasure = plan_erasure(store, user_id, [table.name for table in WAREHOUSE_TABLES], say)
    say(
        f"{erasure.row_count} records in {len(erasure.raw_folders)} raw hours; {len(erasure.person.anonymous_ids)} devices; "
        f"{len(erasure.days)} days are built again: {', '.join(erasure.days) or 'none'}."
    )
    if not yes:
        say("Nothing was changed; --yes does it.")
        return
    maker = _Maker(settings, dagster_url or f"http://127.0.0.1:{settings.ui_port}")
    done = run_erasure(store, erasure, Rebuild(maker.hours, maker.days, lambda names: _search_served(settings, names)), say)
    if as_json:
        click.echo(json.dumps(done, indent=1))
    else:
        click.echo(
            f"Erased {done['records']} records of {len(done['records_by_hour'])} hours; {done['objects_searched']} objects, the warehouse "
            f"and what is served hold nothing of the account. Tombstone: {store.url(erasure.key)}"
        )


@dataclass(frozen=True)
class _Maker:
    """Makes hours and days again through Dagster, so that they stand in its history like any other."""

    settings: Settings
    url: str

    @property
    def client(self) -> DagsterClient:
        from data_pipeline.devstack.dagster_client import DagsterClient

        return DagsterClient(self.url)

    def hours(self, folders: Sequence[str]) -> None:
        """Validate raw folders again."""
        from data_pipeline.orchestration.platform import Platform

        partitions: dict[str, list[str]] = {}
        datasets = Platform(self.settings).dataset_names
        for folder in folders:
            parts = dict(part.split("=", 1) for part in folder.split("/") if "=" in part)
            if read_manifest(self.settings.object_store(), folder.replace("raw/", "staged/", 1)) is not None:
                partitions.setdefault(datasets[parts["source"]], []).append(f"{parts['date']}T{parts['hour']}|{parts['source']}")
        for dataset, keys in partitions.items():
            self._backfill([["staged", dataset], ["quarantine", dataset]], keys)

    def days(self, days: Sequence[str]) -> None:
        """Build days again, and then those that this made stale: sessions that cross midnight, shared event ids."""
        from data_pipeline.orchestration.platform import Platform
        from data_pipeline.transforms import stale_days

        platform = Platform(self.settings)
        dataset, store = platform.product_events, self.settings.object_store()
        assets = [key for key in self.client.asset_keys() if key[0] in _DAY_LAYERS]
        wanted = list(days)
        for _ in range(_MOST_ROUNDS):
            if not wanted:
                return
            self._backfill(assets, wanted)
            near = {date.fromisoformat(day) + timedelta(days=step) for day in days for step in (-1, 0, 1)}
            built = [day for day in sorted(near) if read_manifest(store, f"lake/events/date={day}") is not None]
            wanted = [stale.day.isoformat() for stale in stale_days(store, dataset.source_names, built)] if dataset else []
        raise PermanentError(f"The days {', '.join(wanted)} are stale again and again; look at `data-pipeline doctor`.")

    def _backfill(self, assets: Sequence[Sequence[str]], partitions: Sequence[str]) -> None:
        # No account in the title: Dagster's history outlives the person's records.
        client = self.client
        backfill = client.launch_backfill(assets, partitions, "Erasure")
        state = client.wait(backfill, lambda _: None)
        if state.status != "COMPLETED_SUCCESS" or state.failed:
            raise PermanentError(
                f"Making {len(partitions)} partitions again ended as {state.status}; its runs say why: "
                f"{client.url}/overview/backfills/{backfill}. The erasure stays pending; run the same command again."
            )


def _verify(settings: Settings, user_id: str, as_json: bool) -> None:
    from data_pipeline.operations.erasure.forget import verify
    from data_pipeline.operations.erasure.person import Person

    result = verify(settings.object_store(), Person(user_id))
    hits = [*result.hits, *_search_served(settings, [user_id])]
    if as_json:
        click.echo(json.dumps({"objects": result.object_count, "bytes": result.size_bytes, "hits": hits}, indent=1))
    else:
        click.echo(f"{result.object_count} objects ({result.size_bytes:,} bytes) and the warehouse were searched: {len(hits)} hits.")
        for hit in hits[:20]:
            click.echo(f"  {hit}")
    if hits:
        raise SystemExit(EXIT_FOUND)


def _search_served(settings: Settings, identifiers: Sequence[str]) -> list[str]:
    """Tables and columns that hold an identifier, in the warehouse and in what the dashboards read."""
    from data_pipeline.warehouse import open_warehouse
    from data_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse

    hits: list[str] = []
    if settings.warehouse is not WarehouseKind.DUCKDB or settings.warehouse_path.exists():
        hits += _search_tables("warehouse", open_warehouse(settings.warehouse_config()), identifiers)
    if settings.warehouse is WarehouseKind.DUCKDB and settings.serving_path.exists():
        hits += _search_tables("served", DuckDBWarehouse(settings.serving_path), identifiers)
    return hits


def _search_tables(where: str, warehouse: Warehouse, identifiers: Sequence[str]) -> list[str]:
    hits = []
    for schema, table, columns in _text_columns(warehouse):
        quoted = [f'"{column}"' for column in columns]
        for identifier in identifiers:
            condition = " OR ".join(f"position(? IN {column}) > 0" for column in quoted)
            count = warehouse.fetch(f'SELECT count(*) FROM "{schema}"."{table}" WHERE {condition}', [identifier] * len(quoted)).scalar
            if count:
                hits.append(f"{where} {schema}.{table}: {count} rows")
    return sorted(set(hits))


def _text_columns(warehouse: Warehouse) -> Iterator[tuple[str, str, list[str]]]:
    found: dict[tuple[str, str], list[str]] = {}
    rows = warehouse.fetch(
        "SELECT table_schema, table_name, column_name FROM information_schema.columns "
        "WHERE lower(data_type) IN ('varchar', 'character varying', 'text', 'character') "
        "AND table_schema NOT IN ('information_schema', 'pg_catalog')"
    ).rows
    for schema, table, column in rows:
        found.setdefault((str(schema), str(table)), []).append(str(column))
    for (schema, table), columns in sorted(found.items()):
        yield schema, table, columns
