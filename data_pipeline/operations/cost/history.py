"""What a monthly budget buys of history: how many events a second for two years, and how many days at a volume.

Belongs here: turning the storage model round. Does not: the model itself (`model.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from data_pipeline.operations.cost.model import storage_lines
from data_pipeline.operations.cost.prices import PriceList
from data_pipeline.operations.cost.workload import Workload
from data_pipeline.operations.retention.rules import RetentionRule

HISTORY_DAYS = 730
_MOST_EVENTS_PER_S = 1e9
_MOST_DAYS = 36_500


@dataclass(frozen=True)
class HistoryChoice:
    """One way to keep history.

    Attributes:
        name: in words.
        rules: the stages that are kept, with their classes.
        trade_off: what it costs to live with.
    """

    name: str
    rules: tuple[RetentionRule, ...]
    trade_off: str


def history_choices(rules: Mapping[str, RetentionRule]) -> list[HistoryChoice]:
    """From what the rules say now to the least that still can be made whole again."""
    archive = replace(rules["raw"], classes={0: "STANDARD", 7: "DEEP_ARCHIVE"})
    return [
        HistoryChoice("all stages, as the rules say", tuple(rules[name] for name in ("raw", "staged", "quarantine", "lake")), "none"),
        HistoryChoice("raw and lake, as the rules say", (rules["raw"], rules["lake"]), "staged and quarantine are made again from raw"),
        HistoryChoice("raw, as the rules say", (rules["raw"],), "days older than the warehouse's are built again from raw"),
        HistoryChoice("raw, archived after a week", (archive,), "a day of the past is there after 12 to 48 hours of restore"),
    ]


def history_usd(workload: Workload, choice: HistoryChoice, prices: PriceList, days: int = HISTORY_DAYS) -> float:
    """A month's storage of that many days of history; a stage that its rule keeps for less than two years keeps to its rule."""

    def days_of(rule: RetentionRule) -> int:
        is_short = rule.keep_days is not None and rule.keep_days < HISTORY_DAYS
        return min(days, rule.keep_days) if is_short and rule.keep_days else days

    return sum(line.usd for rule in choice.rules for line in storage_lines(workload, rule, prices, days_of(rule)))


def events_per_s_for(budget_usd: float, workload: Workload, choice: HistoryChoice, prices: PriceList) -> int:
    """The largest average rate whose two years fit into the budget; 0 where not even one event a second does."""
    return _largest(lambda rate: history_usd(workload.at(rate), choice, prices) <= budget_usd, int(_MOST_EVENTS_PER_S))


def days_for(budget_usd: float, workload: Workload, choice: HistoryChoice, prices: PriceList) -> int:
    """The most days of history that fit into the budget at the workload's rate."""
    return _largest(lambda days: history_usd(workload, choice, prices, days) <= budget_usd, _MOST_DAYS)


def _largest(fits: Callable[[int], bool], most: int) -> int:
    """The largest whole number up to `most` that fits, where all below one that fits do too; by bisection."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
