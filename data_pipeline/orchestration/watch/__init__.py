"""The platform watches itself: facts gathered, checks run, alerts sent, by sensors and by `data-pipeline doctor`.

Belongs here: the wiring between settings, stages, Dagster's event log and `operations/`.
Does not: judging, wording, policy (`operations/`).
"""
