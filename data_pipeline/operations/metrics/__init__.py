"""Metrics: what a look at the platform found, in Prometheus' format; its alerting rules, and a Grafana dashboard.

Belongs here: names, rules, the dashboard. Does not: gathering facts, serving over HTTP (`commands/metrics.py`).
"""
