"""What every stage shares: errors, time windows, object store, manifest.

Belongs here: small, pure vocabulary that two or more stages need.
Does not: anything that knows one stage, reads the environment, or imports dagster.
"""
