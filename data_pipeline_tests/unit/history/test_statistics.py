"""The test of a share: quiet on noise of any kind, loud on change, unmoved by one bad day."""

import numpy as np
import pytest

from data_pipeline.validation.history.statistics import deviance_root, normal_equivalent, score

RNG = np.random.default_rng(5)


def score_one(count, total, counts, totals, prior=1.5, label=-1, labels=None):
    counts = np.array([counts], dtype=float)
    totals = np.array([totals], dtype=float) if np.ndim(totals) else np.full(counts.shape, float(totals))
    labels = np.zeros(counts.shape[1], dtype=np.int64) if labels is None else np.array(labels)
    family = np.zeros(1, dtype=np.int64)
    use = np.ones(counts.shape, dtype=bool)
    scores = score(np.array([float(count)]), np.array([float(total)]), counts, totals, use, labels, label, family, np.array([prior]))
    return float(scores.z[0]), float(scores.expected[0])


@pytest.mark.parametrize(("share", "dispersion"), [(0.002, 1), (0.05, 1), (0.5, 1), (0.3, 12)])
def test_clean_shares_seldom_score_high(share, dispersion):
    shares, windows, total = 4000, 14, 2000
    groups = total // dispersion
    draws = RNG.binomial(groups, share, (shares, windows + 1)).astype(float) * dispersion
    scores = score(
        draws[:, 0],
        np.full(shares, float(total)),
        draws[:, 1:],
        np.full((shares, windows), float(total)),
        np.ones((shares, windows), dtype=bool),
        np.zeros(windows, dtype=np.int64),
        -1,
        np.arange(shares),
        np.full(shares, max(1.5, dispersion / 2)),
    )
    assert (np.abs(scores.z) > 4.9).sum() <= 4
    assert np.abs(scores.z).max() > 2


@pytest.mark.parametrize(
    ("count", "counts"),
    [
        (30, [0] * 14),
        (400, [200, 210, 190, 205, 195, 199, 201]),
        (0, [60, 110, 75, 100, 140, 60, 55, 90, 100]),
        (1000, [600, 610, 590, 605, 595, 600, 601]),
    ],
)
def test_changes_score_high(count, counts):
    z, _ = score_one(count, 1000, counts, 1000)
    assert abs(z) > 4.5
    assert (z > 0) == (count > np.median(counts))


def test_one_bad_day_neither_hides_a_fault_nor_makes_one():
    good = [50, 55, 47, 52, 49, 51, 48, 53]
    bad = [*good[:-1], 700]
    assert abs(score_one(50, 1000, bad, 1000)[0]) < 2
    assert score_one(300, 1000, bad, 1000)[0] > 5
    assert score_one(50, 1000, [*([0] * 9), 400], 1000)[0] > 5


def test_weekend_is_compared_with_weekends():
    labels = [0, 0, 0, 0, 0, 1, 1] * 3
    counts = [200 if label == 0 else 400 for label in labels]
    assert abs(score_one(400, 1000, counts, 1000, label=1, labels=labels)[0]) < 2
    assert abs(score_one(400, 1000, counts, 1000, label=0, labels=labels)[0]) > 5


def test_small_samples_widen_the_band():
    history = [100] * 10
    assert score_one(200, 1000, history, 1000)[0] > 5
    assert score_one(2, 10, history, 1000)[0] < 2


def test_deviance_is_zero_at_the_mean_and_finite_at_the_ends():
    counts = np.array([0.0, 50.0, 100.0])
    root = deviance_root(counts, np.full(3, 100.0), np.full(3, 0.5))
    assert root[1] == 0
    assert root[0] == -root[2]
    assert np.isfinite(root).all()


def test_student_scores_are_tamer_and_converge():
    t = np.array([6.0])
    assert normal_equivalent(t, np.array([5.0]))[0] < 4
    assert normal_equivalent(t, np.array([1e6]))[0] == pytest.approx(6.0, abs=1e-3)
