"""The SQL of each question: pure builders, one module a group of pages, for DuckDB and Redshift alike.

Belongs here: what is asked of which mart. Does not: running it (`reader.py`), drawing it (`charts.py`).
"""
