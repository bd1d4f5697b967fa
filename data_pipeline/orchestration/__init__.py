"""Dagster: assets, checks, jobs, schedules and sensors around the pure stages.

Belongs here: everything that imports dagster. Does not: work that can be done without it.
"""
