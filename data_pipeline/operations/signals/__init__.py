"""Signals: pure functions from the platform's own records to alerts.

Belongs here: facts as data, one function a signal, the list of all. Does not: gathering facts (`orchestration/watch/`), sending alerts.
"""
