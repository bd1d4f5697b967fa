"""`data-pipeline …`: finds the command, runs it, and turns a failure into one sentence and an exit code.

Belongs here: the list of commands and how errors are shown. Does not: what a command does (`commands/`).
"""

from __future__ import annotations

import sys

import click

from data_pipeline.commands.lazy_group import LazyGroup, command_of
from data_pipeline.common.errors import PipelineError, TransientError

EXIT_TROUBLE = 1
EXIT_TRY_AGAIN = 75
"""The BSD code for a temporary failure: the same command may succeed later."""

COMMANDS = {
    "land": "Land an hour or a day of a source from Kafka into raw.",
    "prove": "Show for each hour that landed plus control records equals the offsets.",
    "lag": "Show how far landing is behind Kafka, in seconds and offsets.",
    "contracts": "Check that a contract's change is compatible; render its rules.",
    "check": "Validate files with the rules of the contract, without Kafka or S3.",
    "accept": "Accept findings of a window, or make its level the norm.",
    "replay": "Judge quarantined rows again by the present rules.",
    "doctor": "Check a whole deployment, and say what repairs it.",
    "alerts": "Show, acknowledge and send alerts.",
    "metrics": "Print or serve metrics in Prometheus' format.",
    "cost": "Price a month by service and stage, history and savings.",
    "retention": "Plan and apply retention; hold days; restore from an archive.",
    "forget": "Erase a person from every stage, and prove it.",
    "generate": "Send generated or real sample events to Kafka.",
    "stack": "Start, stop and show the local stack.",
    "demo": "Run the whole path on a day of sample events.",
    "warehouse": "Print the SQL of the warehouse's tables and rights.",
    "archive": "Move days older than two years out of the warehouse, and back.",
    "package": "Package the Spark job for a cluster or EMR Serverless.",
    "docs": "Render the documents that are made from code.",
    "bench": "Measure a stage beside its peers.",
    "drill": "Break something on purpose and watch it heal.",
}


@click.group(
    cls=LazyGroup,
    sentences=COMMANDS,
    load=lambda name: command_of(f"data_pipeline.commands.{name}"),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="data-pipeline")
def cli() -> None:
    """Kafka to dashboards, with a proof for every hour."""


def main() -> None:
    """Entry point of the console script."""
    try:
        cli()
    except PipelineError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(EXIT_TRY_AGAIN if isinstance(error, TransientError) else EXIT_TROUBLE)


if __name__ == "__main__":
    main()
