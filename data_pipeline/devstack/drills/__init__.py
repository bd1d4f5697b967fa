"""Drills: each breaks one thing of a stack of its own on purpose and shows that it heals.

Belongs here: one module a drill with its `command`; listed in `commands/drill.py`. Does not: tests (they are short).
"""
