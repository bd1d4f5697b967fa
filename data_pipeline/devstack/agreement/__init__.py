"""Do the compiled engine, the exact engine, jsonschema and pandera say the same of every row?

Belongs here: mutated rows, oracles, the comparison. Does not: the engine (`validation/`).
"""
