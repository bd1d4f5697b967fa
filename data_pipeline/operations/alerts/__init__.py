"""Alerts: what one says, who hears of it when, and by which channel.

Belongs here: the alert, the policy over its life, state, channels. Does not: finding out that something is wrong (`signals/`).
"""
