"""`data-pipeline check`: files judged as the platform would judge them, without Kafka and S3."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.sources import find_source, load_sources
from data_pipeline.common.windows import parse_window
from data_pipeline.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from data_pipeline.contracts.contract import Contract

REPORT = "report.json"


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--source", "source_name", required=True, help="A source of the sources file, such as `web`.")
@click.option("--window", required=True, help="The hour, 2026-03-14T09, or day, 2026-03-14, that the files are (UTC).")
@click.option("--profiles", type=click.Path(path_type=Path), default=None, help="Folder of the history; without it there is none.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for staged.parquet, quarantine.parquet, report.json.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(files: tuple[Path, ...], source_name: str, window: str, profiles: Path | None, out: Path, as_json: bool) -> None:
    """Validate FILES with the rules of the source's contract.

    FILES are .parquet with the raw layer's columns, or .ndjson with one value a line. A line has no Kafka timestamp, so the
    clock rules that need received_at are not judged for it. Exit code 0 means that all rows were judged, whatever was found.
    """
    parse_window(window)
    contract = contract_of(source_name)
    for folder in filter(None, (profiles, out)):
        if folder.exists() and not folder.is_dir():
            raise PermanentError(f"'{folder}' is not a folder; name one that exists or can be made.")
    from data_pipeline.validation.check import check_files

    with tempfile.TemporaryDirectory(prefix="data-pipeline-") as no_history:
        checked = check_files(contract, source_name, window, files, profiles or Path(no_history))
    report = checked.report(source_name, window)
    _write_all(out, checked.staged, checked.quarantine, report)
    if as_json:
        click.echo(json.dumps(report, indent=1, ensure_ascii=False))
    else:
        _print(report, out)


def contract_of(source_name: str) -> Contract:
    """The contract of a source of the sources file."""
    from data_pipeline.contracts.contract import load_contract_beside

    sources_file = Settings.from_env().sources_file
    return load_contract_beside(sources_file, find_source(load_sources(sources_file), source_name).contract)


def _write_all(out: Path, staged: pa.Table, quarantine: pa.Table, report: dict[str, Any]) -> None:
    """Write the three files under temporary names, then give them their own; the report last."""
    import pyarrow.parquet as pq

    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".writing-") as folder:
            writing = Path(folder)
            pq.write_table(staged, writing / "staged.parquet", compression="zstd")
            pq.write_table(quarantine, writing / "quarantine.parquet", compression="zstd")
            (writing / REPORT).write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
            (out / REPORT).unlink(missing_ok=True)
            for name in ("staged.parquet", "quarantine.parquet", REPORT):
                (writing / name).replace(out / name)
    except OSError as error:
        raise PermanentError(
            f"The results cannot be written to '{out}' ({error.strerror or error}); free some space or choose another --out."
        ) from error


def _print(report: dict[str, Any], out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    counts = Table(title=f"{report['source']} {report['window']}")
    counts.add_column("rows")
    counts.add_column("number", justify="right")
    for name in ("rows_in", "rows_staged", "rows_quarantined", "duplicates"):
        counts.add_row(name, f"{report[name]:,}")
    for rule, number in report["by_rule"].items():
        counts.add_row(f"  breaks {rule}", f"{number:,}")
    for path, number in report["unknown_fields"].items():
        counts.add_row(f"  has unknown field {path}", f"{number:,}")
    console.print(counts)
    if report["findings"]:
        findings = Table(title="findings")
        for column in ("severity", "check", "field", "message"):
            findings.add_column(column, overflow="fold")
        for finding in report["findings"]:
            findings.add_row(finding["severity"], finding["check"], finding["field"], finding["message"])
        console.print(findings)
    console.print(f"Written to {out}: staged.parquet, quarantine.parquet, {REPORT}.", highlight=False, soft_wrap=True)
