"""The price list: read, checked, and applied to an amount.

Belongs here: prices. Does not: amounts (`model.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from data_pipeline.common.errors import PermanentError

PRICES_FILE = Path(__file__).with_name("prices.yaml")


@dataclass(frozen=True)
class Price:
    """One line of the list.

    Attributes:
        name: such as `s3_standard_storage`.
        tiers: (amount up to which it holds, USD a unit); the last tier's amount is None.
        unit: what one of is meant, such as `GB-month`.
        source: where it was looked up.
    """

    name: str
    tiers: tuple[tuple[float | None, float], ...]
    unit: str
    source: str

    def usd(self, amount: float) -> float:
        """What an amount costs, tier by tier."""
        total, below = 0.0, 0.0
        for up_to, usd in self.tiers:
            here = amount - below if up_to is None else min(amount, up_to) - below
            if here <= 0:
                break
            total += here * usd
            below = up_to or amount
        return total


@dataclass(frozen=True)
class PriceList:
    """All prices of one region as of one day."""

    date: date
    region: str
    prices: Mapping[str, Price]

    def __getitem__(self, name: str) -> Price:
        if name not in self.prices:
            raise PermanentError(f"The price list has no '{name}'; add it to {PRICES_FILE.name}.")
        return self.prices[name]


def load_prices(path: Path = PRICES_FILE) -> PriceList:
    """Read a price list; PermanentError naming the price and what is wrong with it."""
    try:
        document: Any = yaml.safe_load(path.read_text())
        blocks = document["prices"]
        return PriceList(
            date.fromisoformat(str(document["date"])),
            str(document["region"]),
            {str(name): _read(path, str(name), block) for name, block in blocks.items()},
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise PermanentError(f"{path} is no price list ({error!r}); it needs date (2025-06-01), region and prices.") from error


def _read(path: Path, name: str, block: Any) -> Price:
    if not isinstance(block, dict) or not {"unit", "source"} <= set(block) or ("usd" in block) == ("tiers" in block):
        raise PermanentError(f"{path}: price '{name}' needs unit, source, and either usd or tiers.")
    tiers = [(None, block["usd"])] if "usd" in block else [(tier.get("up_to"), tier["usd"]) for tier in block["tiers"]]
    bounds = [float("inf") if up_to is None else up_to for up_to, _ in tiers]
    if bounds[-1] != float("inf") or bounds != sorted(set(bounds)):
        raise PermanentError(f"{path}: the tiers of '{name}' must ascend, and only the last has no `up_to`.")
    for _, usd in tiers:
        if isinstance(usd, bool) or not isinstance(usd, int | float) or usd < 0:
            raise PermanentError(f"{path}: price '{name}' is {usd!r}; give US dollars a unit, 0 or more.")
    return Price(name, tuple(tiers), str(block["unit"]), str(block["source"]))
