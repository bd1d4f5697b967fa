"""The assets, one module a stage, in the order of the flow.

Belongs here: asset bodies of three moves: read the partition, call one function, report its outcome.
Does not: the work itself.
"""
