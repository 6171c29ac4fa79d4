"""Dynamical similarity analysis of activities whose dynamics are known."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures.dsa import DSA, DSAConfig

TRIALS, BINS = 12, 120


def spiral(angle: float, size: float = 0.99, seed: int = 0) -> np.ndarray:
    """Trials of a plane that turns by `angle` a bin and shrinks."""
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    state, states = np.random.default_rng(seed).normal(size=(TRIALS, 2)), []
    for _ in range(BINS):
        states.append(state)
        state = state @ turn.T
    return np.stack(states, 1)


def seen(states: np.ndarray, units: int, seed: int) -> np.ndarray:
    """Through a linear map of its own and shifted."""
    generator = np.random.default_rng(seed)
    return states @ generator.normal(size=(states.shape[2], units)) + generator.normal(size=units)


@pytest.mark.parametrize("delays", [1, 10, 30])
@pytest.mark.parametrize("comparison", ["procrustes", "eigenvalues"])
def test_one_system_seen_twice_and_a_faster_one(comparison: str, delays: int) -> None:
    measure = DSA(DSAConfig(delays=delays, comparison=comparison))
    same = measure.fit(seen(spiral(0.2), 5, 1), seen(spiral(0.2), 8, 2))
    assert same.score() < 1e-6
    assert same.learned.ranks == (2, 2)
    faster = measure.fit(seen(spiral(0.2), 5, 1), seen(spiral(0.4), 5, 1)).score()
    expected = 0.2 if comparison == "procrustes" else 0.99 * abs(np.exp(0.2j) - np.exp(0.4j))
    assert faster == pytest.approx(expected, abs=0.002)


def test_states_that_were_visited_otherwise_cost_little() -> None:
    """Coordinates have unit variance over what was visited: skewed otherwise, the same dynamics are not quite the same operator. Their eigenvalues are."""
    x, y = spiral(0.2), spiral(0.2, seed=7)
    assert 0 < DSA(DSAConfig(delays=5)).fit(x, y).score() < 0.02
    assert DSA(DSAConfig(delays=5, comparison="eigenvalues")).fit(x, y).score() < 1e-8


def test_both_sides_have_the_larger_rank_and_a_side_never_more_than_it_has() -> None:
    generator = np.random.default_rng(0)
    narrow, wide = spiral(0.2), np.concatenate([spiral(0.2), spiral(0.5, seed=3), spiral(0.9, seed=4)], 2)
    noisy = narrow @ generator.normal(size=(2, 6)) + 0.01 * generator.normal(size=(TRIALS, BINS, 6))
    assert DSA(DSAConfig(delays=3)).fit(noisy, wide).learned.ranks == (6, 6)
    assert DSA(DSAConfig(delays=3)).fit(narrow, wide).learned.ranks == (2, 6)
    assert DSA(DSAConfig(delays=3, mode="release")).fit(noisy, wide).learned.ranks[0] < 6
    assert DSA(DSAConfig(delays=3, rank=4)).fit(wide, noisy).learned.ranks == (4, 4)
    assert 0 < DSA(DSAConfig(delays=3)).fit(narrow, wide).score() < np.pi / 2


def test_release_squares_the_eigenvalue_distance_and_centres_nothing() -> None:
    x, y = spiral(0.2), spiral(0.4)
    options = {"delays": 2, "rank": 2, "comparison": "eigenvalues"}
    rooted, squared = (DSA(DSAConfig(mode=mode, **options)).fit(x, y).score() for mode in ("default", "release"))
    assert squared == pytest.approx(rooted**2, rel=1e-3)
    shifted = DSA(DSAConfig(mode="release", **options)).fit(x + 5, y).score()
    assert abs(shifted - squared) > 0.01
    assert DSA(DSAConfig(**options)).fit(x + 5, y).score() == pytest.approx(rooted, abs=1e-9)


def test_forms_are_of_the_same_operators() -> None:
    x, y = seen(spiral(0.2), 4, 1), seen(spiral(0.5), 4, 1)
    angle, apart = (DSA(DSAConfig(delays=2, form=form)).fit(x, y).score() for form in ("angular", "euclidean"))
    assert apart == pytest.approx(2 * np.sin(angle / 2))


def test_masked_bins_never_enter() -> None:
    x, y = spiral(0.2), seen(spiral(0.4), 5, 1)
    mask = np.arange(BINS) < np.random.default_rng(0).integers(60, BINS + 1, size=(TRIALS, 1))
    spoiled = np.where(mask[..., None], x, np.random.default_rng(1).normal(size=x.shape))
    measure = DSA(DSAConfig(delays=5))
    assert measure.fit(Activity(spoiled, mask=mask), y).score() == pytest.approx(measure.fit(x, y).score(), abs=1e-3)


def test_other_trials_are_scored_in_the_same_coordinates() -> None:
    generator = np.random.default_rng(0)
    x, y = (seen(spiral(s), 5, 1) + 0.05 * generator.normal(size=(TRIALS, BINS, 5)) for s in (0.2, 0.4))
    fitted = DSA(DSAConfig(delays=5, rank=2)).fit(x[:8], y[:8])
    assert fitted.score(x[8:], y[8:]) == pytest.approx(fitted.score(), abs=0.03)
    assert fitted.score(x[8:], y[8:]) != fitted.score()
    assert fitted.score(x[:8], y[:8]) == pytest.approx(fitted.score(), abs=1e-12)


@pytest.mark.parametrize("comparison", ["procrustes", "eigenvalues"])
def test_all_pairs_are_the_pairs_one_by_one_where_ranks_differ(comparison: str) -> None:
    sides = [seen(spiral(0.2), 5, 1), np.concatenate([spiral(0.3), spiral(0.8, seed=2)], 2), spiral(0.6)[:, :90]]
    measure = DSA(DSAConfig(delays=4, comparison=comparison))
    expected = np.array([[measure.fit(x, y).score() for y in sides] for x in sides])
    np.testing.assert_allclose(measure.pairwise(sides, progress=True), expected, atol=1e-8)
    np.testing.assert_allclose(measure.pairwise(sides, sides[1:]), expected[:, 1:], atol=1e-8)


def test_what_it_cannot_take_is_named() -> None:
    x = spiral(0.2)
    with pytest.raises(InvalidInput, match="no stretch of 121 bins"):
        DSA(DSAConfig(delays=120)).fit(x, x)
    with pytest.raises(InvalidInput, match="pairs of windows"):
        generator = np.random.default_rng(0)
        DSA(DSAConfig(delays=2, rank=30)).fit(*generator.normal(size=(2, 1, 20, 30)))
    with pytest.raises(InvalidInput, match="bin width"):
        DSA().fit(Activity(x, bin_s=0.01), Activity(x, bin_s=0.02))
    with pytest.raises(InvalidInput, match="bin width"):
        DSA().pairwise([Activity(x, bin_s=0.01), Activity(x, bin_s=0.02)])
    with pytest.raises(InvalidInput, match="without an order in time"):
        DSA().fit(x[:, 0], x[:, 0])


@pytest.mark.parametrize(
    "options", [{"delays": 0}, {"rank": 0}, {"rank": 1.5}, {"rank": 0.0}, {"pca": 0.0}, {"ridge": -1.0}]
)
def test_options_outside_their_range_are_named(options: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=f"dsa.{next(iter(options))}"):
        DSAConfig(**options)  # type: ignore[arg-type]
