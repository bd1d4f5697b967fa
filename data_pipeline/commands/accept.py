"""`data-pipeline accept`: a person's word on the findings of a window, recorded beside its profile."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.sources import find_source, load_sources
from data_pipeline.settings import Settings

if TYPE_CHECKING:
    from data_pipeline.common.object_store import ObjectStore
    from data_pipeline.validation.history import Finding


@click.command()
@click.option("--source", "source_name", required=True, help="A source of the sources file, such as `web`.")
@click.option("--window", "window_text", required=True, help="The hour, 2026-03-14T09, or day, 2026-03-14, that was checked (UTC).")
@click.option("--check", default="*", show_default=True, help="The finding's check, such as `null_rate`; * for all.")
@click.option("--field", default="*", show_default=True, help="The finding's field, such as `context.country`; * for all.")
@click.option("--reason", required=True, help="Why it is all right; it is recorded and shown.")
@click.option(
    "--as-norm", is_flag=True, help="From this window on its level is the norm: earlier windows no longer count for these checks."
)
@click.option("--profiles", type=click.Path(path_type=Path), default=None, help="Folder of the history; the bucket's without it.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(
    source_name: str, window_text: str, check: str, field: str, reason: str, as_norm: bool, profiles: Path | None, as_json: bool
) -> None:
    """Accept findings of a window: they no longer block, and the window counts in later baselines again."""
    from data_pipeline.validation.history import Acceptance, Window, add_acceptance, read_profile, settle

    settings = Settings.from_env()
    find_source(load_sources(settings.sources_file), source_name)
    window = Window.parse(window_text)
    if not reason.strip():
        raise PermanentError("--reason is empty; say why the findings are accepted, the next person will want to know.")
    store = _store(settings, profiles)
    profile = read_profile(store, source_name, window)
    if profile is None:
        raise PermanentError(f"{source_name} {window} has no profile at {profiles or store.url('profiles')}; check that window first.")
    given = Acceptance(check, field, reason.strip(), as_norm, datetime.now(UTC).isoformat(timespec="seconds"))
    covered = [finding for finding in profile.findings if given.covers(finding)]
    if not covered and not as_norm:
        raise PermanentError(
            f"{source_name} {window} has no finding of check '{check}' and field '{field}'; it has {_names(profile.findings)}."
        )
    accepted = add_acceptance(store, source_name, window, given)
    findings = settle(profile.findings, accepted)
    if as_json:
        document = {"source": source_name, "window": str(window), "accepted": len(covered), "findings": [f.to_dict() for f in findings]}
        click.echo(json.dumps(document, indent=1, ensure_ascii=False))
    else:
        _print(findings, len(covered))


def _store(settings: Settings, profiles: Path | None) -> ObjectStore:
    from data_pipeline.common.object_store import LocalObjectStore

    if profiles is None:
        return settings.object_store()
    if not profiles.is_dir():
        raise PermanentError(f"'{profiles}' is not a folder; name the folder that was given to `check --profiles`.")
    return LocalObjectStore(profiles)


def _names(findings: tuple[Finding, ...]) -> str:
    return ", ".join(f"{finding.check} of {finding.field}" for finding in findings) or "none"


def _print(findings: list[Finding], accepted_count: int) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=f"{accepted_count} accepted")
    for column in ("severity", "check", "field", "message"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        table.add_row(str(finding.severity), finding.check, finding.field, finding.message)
    console.print(table)
