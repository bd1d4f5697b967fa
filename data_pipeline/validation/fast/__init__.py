"""The fast path: a compiled scanner that judges rows of which it is sure.

It stages rows that surely keep every rule and names every rule of rows that surely break some. Whatever it is not sure of
goes to the exact path. So it may doubt too much, at the price of time, but must never judge a row as the exact path would
not, nor read a value as another one.

Belongs here: compiled reading of JSON into columns and rules. Does not: the meaning of rules (`validation/exact/`).
"""
