"""Loading the lake into a warehouse: one interface, an adapter each for DuckDB and Redshift.

Belongs here: replacing a day in one transaction, DDL, drift between table and catalogue, SQL builders, dbt's arguments.
Does not: what the tables mean (`contracts/tables.py`), models on top of them (`dbt_project/`), Dagster.
"""

from data_pipeline.warehouse.interface import LoadedWindow, Rows, Warehouse
from data_pipeline.warehouse.open import open_warehouse

__all__ = ["LoadedWindow", "Rows", "Warehouse", "open_warehouse"]
