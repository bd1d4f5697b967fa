"""`data-pipeline warehouse ddl|grants`: the SQL that sets a warehouse up, to read or to run by hand."""

from __future__ import annotations

import click


@click.group()
def command() -> None:
    """Print the SQL of the warehouse's tables and rights."""


@command.command()
@click.option("--dialect", type=click.Choice(["duckdb", "redshift"]), default="redshift", show_default=True, help="Engine.")
def ddl(dialect: str) -> None:
    """Print the tables, rendered from the catalogue; the loader makes them by itself."""
    from data_pipeline.contracts.render import duckdb_ddl, redshift_ddl
    from data_pipeline.contracts.tables import WAREHOUSE_TABLES

    render = redshift_ddl if dialect == "redshift" else duckdb_ddl
    click.echo("CREATE SCHEMA IF NOT EXISTS warehouse;")
    for table in WAREHOUSE_TABLES:
        click.echo(f"{render(table)};")


@command.command()
@click.option("--loader", default="loader_user", show_default=True, help="User that loads.")
@click.option("--transformer", default="transformer_user", show_default=True, help="User that runs dbt.")
def grants(loader: str, transformer: str) -> None:
    """Print the roles loader, transformer, analyst and finance with their rights, for Redshift."""
    from data_pipeline.warehouse.grants import Writers
    from data_pipeline.warehouse.grants import grants as statements

    for statement in statements(Writers(loader, transformer)):
        click.echo(f"{statement};")
