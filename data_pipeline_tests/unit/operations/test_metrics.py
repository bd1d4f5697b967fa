"""Metrics: parsed by Prometheus' own parser; rules and dashboard ask only for metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from data_pipeline.operations.metrics.exposition import expose
from data_pipeline.operations.metrics.rules import render_dashboard, render_rules
from data_pipeline.operations.signals.checks import CHECKS, run_checks
from data_pipeline.operations.signals.facts import CostFact, DiskFact, ExpiryFact, Facts, Limits
from data_pipeline.settings import PROJECT_ROOT
from data_pipeline_tests.unit.operations.facts_of import NOW, healthy, lag

_METRIC = re.compile(r"data_pipeline_[a-z_]+")


def whole() -> Facts:
    """Facts that give every metric a sample."""
    return healthy(
        lags=(lag(lag_s=90.0, offsets_behind=5, retention_left_s=3600.0),),
        disks=(DiskFact("/data", 50, 100),),
        expiries=(ExpiryFact("certificate", "Kafka", NOW + timedelta(days=9)),),
        cost=CostFact(10.0, 20.0, 1.0),
    )


def samples(facts: Facts) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = expose(facts, run_checks(facts, Limits())).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_values_are_those_of_the_facts():
    found = samples(whole())
    where = (("partition", "3"), ("source", "web"))
    assert found["data_pipeline_lag_seconds", where] == 90
    assert found["data_pipeline_offsets_behind", where] == 5
    assert found["data_pipeline_check_ok", (("check", "kafka_lag"),)] == 0
    assert found["data_pipeline_check_ok", (("check", "ledger_broken"),)] == 1
    assert found["data_pipeline_alerts", (("check", "kafka_lag"), ("severity", "page"))] == 1
    assert found["data_pipeline_rejected_ratio", (("rule", "json"), ("source", "web"))] == pytest.approx(0.01)
    assert found["data_pipeline_newest_hour_rows", (("source", "web"), ("stage", "staged"))] == 99
    assert {name for name, _ in found} == _names(whole())


def _names(facts: Facts) -> set[str]:
    return {family.name for family in text_string_to_metric_families(expose(facts, run_checks(facts, Limits())).decode())}


def test_what_could_not_be_looked_at_has_no_sample():
    found = samples(replace(healthy(), lags=(), brokers=None))
    assert not any(name == "data_pipeline_lag_seconds" for name, _ in found)


def test_rules_hold_every_check_with_its_runbook_and_ask_for_metrics_that_exist():
    (group,) = yaml.safe_load(render_rules())["groups"]
    exposed = _names(whole())
    for rule in group["rules"]:
        assert set(_METRIC.findall(rule["expr"])) <= exposed
        assert (PROJECT_ROOT / rule["annotations"]["runbook"]).exists()
        assert rule["labels"]["severity"] in {"page", "ticket"}
    assert {kind for kind in CHECKS if any(f'check="{kind}"' in rule["expr"] for rule in group["rules"])} == set(CHECKS)


def test_the_dashboard_asks_for_metrics_that_exist_and_its_panels_do_not_overlap():
    dashboard = json.loads(render_dashboard())
    places = set()
    for panel in dashboard["panels"]:
        assert set(_METRIC.findall(panel["targets"][0]["expr"])) <= _names(whole())
        places.add((panel["gridPos"]["x"], panel["gridPos"]["y"]))
    assert len(places) == len(dashboard["panels"]) == len({panel["id"] for panel in dashboard["panels"]})


def test_prometheus_own_linter_takes_the_rules():
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (package prometheus); the test above parses the rules")
    done = subprocess.run(
        [promtool, "check", "rules", str(PROJECT_ROOT / "deploy" / "prometheus-rules.yaml")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr + done.stdout
