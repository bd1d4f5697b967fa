"""Judging a window: from its profile and its history to findings.

Belongs here: which tests run and how their scores become findings. Does not: the tests, thresholds and storage.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import polars as pl

from data_pipeline.common.object_store import ObjectStore
from data_pipeline.validation.history import cells
from data_pipeline.validation.history.cells import CUTOFF, GROUP
from data_pipeline.validation.history.explain import Suspect, explain
from data_pipeline.validation.history.fields import ROW_FIELDS, Kind
from data_pipeline.validation.history.finding import ROWS, Finding, Severity, worst_first
from data_pipeline.validation.history.history import ProfileHistory, by_check, settle
from data_pipeline.validation.history.judge_orders import count_unknown_refunds, judge_orders
from data_pipeline.validation.history.judge_sketches import sketched_shares
from data_pipeline.validation.history.judge_unknown import judge_unknown_fields
from data_pipeline.validation.history.judge_volume import judge_volume
from data_pipeline.validation.history.matrix import Shares, at_quantiles, groups_of, line_up, new_values
from data_pipeline.validation.history.profile import Profile
from data_pipeline.validation.history.statistics import Bools, Floats, score
from data_pipeline.validation.history.store import load_history, load_orders, save_orders, save_profile
from data_pipeline.validation.history.thresholds import (
    CHECK_ALPHA,
    LARGE_CHANGE,
    MIN_WINDOWS,
    MIX_Z,
    POLICIES,
    PRIOR_DISPERSION,
    SHORT_CHANGE,
    SHORT_WINDOWS,
    VISITS_OF_A_CHANGE,
    Z_ERROR,
    Policy,
    Side,
)

_BINNED = ("number", "clock_lag", "length", "rows_per_visitor")
_IDENTIFIERS = frozenset(field.path for field in ROW_FIELDS if field.kind is Kind.IDENTIFIER)
_MIXES = ("category_share", "arrival_hour", "occurred_hour", "pair_share", "step_order")
_MIX_COUNT = 5.0
"""Rows that a share of a mix must have, seen or expected."""
_OF_LATE = {"refund_unknown": 7}
"""Checks that know more the longer the history is, and the number of last windows that they are compared with."""
_OF_A_VISITOR = ("context.", "campaign", "user_id", "anonymous_id", "sent_at", "occurred_at", "received_at", "page.referrer")
"""Fields that rows of one visit share: a single visit moves all its rows together."""
_OF_DAYS = ("arrival_hour", "occurred_hour")
"""Checks that need a whole day."""
_OF_SIZE = ("distinct", "rows_per_visitor", "repeated_rows")
_SAME_SIZE = 1.25
"""Checks whose shares depend on the number of rows, and the factor up to which windows are of one size."""
_SEPARATE = ("unknown_field", "mix")
"""Checks whose shares are judged elsewhere."""
_WITH_NEW_VALUES = ("category_share", "pair_share", "shape")


def judge_window(store: ObjectStore, profile: Profile, orders: pl.DataFrame) -> list[Finding]:
    """Judge a window by its history in a store, then add it to that history in place of what it said before.

    Args:
        store: a bucket or a directory.
        profile: of the window, from `build_profile` or `ProfileBuilder.finish`.
        orders: of the window, from the same.

    Returns:
        Findings, errors first. The window under test never takes part in its own history.

    Raises:
        PermanentError: something in the history cannot be read; the history is then as it was.
    """
    history = load_history(store, profile.source, profile.window)
    # Reading all orders is the dearest part of judging: a window without any needs none.
    seen = load_orders(store, profile.source, profile.window) if orders.height else orders
    unknown = count_unknown_refunds(orders, seen)
    profile = replace(profile, cells=cells.add([profile.cells, unknown]))
    findings = worst_first([*find_in_window(profile, history), *judge_orders(orders, seen)])
    save_orders(store, profile.source, profile.window, orders)
    save_profile(store, replace(profile, findings=tuple(findings)))
    return settle(findings, history.acceptances.get(profile.window, ()))


def find_in_window(profile: Profile, history: ProfileHistory) -> list[Finding]:
    """What is unusual about a window beside its history; pure."""
    findings = judge_unknown_fields(profile, history)
    if history.is_too_short:
        findings.append(_too_short(history))
        if history.window_count >= SHORT_WINDOWS:
            gross = [suspect for suspect in _suspects(profile, history) if _is_gross(suspect)]
            findings += [replace(finding, severity=Severity.WARN) for finding in explain(gross, profile)]
        return worst_first(findings)
    findings += judge_volume(profile, history)
    # A window whose rows were all rejected has nothing but its share of rejected rows, which is the finding.
    findings += explain(_suspects(profile, history), profile)
    return worst_first(findings if history.is_seasonal else map(_not_blocking, findings))


def _not_blocking(finding: Finding) -> Finding:
    """The finding as a warning: what other hours of the day are like is no ground to stop anything."""
    return replace(finding, severity=Severity.WARN) if finding.severity is Severity.ERROR else finding


def _is_gross(suspect: Suspect) -> bool:
    """Whether a change is beyond all that a day of another kind could explain."""
    return abs(suspect.z) >= Z_ERROR and abs(suspect.observed - suspect.expected) >= SHORT_CHANGE


def _too_short(history: ProfileHistory) -> Finding:
    return Finding(
        check="history",
        field=ROWS,
        severity=Severity.INFO,
        observed=f"{history.window_count} comparable windows",
        expected=f"at least {MIN_WINDOWS}",
        message=f"The history of {history.source} before {history.window} is too short to judge drift: "
        f"{history.window_count} comparable windows, {MIN_WINDOWS} are needed."
        + (" Only gross changes are looked for." if history.window_count >= SHORT_WINDOWS else ""),
    )


def _suspects(profile: Profile, history: ProfileHistory) -> list[Suspect]:
    usable = history.usable
    found: list[Suspect] = []
    for check, mine in by_check(profile).items():
        if check in _SEPARATE or check not in POLICIES or (check in _OF_DAYS and not profile.window.is_day):
            continue
        past = [each.get(check, cells.empty()) for each in history.cells_by_check]
        lined = line_up(check, mine, past)
        found += _judge_shares(at_quantiles(lined, usable) if check in _BINNED else lined, history, profile.rows_staged)
        if check in _WITH_NEW_VALUES:
            complete = _complete_groups([mine, *past])
            new = new_values(check, mine.join(complete, on=GROUP, how="semi"), past, usable)
            found += _judge_shares(new, history, profile.rows_staged)
    for shares in sketched_shares(profile, history):
        found += _judge_shares(shares, history, profile.rows_staged)
    return found


def _complete_groups(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Groups that no window had to cut."""
    every = pl.concat(frames)
    return every.group_by(GROUP).agg((pl.col("key") == CUTOFF).any().alias("cut")).filter(~pl.col("cut")).select(GROUP)


def _judge_shares(shares: Shares, history: ProfileHistory, rows_staged: int) -> list[Suspect]:
    """The shares of one check that are out of their history by score and by size, and mixes of values that are."""
    if not len(shares):
        return []
    policy = POLICIES[shares.check]
    use, family = _use(shares, history)
    of_a_visitor = np.array([path.startswith(_OF_A_VISITOR) for path in shares.path], dtype=bool)
    prior = np.where(of_a_visitor, max(history.rows_of_a_visitor, PRIOR_DISPERSION), PRIOR_DISPERSION)
    z, expected = np.full(len(shares), np.inf), np.zeros(len(shares))
    for comparison in history.comparisons():
        scores = score(
            shares.count,
            shares.total,
            shares.counts,
            shares.totals,
            use,
            comparison.labels,
            comparison.label,
            family,
            prior,
            comparison.wider,
        )
        tamer = np.abs(scores.z) < np.abs(z)
        z, expected = np.where(tamer, scores.z, z), np.where(tamer, scores.expected, expected)
    enough = ((shares.totals > 0) & use).sum(1) >= (SHORT_WINDOWS if history.is_too_short else MIN_WINDOWS)
    observed = shares.count / np.maximum(shares.total, 1)
    judged = enough & ~_is_growth(shares, observed, expected)
    if shares.check in _OF_SIZE:
        judged &= _is_of_usual_size(shares, use, rows_staged, history)
    unusual = judged & (np.abs(z) >= _thresholds(shares.segment, judged)) & _matters(observed, expected, shares.total, policy)
    unusual &= ~of_a_visitor | (np.abs(observed - expected) * shares.total >= VISITS_OF_A_CHANGE * history.rows_of_a_visitor)
    found = [
        Suspect(
            policy=policy,
            field=shares.path[n],
            segment=shares.segment[n],
            key=shares.key[n],
            z=float(z[n]),
            observed=float(observed[n]),
            expected=float(expected[n]),
            count=int(shares.count[n]),
            total=int(shares.total[n]),
        )
        for n in np.flatnonzero(unusual)
    ]
    return found + (_judge_mixes(shares, judged & shares.is_complete, z, observed, expected) if shares.check in _MIXES else [])


def _is_of_usual_size(shares: Shares, use: Bools, rows_staged: int, history: ProfileHistory) -> Bools:
    """Whether the window has about as many rows, of the field and in all, as its history."""
    rows = np.array([other.rows_staged for other in history.profiles], dtype=np.float64)
    usual = np.array(
        [np.median(row[mask]) if mask.any() else 0.0 for row, mask in zip(shares.totals, use & (shares.totals > 0), strict=True)]
    )
    usual_rows = np.array([np.median(rows[mask]) if mask.any() else 0.0 for mask in use])
    is_usual: Bools = (shares.total <= usual * _SAME_SIZE) & (shares.total >= usual / _SAME_SIZE)
    return is_usual & (rows_staged <= usual_rows * _SAME_SIZE) & (rows_staged >= usual_rows / _SAME_SIZE)


def _judge_mixes(shares: Shares, judged: Bools, z: Floats, observed: Floats, expected: Floats) -> list[Suspect]:
    """Groups of shares that moved together, each too little to be sure of: their squared scores add to a chi-square."""
    policy = POLICIES["mix"]
    found = []
    for path, segment, members in groups_of(shares):
        chosen = members[judged[members] & (np.maximum(observed[members], expected[members]) * shares.total[members] >= _MIX_COUNT)]
        degrees = chosen.size - 1
        if degrees < 2:
            continue
        distance = float(np.abs(observed[chosen] - expected[chosen]).sum()) / 2
        ratio = float((z[chosen] ** 2).sum()) / degrees
        root = (ratio ** (1 / 3) - (1 - 2 / (9 * degrees))) / (2 / (9 * degrees)) ** 0.5
        if root >= MIX_Z and distance >= policy.min_change:
            most = chosen[np.argmax(np.abs(z[chosen]))]
            total = int(shares.total[most])
            found.append(Suspect(policy, path, segment, shares.key[most], root, distance, 0.0, round(distance * total), total))
    return found


def _thresholds(segments: list[str], judged: Bools) -> Floats:
    """The score that one share of a clean window exceeds with the chance that a check may have.

    Shares over all rows and shares of segments have half of that chance each, so that many segments do not
    dull the few shares over all rows.
    """
    whole = np.array(["=" not in segment for segment in segments], dtype=bool)
    sizes = np.where(whole, (judged & whole).sum(), (judged & ~whole).sum())
    return np.array([_threshold(int(size)) for size in sizes])


@functools.cache
def _threshold(shares: int) -> float:
    return NormalDist().inv_cdf(1 - CHECK_ALPHA / 4 / max(shares, 1))


def _is_growth(shares: Shares, observed: Floats, expected: Floats) -> Bools:
    """Identifiers that become longer: numbers that were counted up do so without any fault."""
    grows = [shares.check == "length" and path in _IDENTIFIERS for path in shares.path]
    return np.array(grows, dtype=bool) & (observed > expected)


def _use(shares: Shares, history: ProfileHistory) -> tuple[Bools, np.ndarray]:
    groups: dict[tuple[str, str], int] = {}
    pairs = list(zip(shares.path, shares.segment, strict=True))
    family = np.array([groups.setdefault(pair, len(groups)) for pair in pairs], dtype=np.int64)
    by_field = {path: history.usable_for(shares.check, path) for path in set(shares.path)}
    if shares.check in _OF_LATE:
        recent = np.arange(len(history.profiles)) >= len(history.profiles) - _OF_LATE[shares.check]
        by_field = {path: usable & recent for path, usable in by_field.items()}
    return np.array([by_field[path] for path in shares.path], dtype=bool).reshape(len(shares), len(history.profiles)), family


def _matters(observed: Floats, expected: Floats, total: Floats, policy: Policy) -> Bools:
    """Whether a change is large enough to act on, however sure it is."""
    change = observed - expected
    odds = _odds(observed, total) / _odds(expected, total)
    factor = np.maximum(odds, 1 / odds)
    matters: Bools = (np.abs(change) >= policy.min_change) & (factor >= policy.min_odds)
    # Where a share is middling its odds move little, so a large change in points is enough.
    matters |= np.abs(change) >= max(LARGE_CHANGE, 4 * policy.min_change)
    matters &= np.abs(change) * total >= policy.min_count
    if policy.side is Side.UP:
        matters &= change > 0
    elif policy.side is Side.DOWN:
        matters &= change < 0
    return matters


def _odds(share: Floats, total: Floats) -> Floats:
    margin = 0.5 / np.maximum(total, 1)
    bounded = np.clip(share, margin, 1 - margin)
    return bounded / (1 - bounded)
