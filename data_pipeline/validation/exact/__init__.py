"""The exact path: row by row, every rule as the contract words it, all broken rules of a row.

Belongs here: strict JSON, keywords, rules, content hash, in plain Python. Does not: speed (`validation/fast/`).
"""
