"""Cost: against examples worked by hand, with the arithmetic written out."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.commands.cost import command
from data_pipeline.common.errors import PermanentError
from data_pipeline.operations.cost.history import days_for, events_per_s_for, history_choices, history_usd
from data_pipeline.operations.cost.model import Plan, monthly_cost
from data_pipeline.operations.cost.prices import Price, load_prices
from data_pipeline.operations.cost.savings import savings
from data_pipeline.operations.cost.workload import load_workload, measured_sizes, read_changes
from data_pipeline.operations.retention.rules import load_rules

PRICES = load_prices()
RULES = load_rules()


def workload(rate: float, **values: float):
    return load_workload(rate).with_values(values, "test")


def line(cost, stage: str, what: str):
    (found,) = [item for item in cost.lines if (item.stage, item.what) == (stage, what)]
    return found


def test_lambda_at_50_000_events_a_second_by_hand():
    # 50,000/s × 2,628,000 s = 131,400 million events; × 2 CPU s = 262,800 s; / 0.5 used = 525,600 vCPU s;
    # × 1.769 GB = 929,786.4 GB s; × 0.0000166667 USD = 15.4965 USD.
    plan = Plan(workload(50_000, land_cpu_s_per_million=2, cpu_utilisation=0.5, lambda_gb_per_vcpu=1.769), RULES)
    found = line(monthly_cost(plan, PRICES), "land", "landing chunks")
    assert found.amount == pytest.approx(929_786.4)
    assert found.usd == pytest.approx(15.4965, abs=0.0001)


def test_two_years_of_raw_at_10_000_events_a_second_by_hand():
    # A day: 10,000 × 86,400 × 80 B = 69,120,000,000 B = 64.3730 GB (2**30).
    # 30 days Standard: 1,931.19 GB × 0.023 = 44.417; 90 days Glacier IR: 5,793.57 GB × 0.004 = 23.174;
    # 610 days Deep Archive: 39,267.54 GB; its index: objects a day = 24 h × (96 partitions × 2 + 4 manifests) = 4,704,
    # (10,000 × 3,600 / 96 / 250,000 = 1.5 chunks, so 2), × 610 = 2,869,440 objects: 32 KiB = 87.568 GB there,
    # 8 KiB = 21.892 GB in Standard.
    cost = monthly_cost(Plan(workload(10_000, raw_bytes_per_event=80), RULES), PRICES)
    assert line(cost, "store raw", "STANDARD, 30 days").usd == pytest.approx(44.417, abs=0.01)
    assert line(cost, "store raw", "GLACIER_IR, 90 days").usd == pytest.approx(23.174, abs=0.01)
    assert line(cost, "store raw", "DEEP_ARCHIVE, 610 days").usd == pytest.approx((39_267.54 + 87.568) * 0.00099, abs=0.01)
    assert line(cost, "store raw", "index of DEEP_ARCHIVE").usd == pytest.approx(21.892 * 0.023, abs=0.001)
    # A month has 730 / 24 = 30.4167 days: 143,080 objects move each time.
    assert line(cost, "store raw", "moves to DEEP_ARCHIVE").usd == pytest.approx(143_080 * 0.00005, abs=0.001)


def test_tiers_by_hand():
    # 600,000 GB: 51,200 × 0.023 + 460,800 × 0.022 + 88,000 × 0.021 = 1,177.6 + 10,137.6 + 1,848.
    assert PRICES["s3_standard_storage"].usd(600_000) == pytest.approx(13_163.2)
    assert PRICES["s3_standard_storage"].usd(51_200) == pytest.approx(1_177.6)
    assert PRICES["s3_standard_storage"].usd(0) == 0


def test_sums_agree_and_a_billion_events_are_a_share_of_the_month():
    cost = monthly_cost(Plan(workload(10_000), RULES), PRICES)
    assert sum(cost.by("stage").values()) == pytest.approx(cost.usd)
    assert sum(cost.by("service").values()) == pytest.approx(cost.usd)
    # 10,000/s × 2,628,000 s = 26.28 billion events.
    assert cost.usd_per_billion == pytest.approx(cost.usd / 26.28)


@settings(deadline=None, max_examples=40)
@given(budget=st.floats(5, 5_000), rate=st.sampled_from([100, 10_000, 500_000]), which=st.integers(0, 3))
def test_a_budget_buys_what_fits_and_no_more(budget: float, rate: int, which: int):
    plan, choice = workload(rate), history_choices(RULES)[which]
    days = days_for(budget, plan, choice, PRICES)
    assert days == 0 or history_usd(plan, choice, PRICES, days) <= budget
    if days < 36_500:
        assert history_usd(plan, choice, PRICES, days + 1) > budget
    most = events_per_s_for(budget, plan, choice, PRICES)
    if most:
        assert history_usd(plan.at(most), choice, PRICES) <= budget < history_usd(plan.at(most + 1), choice, PRICES)


def test_savings_are_differences_of_the_same_model_largest_first():
    plan = Plan(workload(500_000), RULES)
    found = savings(plan, PRICES)
    assert [item.usd for item in found] == sorted((item.usd for item in found), reverse=True)
    assert len(found) >= 3
    assert all(item.trade_off for item in found)
    (zone,) = [item for item in found if "own zone" in item.what]
    # All that crosses zones: 500,000 × 2,628,000 × 130 B × 0.667 / 2**30 GB × 0.02 USD.
    assert zone.usd == pytest.approx(500_000 * 2_628_000 * 130 * 0.667 / 2**30 * 0.02)


def test_every_price_is_dated_and_says_where_it_comes_from():
    assert isinstance(PRICES.date, date)
    assert PRICES.region
    assert all(price.source.startswith("https://") and price.unit for price in PRICES.prices.values())


def test_measured_sizes_are_bytes_an_event():
    assert measured_sizes({"raw": 1_000, "lake": 500}, 10) == {"raw_bytes_per_event": 100, "lake_bytes_per_event": 50}
    with pytest.raises(PermanentError, match="hold no rows"):
        measured_sizes({"raw": 0}, 0)


@pytest.mark.parametrize("text", ["raw_bytes_per_event", "raw_bytes_per_event=", "x=y"])
def test_a_change_that_is_none_is_refused(text: str):
    with pytest.raises(PermanentError, match="write name=number"):
        read_changes([text])


def test_the_command_prints_the_usual_volumes_and_warns_of_a_broken_budget(tmp_path: Path):
    done = CliRunner().invoke(command, ["--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert [plan["events_per_s"] for plan in document["plans"]] == [10_000, 50_000, 500_000]
    assert all(len(plan["savings"]) == 3 for plan in document["plans"])
    assert document["warnings"]
    over = CliRunner().invoke(command, ["--events-per-second", "50000", "--budget", "1000"])
    assert over.exit_code == 1
    assert "above the budget of 1,000" in over.stderr
    within = CliRunner().invoke(command, ["--events-per-second", "100", "--budget", "1000", "--history-budget", "200"])
    assert within.exit_code == 0, within.output
    changed = tmp_path / "prices.yaml"
    changed.write_text("date: 2025-06-01\nregion: x\nprices: {a: {usd: -1, unit: GB, source: s}}\n")
    with pytest.raises(PermanentError, match="'a' is -1"):
        CliRunner().invoke(command, ["--prices", str(changed)], catch_exceptions=False)


def test_a_price_with_tiers_never_falls_in_sum():
    price = Price("x", ((10.0, 2.0), (None, 1.0)), "GB", "s")
    assert [price.usd(amount) for amount in (5, 10, 11)] == [10, 20, 21]
