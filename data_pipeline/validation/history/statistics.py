"""The one statistical test behind all shares: is this window's share unusual beside those of its history?

The score is the signed root of the binomial deviance, exact enough for counts of a few rows, divided by
how much more than binomially the share has varied between the windows of the history.
Belongs here: arrays in, arrays out. Does not: which windows are compared, what a share means.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_pipeline.validation.history.thresholds import PRIOR_DEGREES, PRIOR_WEIGHT

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_OUTLIER = 5.0
_SPARSE = 5.0


@dataclass(frozen=True)
class Scores:
    """Verdict numbers, one a share.

    Attributes:
        z: standard deviations from what is expected; positive for more than expected, 0 where nothing can be said.
        expected: the share that the history lets expect.
    """

    z: Floats
    expected: Floats


def deviance_root(count: Floats, total: Floats, share: Floats) -> Floats:
    """Signed root of the binomial deviance of `count` of `total` against `share`."""
    mean = total * share
    rest, rest_mean = total - count, total * (1 - share)
    with np.errstate(divide="ignore", invalid="ignore"):
        hits = np.where(count > 0, count * np.log(count / mean), 0.0)
        misses = np.where(rest > 0, rest * np.log(rest / rest_mean), 0.0)
    root: Floats = np.sign(count - mean) * np.sqrt(np.maximum(2 * (hits + misses), 0.0))
    return root


def _fall(count: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """Root of the negative binomial deviance of a count below its mean; 0 above it.

    A count that varies much but is never near zero is far less likely to vanish than a normal score says.
    """
    size = mean / np.maximum(dispersion - 1, 1e-3)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(count > 0, count * np.log(count / mean), 0.0)
        deviance = 2 * (own - (count + size) * np.log((count + size) / (mean + size)))
    root: Floats = np.where((count < mean) & (dispersion > 1), np.sqrt(np.maximum(deviance, 0.0)), 0.0)
    return root


def normal_equivalent(t: Floats, degrees: Floats) -> Floats:
    """The normal score that is as improbable as a Student's t (Wallace's approximation)."""
    factor = (8 * degrees + 1) / (8 * degrees + 3)
    normal: Floats = np.sign(t) * factor * np.sqrt(degrees * np.log1p(t * t / degrees))
    return normal


def score(
    count: Floats,
    total: Floats,
    counts: Floats,
    totals: Floats,
    use: Bools,
    labels: Ints,
    label: int,
    family: Ints,
    prior: Floats,
    wider: float = 1.0,
) -> Scores:
    """Score shares of a window against those of a history.

    Args:
        count: of the window, one a share.
        total: of the window, one a share.
        counts: of the history, shares x windows.
        totals: of the history, shares x windows.
        use: shares x windows; False where a window does not count for a share.
        labels: the kind of each window (weekday, kind of day); variation is measured within a kind.
        label: the kind of the window under test; -1 to compare with windows of all kinds.
        family: shares of one family (one check, field and segment) lend each other their dispersion.
        prior: dispersion of each share before the history has shown its own.
        wider: factor on the dispersion where the windows compared are of another kind.
    """
    use = use & (totals > 0)
    safe = np.where(use, totals, 1.0)
    y = np.arcsin(np.sqrt(np.clip((np.where(use, counts, 0.0) + 0.375) / (safe + 0.75), 0, 1)))
    if label == -1:
        labels = np.zeros_like(labels)
        label = 0
    # The residual of a window beside its own kind, in units in which binomial noise has variance 1.
    residual, degrees, clean = np.zeros_like(y), np.zeros(len(y)), use.copy()
    for kind in np.unique(labels):
        member = use & (labels == kind)
        size = member.sum(1)
        centre = _masked_median(y, member)
        residual = np.where(member, (y - centre[:, None]) * 2 * np.sqrt(safe), residual)
        degrees += np.maximum(size - 1, 0)
    scale = 1.4826 * _masked_median(np.abs(residual), use)
    outlier = np.abs(residual) > _OUTLIER * np.maximum(scale, 1.5)[:, None]
    too_many = outlier.sum(1) > 0.3 * use.sum(1)
    outlier &= ~too_many[:, None]
    clean &= ~outlier
    degrees = np.maximum(degrees - (outlier & use).sum(1), 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = np.where(degrees > 0, (np.where(clean, residual, 0.0) ** 2).sum(1) / np.maximum(degrees, 1), 1.0)
    mean_count = np.where(clean, np.minimum(counts, totals - counts), 0.0).sum(1) / np.maximum(clean.sum(1), 1)
    informative = np.where((mean_count >= 2) & (degrees > 0), degrees, 0.0)
    typical = _family_dispersion(observed, informative, family, prior)
    dispersion = (PRIOR_WEIGHT * typical + informative * observed) / (PRIOR_WEIGHT + informative)
    centre_of = clean & (labels == label)
    pooled_count = np.where(centre_of, counts, 0.0).sum(1)
    pooled_total = np.where(centre_of, totals, 0.0).sum(1)
    pooled = (pooled_count + 0.5) / (pooled_total + 1)
    median = np.sin(_masked_median(y, centre_of)) ** 2
    windows = centre_of.sum(1)
    sparse = np.minimum(pooled_count, pooled_total - pooled_count) < _SPARSE * windows
    expected = np.where(sparse, pooled, median)
    # A window larger than those of the history sees more of its day-to-day variation; its binomial noise stays as it is.
    larger = np.maximum(total / np.maximum(pooled_total / np.maximum(windows, 1), 1), 1.0)
    spread = np.maximum((1 + np.maximum(dispersion - 1, 0) * larger) * wider, 1.0) * (1 + 1.0 / np.maximum(windows, 1))
    bounded = np.clip(expected, 1e-9, 1 - 1e-9)
    z = deviance_root(count, total, bounded) / np.sqrt(spread)
    fall = np.maximum(_fall(count, total * bounded, spread * (1 - bounded)), _fall(total - count, total * (1 - bounded), spread * bounded))
    z = np.sign(z) * np.maximum(np.abs(z), fall)
    z = normal_equivalent(z, PRIOR_DEGREES + degrees)
    return Scores(np.where((windows > 0) & (total > 0), z, 0.0), np.where(windows > 0, expected, np.nan))


def _family_dispersion(observed: Floats, weight: Floats, family: Ints, prior: Floats) -> Floats:
    """A family's typical dispersion, drawn to the prior where its shares say little."""
    size = int(family.max()) + 1 if family.size else 0
    weights = np.bincount(family, weight, size)[family]
    sums = np.bincount(family, weight * np.minimum(observed, 50.0), size)[family]
    return np.maximum((PRIOR_WEIGHT * prior + sums) / (PRIOR_WEIGHT + weights), 1.0)


def _masked_median(values: Floats, mask: Bools) -> Floats:
    """Median of each row over the entries that count; 0 where none does."""
    ordered = np.sort(np.where(mask, values, np.inf), axis=1)
    size = mask.sum(1)
    low, high = np.maximum((size - 1) // 2, 0), np.maximum(size // 2, 0)
    rows = np.arange(len(values))
    if not values.size:
        return np.zeros(len(values))
    high = np.minimum(high, values.shape[1] - 1)
    median: Floats = np.where(size > 0, (ordered[rows, low] + ordered[rows, high]) / 2, 0.0)
    return median
