"""`data-pipeline drill …`: the list of drills, imported only when one is run.

Belongs here: names. Does not: what a drill does (`devstack/drills/`).
"""

from __future__ import annotations

import click

from data_pipeline.commands.lazy_group import LazyGroup, command_of

DRILLS = {
    "kafka-down": ("kafka_down", "Stop a broker and fall behind; a receiver gets one alert each, and its recovery."),
    "kill-demo": ("kill_demo", "kill -9 the demo's pipeline at random moments; the result stays the same."),
    "kill-landing": ("kill_landing", "kill -9 landing at every step; raw stays byte for byte the same."),
    "s3-faults": ("s3_faults", "Break requests to S3 while an hour lands; nothing is lost or doubled."),
    "surge": ("surge", "Let the surge policy meet a tenfold surge to 500,000 events/s; lag, cost and steadiness are kept."),
}


@click.group(
    cls=LazyGroup,
    sentences={name: sentence for name, (_, sentence) in DRILLS.items()},
    load=lambda name: command_of(f"data_pipeline.devstack.drills.{DRILLS[name][0]}"),
    heading="Drills",
)
def command() -> None:
    """Break something on purpose and watch it heal."""
