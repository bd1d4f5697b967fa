"""Staged rows → the lake's tables of a day, by Spark; and the audit tables of a day of arrival.

Belongs here: pure DataFrame functions, the day's build, what is out of date. Does not: dagster, settings, other stages.
"""

from data_pipeline.transforms.audit import build_audit_day, read_ingest_hours, read_rejections
from data_pipeline.transforms.day import BuiltDay, build_day
from data_pipeline.transforms.rebuilds import plan_rebuilds
from data_pipeline.transforms.stale import StaleDay, stale_days

__all__ = ["BuiltDay", "StaleDay", "build_audit_day", "build_day", "plan_rebuilds", "read_ingest_hours", "read_rejections", "stale_days"]
