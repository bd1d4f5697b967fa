"""The pages: one module each, with the function that draws it from a `PageContext`.

Belongs here: which numbers and charts answer a question. Does not: SQL (`queries/`), chart building (`charts.py`).
"""
