"""Prometheus' alerting rules and the Grafana dashboard, rendered from the list of checks so that none is forgotten.

The files `deploy/prometheus-rules.yaml` and `deploy/grafana-dashboard.json` are written by `data-pipeline docs`.
Belongs here: these two documents. Does not: metrics (`exposition.py`).
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from data_pipeline.operations.signals.checks import CHECKS
from data_pipeline.operations.signals.facts import Limits

_HEADER = "# Rendered from data_pipeline/operations/metrics/rules.py by `data-pipeline docs`; do not edit.\n"
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH, _HEIGHT, _COLUMNS = 8, 7, 3


def render_rules() -> str:
    """For each check a rule that wakes somebody and one that can wait; one for lag itself; one for when nobody looks any more."""
    rules: list[dict[str, Any]] = [
        _rule(
            "KafkaLag",
            f"max by (source) (data_pipeline_lag_seconds) > {Limits().lag_s:g}",
            "30s",
            "page",
            "{{ $labels.source }} is {{ $value | humanizeDuration }} behind Kafka",
            "kafka_lag",
        ),
        _rule(
            "NobodyLooks",
            "time() - data_pipeline_look_timestamp_seconds > 300 or absent(data_pipeline_look_timestamp_seconds)",
            "1m",
            "page",
            "data-pipeline metrics has not looked at the platform for five minutes",
            "dagster_down",
        ),
    ]
    for kind in CHECKS:
        name = "".join(part.capitalize() for part in kind.split("_"))
        pages = f'sum by (check) (data_pipeline_alerts{{check="{kind}",severity="page"}}) > 0'
        rules.append(_rule(f"Page{name}", pages, "15s", "page", "{{ $labels.check }} has {{ $value }} alerts", kind))
        not_green = f'data_pipeline_check_ok{{check="{kind}"}} == 0'
        rules.append(_rule(f"NotGreen{name}", not_green, "5m", "ticket", "{{ $labels.check }} is not green", kind))
    return _HEADER + yaml.safe_dump({"groups": [{"name": "data-pipeline", "interval": "15s", "rules": rules}]}, sort_keys=False, width=120)


def render_dashboard() -> str:
    """The dashboard as Grafana imports it."""
    panels = [
        _panel("Checks that are not green", "sum(1 - data_pipeline_check_ok)", "short", "stat"),
        _panel("Lag by source", "max by (source) (data_pipeline_lag_seconds)", "s"),
        _panel("Records that arrive", "sum by (source) (data_pipeline_arrival_records_per_second)", "cps"),
        _panel("Offsets behind", "sum by (source) (data_pipeline_offsets_behind)", "short"),
        _panel("Time until retention deletes", "min by (source) (data_pipeline_retention_left_seconds)", "s"),
        _panel("Age of the newest hour", "time() - max by (source, stage) (data_pipeline_newest_hour_timestamp_seconds)", "s"),
        _panel("Rows of the newest hour", "data_pipeline_newest_hour_rows", "short"),
        _panel("Rejected by rule", "data_pipeline_rejected_ratio", "percentunit"),
        _panel("Days that are not up to date", "data_pipeline_stale_lake_partitions", "short", "stat"),
        _panel("Runs", "data_pipeline_runs", "short"),
        _panel("Free disk", "data_pipeline_disk_free_bytes / data_pipeline_disk_size_bytes", "percentunit"),
        _panel("Cost of a month", "data_pipeline_cost_usd_per_month", "currencyUSD", "stat"),
    ]
    for number, panel in enumerate(panels):
        panel["id"] = number + 1
        panel["gridPos"] = {"w": _WIDTH, "h": _HEIGHT, "x": number % _COLUMNS * _WIDTH, "y": number // _COLUMNS * _HEIGHT}
    document = {
        "uid": "data-pipeline",
        "title": "Data pipeline",
        "tags": ["data-pipeline"],
        "timezone": "utc",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus", "current": {}}]},
        "panels": panels,
    }
    return json.dumps(document, indent=1) + "\n"


def _rule(name: str, expression: str, lasting: str, severity: str, summary: str, runbook: str) -> dict[str, Any]:
    return {
        "alert": name,
        "expr": expression,
        "for": lasting,
        "labels": {"severity": severity},
        "annotations": {"summary": summary, "runbook": f"docs/runbooks/{runbook}.md"},
    }


def _panel(title: str, expression: str, unit: str, kind: str = "timeseries") -> dict[str, Any]:
    return {
        "title": title,
        "type": kind,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": [{"refId": "A", "datasource": _SOURCE, "expr": expression}],
    }
