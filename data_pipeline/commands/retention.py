"""`data-pipeline retention …`: what is kept how long, and where; holds; restore from an archive.

Belongs here: options and output. Does not: rules and judgement (`operations/retention/`).
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from data_pipeline.common.errors import PermanentError, PipelineError
from data_pipeline.common.layout import hour_prefix
from data_pipeline.common.sources import load_sources
from data_pipeline.common.windows import parse_day, parse_window
from data_pipeline.operations.manifests import HOUR_STAGES
from data_pipeline.operations.retention.rules import RULES_FILE, RetentionRule, load_rules
from data_pipeline.settings import Settings

if TYPE_CHECKING:
    from data_pipeline.operations.retention.plan import PartitionItem, WarehouseRows

_SHOWN = 20


@click.group()
def command() -> None:
    """Plan and apply retention; hold days for the law; restore from an archive."""


@command.command()
@click.option("--rules", "rules_file", type=click.Path(path_type=Path), default=RULES_FILE, help="Other retention rules.")
@click.option("--stage", "stages", multiple=True, help="Only this stage; repeat it.")
@click.option("--today", "today_text", help="Judge as of that day.  [default: today, UTC]")
@click.option("--lifecycle", is_flag=True, help="Print the S3 lifecycle rules and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plan(rules_file: Path, stages: tuple[str, ...], today_text: str | None, lifecycle: bool, as_json: bool) -> None:
    """Show for each stage what stays, what may go, what is held, and what cannot be proven. Changes nothing."""
    from data_pipeline.operations.retention.lifecycle import lifecycle_rules

    rules = load_rules(rules_file)
    if lifecycle:
        click.echo(json.dumps({"Rules": lifecycle_rules(rules)}, indent=1))
        return
    _show(_plan(rules, stages, _today(today_text)), rules, as_json)


@command.command()
@click.option("--rules", "rules_file", type=click.Path(path_type=Path), default=RULES_FILE, help="Other retention rules.")
@click.option("--stage", "stages", multiple=True, help="Only this stage; repeat it.")
@click.option("--yes", is_flag=True, help="Do it. Without it nothing is changed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def apply(rules_file: Path, stages: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Set the lifecycle rules, tag what may move, delete what the plan lets go. A dry run unless --yes is given."""
    from data_pipeline.operations.retention.apply import delete_partitions
    from data_pipeline.operations.retention.lifecycle import apply_lifecycle, tag_movable

    rules, today = load_rules(rules_file), datetime.now(UTC).date()
    items = _plan(rules, stages, today)
    _show(items, rules, as_json)
    if not yes:
        click.echo("Nothing was changed; --yes does it.", err=True)
        return
    store = Settings.from_env().object_store()
    deleted = delete_partitions(store, items, datetime.now(UTC))
    click.echo(f"Deleted {deleted} objects.", err=True)
    # Last: on a server without storage classes the deletions above are all there is to do.
    applied = apply_lifecycle(store, rules)
    tagged = tag_movable(store, items, rules, today)
    click.echo(f"The bucket has the lifecycle rules {', '.join(applied)}; {tagged} objects are tagged to move.", err=True)


@command.command()
@click.option("--source", "source_name", required=True, help="A source of the sources file.")
@click.option("--window", required=True, help="An hour, 2026-03-14T09, or a day, 2026-03-14 (UTC).")
@click.option("--stage", default="raw", show_default=True, type=click.Choice(HOUR_STAGES), help="What to bring back.")
@click.option("--days", type=click.IntRange(1), default=7, show_default=True, help="How long the copies stay.")
@click.option("--tier", default="Bulk", show_default=True, type=click.Choice(["Bulk", "Standard"]), help="Bulk is cheaper and slower.")
@click.option("--timeout-h", type=click.FloatRange(0), default=48.0, show_default=True, help="Hours to wait; run again to go on.")
def restore(source_name: str, window: str, stage: str, days: int, tier: str, timeout_h: float) -> None:
    """Bring partitions back from an archive class, and compare every byte with their manifests."""
    from data_pipeline.operations.manifests import read_hours
    from data_pipeline.operations.retention.restore import restore as bring_back

    settings = Settings.from_env()
    store = settings.object_store()
    found = read_hours(store, [source_name], parse_window(window))
    folders = [hour_prefix(stage, source_name, item.hour) for item in found if getattr(item, stage) is not None]
    if not folders:
        raise PermanentError(
            f"No hour of {source_name} in {window} is published in {stage}; sources are {', '.join(load_sources(settings.sources_file))}."
        )
    done = bring_back(
        store,
        folders,
        days=days,
        tier=tier,
        timeout_s=timeout_h * 3600,
        progress=lambda back, asked: click.echo(f"{back} of {asked} objects are back", err=True),
    )
    click.echo(
        f"{len(done.folders)} partitions, {done.object_count} objects, {done.size_bytes:,} bytes equal their manifests' digests; "
        f"{done.restored_count} came from an archive."
    )


@command.group()
def hold() -> None:
    """Legal holds: days that must not be deleted."""


@hold.command("add")
@click.argument("name")
@click.option("--from", "first", required=True, help="First day, 2026-03-14.")
@click.option("--to", "last", required=True, help="Last day, inclusive.")
@click.option("--stage", "stages", multiple=True, help="Only this stage; repeat it. The default is all.")
@click.option("--reason", required=True, help="Why, and who asked for it.")
def hold_add(name: str, first: str, last: str, stages: tuple[str, ...], reason: str) -> None:
    """Hold days."""
    from data_pipeline.operations.retention.holds import Hold, add_hold

    add_hold(Settings.from_env().object_store(), Hold(name, parse_day(first), parse_day(last), stages, reason))
    click.echo(f"Held: {first} to {last} ({', '.join(stages) or 'all stages'}).")


@hold.command("release")
@click.argument("name")
def hold_release(name: str) -> None:
    """End a hold."""
    from data_pipeline.operations.retention.holds import release_hold

    release_hold(Settings.from_env().object_store(), name)
    click.echo(f"Released: {name}.")


@hold.command("list")
def hold_list() -> None:
    """Show the holds."""
    from data_pipeline.operations.retention.holds import read_holds

    for item in read_holds(Settings.from_env().object_store()):
        click.echo(f"{item.name}  {item.first} to {item.last}  {', '.join(item.stages) or 'all stages'}  {item.reason}")


def _plan(rules: dict[str, RetentionRule], stages: tuple[str, ...], today: date) -> list[PartitionItem]:
    from data_pipeline.operations.retention.holds import read_holds
    from data_pipeline.operations.retention.plan import make_plan

    settings = Settings.from_env()
    store = settings.object_store()
    return make_plan(store, rules, read_holds(store), today, _warehouse_rows(settings), stages or None)


def _warehouse_rows(settings: Settings) -> WarehouseRows:
    from data_pipeline.contracts.tables import WAREHOUSE_TABLES
    from data_pipeline.warehouse import open_warehouse

    columns = {table.name: table.window_column for table in WAREHOUSE_TABLES}
    warehouse = open_warehouse(settings.warehouse_config())

    def count(table: str, day: date) -> int | None:
        if table not in columns:
            return None
        try:
            return int(warehouse.fetch(f"SELECT count(*) FROM warehouse.{table} WHERE {columns[table]} = ?", [day]).scalar)
        except PipelineError:
            return None

    return count


def _today(text: str | None) -> date:
    return parse_day(text) if text else datetime.now(UTC).date()


def _show(items: list[PartitionItem], rules: dict[str, RetentionRule], as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "stage": item.stage,
                "partition": item.folder,
                "objects": len(item.keys),
                "bytes": item.size_bytes,
                "action": item.action,
                "reason": item.reason,
            }
            for item in items
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("stage", "kept", "classes", title="Retention")
    for name in ("keep", "delete", "held", "blocked", "GiB"):
        table.add_column(name, justify="right")
    for stage, rule in rules.items():
        mine = [item for item in items if item.stage == stage]
        counts = Counter(str(item.action) for item in mine)
        kept = "for ever" if rule.keep_days is None else f"{rule.keep_days} days"
        classes = ", ".join(f"{name} from day {day}" for day, name in sorted(rule.classes.items()))
        size = f"{sum(item.size_bytes for item in mine) / 2**30:,.3f}"
        table.add_row(stage, kept, classes, *(f"{counts[name]:,}" for name in ("keep", "delete", "held", "blocked")), size)
    console = Console(highlight=False)
    console.print(table)
    notable = [item for item in items if item.action != "keep"]
    for item in notable[:_SHOWN]:
        console.print(f"{item.action:8} {item.folder}: {item.reason}", markup=False)
    if len(notable) > _SHOWN:
        console.print(f"… and {len(notable) - _SHOWN} more; --json shows all.")
