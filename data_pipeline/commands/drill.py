"""`data-pipeline drill …`: the list of drills, imported only when one is run.

Belongs here: names. Does not: what a drill does (`devstack/drills/`).
"""

from __future__ import annotations

import importlib

import click

DRILLS = {
    "kafka-down": ("kafka_down", "Stop a broker and fall behind; a receiver gets one alert each, and its recovery."),
    "kill-demo": ("kill_demo", "kill -9 the demo's pipeline at random moments; the result stays the same."),
    "kill-landing": ("kill_landing", "kill -9 landing at every step; raw stays byte for byte the same."),
    "s3-faults": ("s3_faults", "Break requests to S3 while an hour lands; nothing is lost or doubled."),
}


class _LazyDrills(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(DRILLS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in DRILLS:
            return None
        module = importlib.import_module(f"data_pipeline.devstack.drills.{DRILLS[cmd_name][0]}")
        drill: click.Command = module.command
        return drill

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Drills"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in DRILLS.items()])


@click.group(cls=_LazyDrills)
def command() -> None:
    """Break something on purpose and watch it heal."""
