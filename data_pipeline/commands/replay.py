"""`data-pipeline replay`: quarantined rows judged again by the present rules."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import click

from data_pipeline.common.errors import PermanentError, PipelineError, TransientError
from data_pipeline.common.sources import Source, find_source, load_sources
from data_pipeline.common.windows import Hour, parse_window
from data_pipeline.settings import Settings

if TYPE_CHECKING:
    from data_pipeline.common.object_store import ObjectStore
    from data_pipeline.validation.replay import ReplayedHour


@click.command()
@click.option("--window", required=True, help="An hour of arrival, 2026-03-14T09, or a day, 2026-03-14 (UTC).")
@click.option("--source", "source_name", default=None, help="A source of the sources file; all of them without it.")
@click.option("--rule", "rules", multiple=True, help="Only rows that broke this rule; may be given more than once. All rows without it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(window: str, source_name: str | None, rules: tuple[str, ...], as_json: bool) -> None:
    """Judge quarantined rows again, after a rule was fixed or the contract has a new version.

    Rows that pass now join staged; the sensor late_days asks for their days again. They leave quarantine for `resolved`, where
    they keep their bytes and the rules that they broke: nothing is deleted. Running it again changes nothing.
    """
    hours = parse_window(window)
    settings = Settings.from_env()
    known = load_sources(settings.sources_file)
    sources = [find_source(known, source_name)] if source_name else list(known.values())
    store = settings.object_store()
    run_id = f"replay-{uuid.uuid4().hex[:12]}"
    rows, failed = [], []
    for source in sources:
        for hour in hours:
            try:
                outcome = _replay(settings, store, source, hour, rules, run_id)
            except PipelineError as error:
                failed.append((source, hour, error))
                continue
            if outcome is not None:
                rows.append(_row(source, hour, outcome))
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    else:
        _print(rows, window)
    if failed:
        _raise(failed)
    if not rows:
        names = ", ".join(source.name for source in sources)
        raise PermanentError(f"No hour of {window} is validated for {names}; materialize staged for it first, or name another window.")


def _replay(settings: Settings, store: ObjectStore, source: Source, hour: Hour, rules: tuple[str, ...], run_id: str) -> ReplayedHour | None:
    """The outcome; None where the hour was never validated."""
    from data_pipeline.contracts.contract import load_contract_beside
    from data_pipeline.validation.replay import is_validated, replay_hour, require_rules

    contract = load_contract_beside(settings.sources_file, source.contract)
    require_rules(contract, rules)
    return replay_hour(contract, source.name, hour, store, run_id=run_id, rules=rules) if is_validated(store, source.name, hour) else None


def _row(source: Source, hour: Hour, outcome: ReplayedHour) -> dict[str, Any]:
    return {
        "source": source.name,
        "hour": str(hour),
        "tried": outcome.rows_tried,
        "joined": outcome.rows_joined,
        "landed": outcome.rows_in,
        "staged": outcome.rows_staged,
        "quarantined": outcome.rows_quarantined,
        "difference": outcome.rows_in - outcome.rows_staged - outcome.rows_quarantined,
        "by_rule": dict(outcome.by_rule),
        "event_days": dict(outcome.event_days),
    }


def _raise(failed: list[tuple[Source, Hour, PipelineError]]) -> None:
    sentence = " ".join(f"{source.name} {hour}: {error}" for source, hour, error in failed[:5])
    more = f" … and {len(failed) - 5} more hours." if len(failed) > 5 else ""
    is_transient = all(isinstance(error, TransientError) for _, _, error in failed)
    raise (TransientError if is_transient else PermanentError)(f"{sentence}{more}")


def _print(rows: list[dict[str, Any]], window: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("source", "hour", title=f"Replay of {window}")
    numbers = ("tried", "joined", "landed", "staged", "quarantined", "difference")
    for name in numbers:
        table.add_column(name, justify="right")
    table.add_column("event days")
    for row in rows:
        table.add_row(row["source"], row["hour"], *(f"{row[name]:,}" for name in numbers), ", ".join(row["event_days"]))
    Console().print(table)
