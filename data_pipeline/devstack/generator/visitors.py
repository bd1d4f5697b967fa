"""Who comes: visitors that return and fade away, and the accounts that some of them have.

Belongs here: choice and identity of visitors. Does not: what they do (`sessions.py`).
"""

from __future__ import annotations

import numpy as np

from data_pipeline.devstack.generator.hashing import I64, U64, hash64, unit
from data_pipeline.devstack.generator.pools import PROFILE_COUNT
from data_pipeline.devstack.generator.rhythm import Traffic

NEW_VISITOR_SHARE = 0.04
"""New visitors of a day for each of its events."""
_MEAN_AGE_DAYS = 12.0
_ACCOUNT_SHARE = 0.35
_EPOCH_HOUR = 438_288
"""2020-01-01, in hours since 1970: visitor 0 came then."""
NO_ONE = -1


def choose_visitors(traffic: Traffic, source: str, hour_numbers: I64, hashes: U64) -> I64:
    """A visitor for each hash: recent ones often, old ones seldom, so that retention decays."""
    new_a_day = traffic.events_per_day[source] * NEW_VISITOR_SHARE
    newest = (hour_numbers - _EPOCH_HOUR) / 24.0
    age = -np.log1p(-unit(hashes)) * _MEAN_AGE_DAYS
    return np.maximum((newest - age) * new_a_day, 0.0).astype(np.int64)


def accounts_of(traffic: Traffic, visitors: I64, share: float = _ACCOUNT_SHARE) -> I64:
    """The account number of each visitor, or NO_ONE. Visitors of equal number on two sources are one person."""
    has_account = unit(hash64(traffic.key("account"), visitors)) < share
    return np.where(has_account, visitors % 100_000_000, NO_ONE)


def profiles_of(traffic: Traffic, source: str, visitors: I64) -> I64:
    """The device of each visitor, as a number into the source's pool."""
    return (hash64(traffic.key("profile", source), visitors) % np.uint64(PROFILE_COUNT)).astype(np.int64)
