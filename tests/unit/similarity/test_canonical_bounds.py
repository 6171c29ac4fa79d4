"""Bounds of canonical correlations: sessions that share a plan, halves, permuted targets, and masked trials."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.similarity.canonical_bounds import (
    across_held_out,
    across_sessions,
    bound_summary,
    control,
    signed_rank,
    within_session,
)
from neurodyn.similarity.canonical_correlation import CanonicalCorrelation, mean_of_first
from neurodyn.similarity.orthogonal_alignment import OrthogonalAlignment
from neurodyn.similarity.target_matching import MatchedTrials, match_targets, paired_rows

TARGETS, BINS, DIMENSIONS = 8, 20, 6


def session(seed: int, counts: list[int], noise: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    """Trajectories, one for each target, in part the same in every session, seen through a linear map; trials in a random order."""
    generator = np.random.default_rng(seed)
    shared, own = np.random.default_rng(99).normal(size=(TARGETS, BINS, 4)), generator.normal(size=(TARGETS, BINS, 4))
    plan = shared + 0.5 * own
    target = generator.permutation(np.repeat(np.arange(TARGETS), counts))
    mixing = generator.normal(size=(4, DIMENSIONS))
    clean = plan[target] @ mixing
    return clean + noise * generator.normal(size=clean.shape), target


def matched_pair(noise: float = 0.7) -> tuple[MatchedTrials, MatchedTrials]:
    (x, x_target), (y, y_target) = session(1, [14] * 8, noise), session(2, [12, 17] * 4, noise)
    one, other = match_targets([x, y], [x_target, y_target])
    return one, other


def test_trials_are_matched_by_target_and_none_is_taken_twice() -> None:
    target = np.repeat([0, 1, 2], [5, 4, 6])
    other = np.repeat([1, 2, 3], [6, 3, 9])
    x, y = (np.arange(len(t), dtype=float)[:, None, None] * np.ones((1, 4, 2)) for t in (target, other))
    mask = np.ones((len(y), 4), bool)
    mask[:, 3] = False
    one, two = match_targets([x, y[:, :4]], [target, other], [None, mask])
    assert one.values.shape == two.values.shape == (2, 3, 4, 2) and one.trials == 3
    for found, labels in ((one, target), (two, other)):
        rows = found.values[:, :, 0, 0].astype(int)
        assert (labels[rows] == np.array([[1], [2]])).all() and len(np.unique(rows)) == rows.size
    assert not two.values[..., 3, :].any() and len(paired_rows(one, two)[0]) == 2 * 3 * 3
    with pytest.raises(InvalidInput, match="in every session"):
        match_targets([x, y], [target, np.full(len(y), 9)])


def test_a_pair_lies_between_its_control_and_the_halves_of_a_session() -> None:
    x, y = matched_pair()
    across = float(mean_of_first(across_sessions(x, y)))
    held_out = float(mean_of_first(across_held_out(x, y)))
    upper = bound_summary(within_session(x, 200))
    lower = bound_summary(control(x, y, 12, 200))
    assert lower["p1"] < lower["mean"] < lower["p95"] < held_out < across < upper["p99"]
    assert upper["mean"] > 0.8 and lower["mean"] < 0.5


def test_the_halves_are_disjoint_and_every_draw_is_another() -> None:
    labels = np.arange(TARGETS * 6, dtype=float).reshape(TARGETS, 6, 1, 1) * np.ones((1, 1, 4, 1))
    draws = within_session(MatchedTrials(labels, np.ones(labels.shape[:3], bool)), 50)
    assert draws.max() < 1 and len(np.unique(draws)) == 50  # equal trials on both sides would give 1
    np.testing.assert_array_equal(draws, within_session(MatchedTrials(labels, np.ones(labels.shape[:3], bool)), 50))


def test_one_draw_is_what_the_exact_form_gives() -> None:
    x, _ = matched_pair()
    draws = control(x.take(slice(1)), x.take(slice(1)), BINS, 3, seed=4)
    generator = np.random.default_rng(4)
    plain = np.broadcast_to(np.arange(TARGETS), (3, TARGETS))
    one = generator.permuted(plain, axis=1)
    generator.random((3, TARGETS, 1))
    other = generator.permuted(plain, axis=1)
    for k in range(3):
        a, b = (x.values[order[k], 0].reshape(-1, DIMENSIONS) for order in (one, other))
        np.testing.assert_allclose(draws[k], CanonicalCorrelation.fit(a, b).correlations, atol=1e-7)


def test_masked_bins_have_no_effect() -> None:
    x, y = matched_pair()
    generator = np.random.default_rng(5)
    mask = np.arange(BINS) < generator.integers(10, BINS + 1, x.mask.shape[:2])[..., None]
    spoiled = MatchedTrials(np.where(mask[..., None], x.values, 1e3), mask)
    clean = MatchedTrials(np.where(mask[..., None], x.values, 0), mask)
    np.testing.assert_allclose(across_sessions(spoiled, y), across_sessions(clean, y))
    np.testing.assert_allclose(within_session(spoiled, 20), within_session(clean, 20), atol=1e-9)
    np.testing.assert_allclose(control(spoiled, y, 8, 20), control(clean, y, 8, 20), atol=1e-9)


def test_a_rotation_alone_aligns_less_than_canonical_correlation() -> None:
    x, y = matched_pair(0.2)
    rotated = mean_of_first(across_held_out(x, y, OrthogonalAlignment))
    assert 0 < rotated < mean_of_first(across_held_out(x, y))


def test_the_test_across_pairs_reaches_the_least_p_of_its_size() -> None:
    generator = np.random.default_rng(6)
    bound = generator.random(13)
    assert signed_rank(bound + 0.1 * generator.random(13) + 0.01, bound) == pytest.approx(2.4e-4, rel=0.02)
    with pytest.raises(InvalidInput, match="some differ"):
        signed_rank(bound, bound)


def test_refuses_what_cannot_be_drawn() -> None:
    x, y = matched_pair()
    with pytest.raises(InvalidInput, match="one for each half"):
        within_session(x.take(slice(1)))
    with pytest.raises(InvalidInput, match="window_bins"):
        control(x, y, BINS + 1)
    with pytest.raises(InvalidInput, match="repeats"):
        control(x, y, BINS, 0)
