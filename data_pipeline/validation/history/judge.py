"""Judging a window: from its profile and its history to findings.

Belongs here: which tests run and how their scores become findings. Does not: the tests, thresholds and storage.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import NormalDist

import numpy as np
import polars as pl

from data_pipeline.common.object_store import ObjectStore
from data_pipeline.validation.history.cells import CUTOFF, GROUP
from data_pipeline.validation.history.explain import Suspect, explain
from data_pipeline.validation.history.finding import ROWS, Finding, Severity, worst_first
from data_pipeline.validation.history.history import ProfileHistory
from data_pipeline.validation.history.judge_orders import judge_orders
from data_pipeline.validation.history.judge_sketches import sketched_shares
from data_pipeline.validation.history.judge_unknown import judge_unknown_fields
from data_pipeline.validation.history.judge_volume import judge_volume
from data_pipeline.validation.history.matrix import Shares, at_quantiles, line_up, new_values
from data_pipeline.validation.history.profile import Profile
from data_pipeline.validation.history.statistics import Bools, Floats, score
from data_pipeline.validation.history.store import load_history, load_orders, save_orders, save_profile
from data_pipeline.validation.history.thresholds import CHECK_ALPHA, MIN_WINDOWS, POLICIES, Policy, Side

_BINNED = ("number", "clock_lag", "length", "rows_per_visitor")
_SEPARATE = ("unknown_field",)
"""Checks whose shares are judged elsewhere."""
_WITH_NEW_VALUES = ("category_share", "pair_share", "shape")


def judge_window(store: ObjectStore, profile: Profile, orders: pl.DataFrame) -> list[Finding]:
    """Judge a window by its history in a store, then add it to that history in place of what it said before.

    Args:
        store: a bucket or a directory.
        profile: of the window, from `build_profile`.
        orders: of the window, from `build_profile`.

    Returns:
        Findings, errors first. The window under test never takes part in its own history.
    """
    history = load_history(store, profile.source, profile.window)
    findings = find_in_window(profile, history)
    findings += judge_orders(orders, load_orders(store, profile.source, profile.window))
    findings = worst_first(_without_accepted(findings, history))
    save_profile(store, Profile(**{**profile.__dict__, "findings": tuple(findings)}))
    save_orders(store, profile.source, profile.window, orders)
    return findings


def find_in_window(profile: Profile, history: ProfileHistory) -> list[Finding]:
    """What is unusual about a window beside its history; pure."""
    if history.is_too_short:
        return [_too_short(history), *judge_unknown_fields(profile, history)]
    findings = judge_volume(profile, history)
    findings += judge_unknown_fields(profile, history)
    if profile.rows_staged:
        findings += explain(_suspects(profile, history), profile)
    return worst_first(findings)


def _too_short(history: ProfileHistory) -> Finding:
    return Finding(
        check="history",
        field=ROWS,
        severity=Severity.INFO,
        observed=f"{history.window_count} comparable windows",
        expected=f"at least {MIN_WINDOWS}",
        message=f"The history of {history.source} before {history.window} is too short to judge drift: "
        f"{history.window_count} comparable windows, {MIN_WINDOWS} are needed.",
    )


def _without_accepted(findings: Iterable[Finding], history: ProfileHistory) -> list[Finding]:
    """Accepted findings of this very window stay visible, as information."""
    accepted = history.acceptances.get(history.window, ())
    kept = []
    for finding in findings:
        covering = [acceptance for acceptance in accepted if acceptance.covers(finding)]
        if covering and finding.severity is not Severity.INFO:
            finding = Finding(
                **{**finding.__dict__, "severity": Severity.INFO, "message": f"{finding.message} Accepted: {covering[-1].reason}"}
            )
        kept.append(finding)
    return kept


def _suspects(profile: Profile, history: ProfileHistory) -> list[Suspect]:
    usable = history.usable
    found: list[Suspect] = []
    for check in POLICIES:
        mine = profile.cells.filter(pl.col("check") == check)
        past = [other.cells.filter(pl.col("check") == check) for other in history.profiles]
        if check in _SEPARATE or not mine.height:
            continue
        lined = line_up(check, mine, past)
        found += _judge_shares(at_quantiles(lined, usable) if check in _BINNED else lined, history)
        if check in _WITH_NEW_VALUES:
            complete = _complete_groups([mine, *past])
            found += _judge_shares(new_values(check, mine.join(complete, on=GROUP, how="semi"), past, usable), history)
    for shares in sketched_shares(profile, history):
        found += _judge_shares(shares, history)
    return found


def _complete_groups(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Groups that no window had to cut."""
    every = pl.concat(frames)
    return every.group_by(GROUP).agg((pl.col("key") == CUTOFF).any().alias("cut")).filter(~pl.col("cut")).select(GROUP)


def _judge_shares(shares: Shares, history: ProfileHistory) -> list[Suspect]:
    """The shares of one check that are out of their history by score and by size."""
    if not len(shares):
        return []
    policy = POLICIES[shares.check]
    use, family = _use(shares, history)
    z, expected = np.full(len(shares), np.inf), np.zeros(len(shares))
    for comparison in history.comparisons():
        scores = score(
            shares.count, shares.total, shares.counts, shares.totals, use, comparison.labels, comparison.label, family, comparison.wider
        )
        tamer = np.abs(scores.z) < np.abs(z)
        z, expected = np.where(tamer, scores.z, z), np.where(tamer, scores.expected, expected)
    enough = ((shares.totals > 0) & use).sum(1) >= MIN_WINDOWS
    observed = shares.count / np.maximum(shares.total, 1)
    unusual = enough & (np.abs(z) >= _threshold(int(enough.sum()))) & _matters(observed, expected, shares.total, policy)
    return [
        Suspect(
            policy=policy,
            field=shares.field[n],
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


def _use(shares: Shares, history: ProfileHistory) -> tuple[Bools, np.ndarray]:
    fields: dict[str, int] = {}
    family = np.array([fields.setdefault(path, len(fields)) for path in shares.field], dtype=np.int64)
    by_field = [history.usable_for(shares.check, path) for path in fields]
    return np.array(by_field, dtype=bool).reshape(len(fields), len(history.profiles))[family], family


def _matters(observed: Floats, expected: Floats, total: Floats, policy: Policy) -> Bools:
    """Whether a change is large enough to act on, however sure it is."""
    change = observed - expected
    odds = _odds(observed, total) / _odds(expected, total)
    factor = np.maximum(odds, 1 / odds)
    matters: Bools = (np.abs(change) >= policy.min_change) & (factor >= policy.min_odds) & (np.abs(change) * total >= policy.min_count)
    # Where a share is middling its odds move little, so a large change in points is enough.
    matters |= np.abs(change) >= max(0.10, 4 * policy.min_change)
    if policy.side is Side.UP:
        matters &= change > 0
    elif policy.side is Side.DOWN:
        matters &= change < 0
    return matters


def _odds(share: Floats, total: Floats) -> Floats:
    margin = 0.5 / np.maximum(total, 1)
    bounded = np.clip(share, margin, 1 - margin)
    return bounded / (1 - bounded)


def _threshold(shares: int) -> float:
    """The score that one of so many shares of a clean window exceeds with the chance that a check may have."""
    return NormalDist().inv_cdf(1 - CHECK_ALPHA / 2 / max(shares, 1))
