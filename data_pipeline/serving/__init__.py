"""Serving: what people see. Published marts, the queries of each question, and the dashboards.

Belongs here: copying marts to the file that dashboards read, queries, charts, pages, exports.
Does not: models (`dbt_project/`), loading (`warehouse/`), Dagster assets (`orchestration/`).
"""
