"""The fast path: a compiled scanner that accepts rows which surely keep every rule.

Whatever it is not sure of goes to the exact path, which alone says why a row is rejected. So it may doubt too much, at
the price of time, but must never accept a row that breaks a rule, nor read a value as another one.

Belongs here: compiled reading of JSON into columns. Does not: reasons (`validation/exact/`).
"""
