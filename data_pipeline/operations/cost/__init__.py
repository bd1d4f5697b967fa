"""What the platform costs: prices and assumptions as data, a month as lines of quantity times price.

Belongs here: the model, its data files, savings, and what a budget buys. Pure: no bill is fetched, no bucket is read.
Does not: gathering volumes from a deployment (`commands/cost.py`).
"""
