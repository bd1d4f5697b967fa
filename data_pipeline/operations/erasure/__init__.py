"""Erasure of a person: found in raw and staged, emptied in raw, made again downstream, purged, and searched for.

Belongs here: the steps, each safe to repeat, and their record. Does not: building what is downstream (given as functions).
"""
