"""Ways to pay less: each is the same plan with one change, priced by the same model, with what it costs to live with.

Belongs here: the changes and their trade-offs. Does not: the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from data_pipeline.operations.cost.model import Plan, monthly_cost
from data_pipeline.operations.cost.prices import PriceList


@dataclass(frozen=True)
class Saving:
    """One change.

    Attributes:
        what: in words.
        usd: US dollars a month less.
        trade_off: what one gives up.
    """

    what: str
    usd: float
    trade_off: str


def savings(plan: Plan, prices: PriceList) -> list[Saving]:
    """All changes that save something, largest first; each is priced alone, and sums of several may overlap."""
    now = monthly_cost(plan, prices).usd
    found = [Saving(what, now - monthly_cost(change(plan), prices).usd, trade_off) for what, trade_off, change in _changes()]
    return sorted((saving for saving in found if saving.usd > 0.005), key=lambda saving: -saving.usd)


def _changes() -> Iterator[tuple[str, str, Callable[[Plan], Plan]]]:
    yield (
        "Let Redshift hold 13 months, and keep older days in the lake only",
        "questions about older days read the lake by Spectrum: slower, 5 USD a TB scanned",
        lambda plan: replace(plan, warehouse_days=min(plan.warehouse_days, 396)),
    )
    yield (
        "Keep staged for 35 days instead of 90",
        "a repair of an older day validates its raw hours first",
        lambda plan: replace(plan, rules={**plan.rules, "staged": replace(plan.rules["staged"], keep_days=35)}),
    )
    yield (
        "Move raw to Deep Archive after 7 days",
        "a repair of an older day waits 12 to 48 hours for the restore, and 180 days are billed at least",
        lambda plan: replace(plan, rules={**plan.rules, "raw": replace(plan.rules["raw"], classes={0: "STANDARD", 7: "DEEP_ARCHIVE"})}),
    )
    yield (
        "Move the lake to Glacier Instant Retrieval after 60 days",
        "building an older day again pays 0.03 USD a GB read",
        lambda plan: replace(plan, rules={**plan.rules, "lake": replace(plan.rules["lake"], classes={0: "STANDARD", 60: "GLACIER_IR"})}),
    )
    yield (
        "Run Lambda, Fargate and EMR on arm64",
        "images and wheels have to be built and tested for arm64",
        lambda plan: replace(plan, architecture="arm"),
    )
    yield (
        "Validate on Fargate Spot",
        "a task may be ended with two minutes' notice; Dagster runs the hour again",
        lambda plan: replace(plan, is_spot=True),
    )
    yield (
        "Read Kafka in the own zone (client.rack, follower fetching)",
        "brokers need replica.selector.class; followers lag their leader by some milliseconds",
        lambda plan: replace(plan, workload=plan.workload.with_values({"cross_zone_share": 0.0}, "follower fetching")),
    )
