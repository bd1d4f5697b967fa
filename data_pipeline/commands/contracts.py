"""`data-pipeline contracts`: whether a change is compatible, and what is rendered from a contract."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.sources import PRODUCT_EVENT_CONTRACT

if TYPE_CHECKING:
    from data_pipeline.contracts.columns import Table
    from data_pipeline.contracts.contract import Contract


@click.group()
def command() -> None:
    """Check and render contracts."""


@command.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(old: Path, new: Path, as_json: bool) -> None:
    """Refuse a change from OLD to NEW that producers or readers of OLD would not survive.

    OLD and NEW are two schema files (NEW shall be the version after OLD), or two contract folders (released versions must be
    unchanged, each version must follow the one before). Exit code 0: compatible; 1: not, each change with its JSON path and rule.
    """
    from data_pipeline.contracts.compatibility import compare_contracts, compare_schemas
    from data_pipeline.contracts.contract import load_contract
    from data_pipeline.contracts.schema import read_schema

    for path in (old, new):
        if not path.exists():
            raise PermanentError(f"'{path}' does not exist; name a schema file or a contract folder.")
    if old.is_dir() != new.is_dir():
        raise PermanentError(f"'{old}' and '{new}' are a folder and a file; name two schema files or two contract folders.")
    if old.is_dir():
        found = compare_contracts(load_contract(old), load_contract(new))
    else:
        found = compare_schemas(read_schema(old), read_schema(new))
    if as_json:
        click.echo(json.dumps({"compatible": not found, "incompatibilities": [asdict(each) for each in found]}, indent=1))
    elif found:
        for each in found:
            click.echo(str(each))
    else:
        click.echo(f"{new} may follow {old}.")
    if found:
        sys.exit(1)


@command.command()
@click.option("--contract", "name", default="product_event", show_default=True, help="A contract's name or folder.")
@click.option(
    "--as",
    "form",
    type=click.Choice(["rules", "duckdb", "redshift", "dbt", "great-expectations"]),
    default="rules",
    show_default=True,
    help="Markdown of rules and fields, the warehouse's tables, dbt's sources and staging models, or a suite.",
)
@click.option("--source", default="web", show_default=True, help="Whose rules a Great Expectations suite says.")
def render(name: str, form: str, source: str) -> None:
    """Print what is rendered from a contract; nothing of it is kept by hand."""
    from data_pipeline.contracts.contract import load_contract
    from data_pipeline.contracts.documents import render_contract_rules
    from data_pipeline.contracts.great_expectations_suite import great_expectations_suite
    from data_pipeline.contracts.render import duckdb_ddl, redshift_ddl

    contract = load_contract(name)
    if form == "rules":
        click.echo(render_contract_rules(contract), nl=False)
    elif form == "great-expectations":
        click.echo(json.dumps(great_expectations_suite(contract, source), indent=1, ensure_ascii=False))
    elif form == "dbt":
        for path, text in _dbt_files(contract).items():
            click.echo(f"-- {path}\n{text}")
    else:
        ddl = duckdb_ddl if form == "duckdb" else redshift_ddl
        click.echo(";\n\n".join(ddl(table) for table in _tables(contract)) + ";")


def _tables(contract: Contract) -> tuple[Table, ...]:
    from data_pipeline.contracts.arrow import staged_arrow_schema
    from data_pipeline.contracts.flatten import flatten_for_warehouse
    from data_pipeline.contracts.tables import WAREHOUSE_TABLES

    if contract.name == PRODUCT_EVENT_CONTRACT:
        return WAREHOUSE_TABLES
    return (flatten_for_warehouse(contract.name, staged_arrow_schema(contract)),)


def _dbt_files(contract: Contract) -> dict[str, str]:
    from data_pipeline.contracts.render_dbt import generated_files, staging_files

    tables = _tables(contract)
    return staging_files(tables) if contract.name == PRODUCT_EVENT_CONTRACT else generated_files(tables)


@command.command()
@click.option("--rows", type=click.IntRange(1), default=20_000, show_default=True, help="How many mutated rows.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same rows for the same seed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def agree(rows: int, seed: int, as_json: bool) -> None:
    """Judge mutated rows by the compiled and the exact engine, jsonschema and pandera; fail where they differ."""
    from data_pipeline.devstack.agreement.agree import Agreement
    from data_pipeline.devstack.agreement.agree import agree as compare

    shown = 0

    def report(so_far: Agreement) -> None:
        nonlocal shown
        click.echo(f"{so_far.rows:,} of {rows:,} rows, {so_far.disagreements.total():,} differ", err=True)
        for example in so_far.examples[shown:]:
            click.echo(f"  {example}", err=True)
        shown = len(so_far.examples)

    found = compare(rows, seed, report)
    result = {**asdict(found), "seed": seed}
    if as_json:
        click.echo(json.dumps(result, indent=1, ensure_ascii=False))
    else:
        click.echo(f"{found.rows:,} rows (seed {seed}): {found.accepted:,} accepted, {found.doubtful:,} left to the exact engine.")
        for rule, number in sorted(found.by_rule.items()):
            click.echo(f"  break {rule}: {number:,}")
        for oracle, number in found.asked.items():
            differ = sum(count for name, count in found.disagreements.items() if name.startswith(f"{oracle}:"))
            click.echo(f"{oracle}: asked about {number:,} rows, differs on {differ:,}.")
    if found.disagreements:
        sys.exit(1)
