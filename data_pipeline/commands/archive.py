"""`data-pipeline archive run|list|restore`: days that leave the warehouse after two years, and come back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.windows import parse_day

if TYPE_CHECKING:
    from data_pipeline.warehouse.archive import MovedDay

_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def command() -> None:
    """Move old days of the warehouse into the bucket's archive, and back.

    The tables only: run the dbt models for those days afterwards, which empties or fills them there (`docs/warehouse.md`). The
    job `archive_old_days` does both, every month.
    """


@command.command()
@click.option("--before", help="First UTC day that stays.  [default: the first of the month two years ago]")
@click.option("--dry-run", is_flag=True, help="Show what would leave.")
@_AS_JSON
def run(before: str | None, dry_run: bool, as_json: bool) -> None:
    """Archive and drop every day before a day."""
    from data_pipeline.contracts.tables import WAREHOUSE_TABLES
    from data_pipeline.settings import Settings
    from data_pipeline.warehouse import open_warehouse
    from data_pipeline.warehouse.archive import archive_days, days_before, first_kept_day

    settings = Settings.from_env()
    today = datetime.now(UTC).date()
    first_kept = parse_day(before) if before else first_kept_day(today)
    if first_kept > today:
        raise PermanentError(f"{first_kept} is in the future; --before takes today or an earlier day, since every day before it leaves.")
    warehouse = open_warehouse(settings.warehouse_config())
    warehouse.ensure_tables(WAREHOUSE_TABLES)
    if dry_run:
        found = [(table.name, day) for table in WAREHOUSE_TABLES for day in days_before(warehouse, table, first_kept)]
        _print([{"table": name, "day": day.isoformat()} for name, day in found], as_json)
        return
    moved = archive_days(warehouse, WAREHOUSE_TABLES, first_kept, settings.object_store(), f"archive-{uuid.uuid4().hex[:8]}", told=_tell)
    _print(_rows(moved), as_json)


@command.command(name="list")
@_AS_JSON
def list_archive(as_json: bool) -> None:
    """Show the days in the archive."""
    from data_pipeline.contracts.tables import WAREHOUSE_TABLES
    from data_pipeline.operations.manifests import all_manifests
    from data_pipeline.settings import Settings
    from data_pipeline.warehouse.archive import MovedDay

    store = Settings.from_env().object_store()
    kept = []
    for table in WAREHOUSE_TABLES:
        for folder, published in all_manifests(store, f"archive/{table.name}/"):
            day, manifest = parse_day(folder.split("date=")[1]), published.manifest
            kept.append(MovedDay(table.name, day, manifest.row_count, manifest.size_bytes))
    _print(_rows(kept), as_json)


@command.command()
@click.option("--day", "days", multiple=True, required=True, help="UTC day; repeatable.")
@_AS_JSON
def restore(days: tuple[str, ...], as_json: bool) -> None:
    """Load days from the archive into the warehouse again; the archive stays."""
    from data_pipeline.contracts.tables import WAREHOUSE_TABLES
    from data_pipeline.settings import Settings
    from data_pipeline.warehouse import open_warehouse
    from data_pipeline.warehouse.archive import restore_days

    settings = Settings.from_env()
    wanted: list[date] = sorted({parse_day(day) for day in days})
    warehouse = open_warehouse(settings.warehouse_config())
    run_id = f"restore-{uuid.uuid4().hex[:8]}"
    _print(_rows(restore_days(warehouse, WAREHOUSE_TABLES, wanted, settings.object_store(), run_id)), as_json)


def _tell(moved: MovedDay) -> None:
    click.echo(f"{moved.table} {moved.day}: {moved.rows:,} rows archived and dropped", err=True)


def _rows(moved: Sequence[MovedDay]) -> list[dict[str, Any]]:
    return [item.to_json() for item in moved]


def _print(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(rows))
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table(*(rows[0] if rows else ("table", "day")))
    for row in rows:
        shown.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()))
    Console().print(shown)
