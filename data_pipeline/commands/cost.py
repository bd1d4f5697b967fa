"""`data-pipeline cost`: what a month costs, what a budget buys of history, and where to save.

Belongs here: options, output, measuring volumes off the manifests. Does not: the model (`operations/cost/`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.sources import load_sources
from data_pipeline.common.windows import hours_of_day, parse_day
from data_pipeline.operations.cost.history import HISTORY_DAYS, HistoryChoice, days_for, events_per_s_for, history_choices, history_usd
from data_pipeline.operations.cost.model import MonthlyCost, Plan, monthly_cost
from data_pipeline.operations.cost.prices import PRICES_FILE, PriceList, load_prices
from data_pipeline.operations.cost.savings import Saving, savings
from data_pipeline.operations.cost.workload import SIZES, Workload, load_workload, measured_sizes, read_changes
from data_pipeline.operations.retention.rules import RULES_FILE, load_rules
from data_pipeline.settings import Settings

EXIT_OVER_BUDGET = 1
USUAL_RATES = (10_000.0, 50_000.0, 500_000.0)
HISTORY_BUDGET_USD = 200.0
_SAVINGS_SHOWN = 3


@dataclass(frozen=True)
class _Priced:
    """One plan with everything that is said about it."""

    plan: Plan
    cost: MonthlyCost
    savings: list[Saving]
    choices: list[HistoryChoice]

    @property
    def workload(self) -> Workload:
        return self.plan.workload


@click.command()
@click.option("--events-per-second", "rates", type=float, multiple=True, help="Average of the month; repeat it.  [default: 10k, 50k, 500k]")
@click.option("--measure", "measure_day", metavar="DAY", help="Take sizes of an event from the manifests of that day, 2026-03-14.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Replace a value of workload.yaml; repeat it.")
@click.option("--arm", is_flag=True, help="Price Lambda, Fargate and EMR on arm64.")
@click.option("--prices", "prices_file", type=click.Path(path_type=Path), default=PRICES_FILE, help="Another price list.")
@click.option("--rules", "rules_file", type=click.Path(path_type=Path), default=RULES_FILE, help="Other retention rules.")
@click.option("--budget", type=float, help="US dollars a month that a plan may cost in all; exit code 1 where one is above.")
@click.option(
    "--history-budget", type=float, help=f"US dollars a month for two years of history; as --budget.  [shown: {HISTORY_BUDGET_USD:g}]"
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    rates: tuple[float, ...],
    measure_day: str | None,
    changes: tuple[str, ...],
    arm: bool,
    prices_file: Path,
    rules_file: Path,
    budget: float | None,
    history_budget: float | None,
    as_json: bool,
) -> None:
    """A month's cost by service and stage, a billion events' cost, what history a budget buys, and the largest savings.

    Prices, workload and retention rules are data: operations/cost/prices.yaml, workload.yaml and operations/retention/rules.yaml.
    """
    prices, rules = load_prices(prices_file), load_rules(rules_file)
    missing = sorted(set(SIZES) - set(rules))
    if missing:
        raise PermanentError(f"{rules_file} has no rule for {', '.join(missing)}; cost needs one for each of {', '.join(SIZES)}.")
    workload = load_workload(1.0)
    if measure_day:
        workload = workload.with_values(_measure(measure_day), f"measured: manifests of {measure_day}")
    workload = workload.with_values(read_changes(changes), "given by --set")
    plans = [Plan(workload.at(rate), rules, "arm" if arm else "x86") for rate in rates or USUAL_RATES]
    priced = [_Priced(plan, monthly_cost(plan, prices), savings(plan, prices), history_choices(rules)) for plan in plans]
    limit = HISTORY_BUDGET_USD if history_budget is None else history_budget
    warnings = [sentence for item in priced for sentence in _warnings(item, prices, budget, limit)]
    if as_json:
        click.echo(json.dumps(_to_json(priced, prices, limit, warnings), indent=1))
    else:
        _print(priced, prices, limit)
        for sentence in warnings:
            click.echo(f"warning: {sentence}", err=True)
    if warnings and (budget is not None or history_budget is not None):
        raise SystemExit(EXIT_OVER_BUDGET)


def _measure(day_text: str) -> dict[str, float]:
    from data_pipeline.contracts.tables import WAREHOUSE_TABLES
    from data_pipeline.operations.manifests import HOUR_STAGES, read_hours, read_lake_days

    settings = Settings.from_env()
    store, day = settings.object_store(), parse_day(day_text)
    hours = read_hours(store, load_sources(settings.sources_file), hours_of_day(day))
    lake = read_lake_days(store, [table.name for table in WAREHOUSE_TABLES], [day])
    sizes = {stage: sum(m.size_bytes for h in hours if (m := getattr(h, stage)) is not None) for stage in HOUR_STAGES}
    sizes["lake"] = sum(manifest.size_bytes for manifest in lake.values())
    return measured_sizes(sizes, sum(h.raw.row_count for h in hours if h.raw is not None))


def _warnings(item: _Priced, prices: PriceList, budget: float | None, history_budget: float) -> list[str]:
    found = []
    rate = f"{item.workload.events_per_s:,.0f} events/s"
    if budget is not None and item.cost.usd > budget:
        found.append(f"{rate} cost {item.cost.usd:,.0f} USD a month, {item.cost.usd - budget:,.0f} above the budget of {budget:,.0f}.")
    two_years = [(history_usd(item.workload, choice, prices), choice) for choice in item.choices]
    if two_years[0][0] > history_budget:
        fits = next((choice.name for usd, choice in two_years if usd <= history_budget), None)
        advice = (
            f"'{fits}' would fit."
            if fits
            else f"No way of keeping two years fits; the cheapest is {min(usd for usd, _ in two_years):,.0f}."
        )
        found.append(f"Two years of history at {rate} cost {two_years[0][0]:,.0f} USD a month, above {history_budget:,.0f}. {advice}")
    return found


def _print(priced: list[_Priced], prices: PriceList, history_budget: float) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    console.print(f"Prices of {prices.region} as of {prices.date} (list, on demand, without taxes). US dollars a month.")
    for attribute in ("stage", "service"):
        table = Table(attribute, title=f"A month by {attribute}")
        for item in priced:
            table.add_column(f"{item.workload.events_per_s:,.0f}/s", justify="right")
        sums = [item.cost.by(attribute) for item in priced]
        for name in sums[-1]:
            table.add_row(name, *(f"{by.get(name, 0.0):,.2f}" for by in sums))
        table.add_section()
        table.add_row("all", *(f"{item.cost.usd:,.2f}" for item in priced))
        table.add_row("a billion events", *(f"{item.cost.usd_per_billion:,.2f}" for item in priced))
        console.print(table)
    history = Table("history kept", title=f"What {history_budget:,.0f} USD a month buy of history")
    history.add_column("events/s for two years", justify="right")
    for item in priced:
        history.add_column(f"days at {item.workload.events_per_s:,.0f}/s", justify="right")
    history.add_column("trade-off", overflow="fold")
    for number, choice in enumerate(priced[0].choices):
        days = [days_for(history_budget, item.workload, item.choices[number], prices) for item in priced]
        most = events_per_s_for(history_budget, priced[0].workload, choice, prices)
        history.add_row(choice.name, f"{most:,}", *(f"{n:,}" for n in days), choice.trade_off)
    console.print(history)
    for item in priced:
        table = Table("saving", title=f"Largest savings at {item.workload.events_per_s:,.0f} events/s")
        table.add_column("USD a month", justify="right")
        table.add_column("trade-off", overflow="fold")
        for saving in item.savings[:_SAVINGS_SHOWN]:
            table.add_row(saving.what, f"{saving.usd:,.2f}", saving.trade_off)
        console.print(table)


def _to_json(priced: list[_Priced], prices: PriceList, history_budget: float, warnings: list[str]) -> dict[str, Any]:
    return {
        "prices": {"date": prices.date.isoformat(), "region": prices.region},
        "history_budget_usd": history_budget,
        "warnings": warnings,
        "plans": [
            {
                "events_per_s": item.workload.events_per_s,
                "usd_a_month": item.cost.usd,
                "usd_a_billion_events": item.cost.usd_per_billion,
                "by_stage": item.cost.by("stage"),
                "by_service": item.cost.by("service"),
                "lines": [vars(line) for line in item.cost.lines],
                "savings": [vars(saving) for saving in item.savings[:_SAVINGS_SHOWN]],
                "history": [
                    {
                        "kept": choice.name,
                        "usd_a_month_for_two_years": history_usd(item.workload, choice, prices, HISTORY_DAYS),
                        "events_per_s_for_two_years": events_per_s_for(history_budget, item.workload, choice, prices),
                        "days": days_for(history_budget, item.workload, choice, prices),
                        "trade_off": choice.trade_off,
                    }
                    for choice in item.choices
                ],
                "workload": {name: {"value": value, "basis": item.workload.basis[name]} for name, value in item.workload.values.items()},
            }
            for item in priced
        ],
    }
