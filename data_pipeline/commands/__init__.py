"""One module a command: reads settings, calls a stage, prints a table or JSON.

Belongs here: flags and printing. Does not: work that a stage or an asset does too.
"""
