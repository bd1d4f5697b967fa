"""Faults that are put into clean windows to see whether they are found.

Belongs here: faults of whole windows, on events as JSON values. Does not: finding them, faults of single rows.
"""
