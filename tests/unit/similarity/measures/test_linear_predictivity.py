"""Linear predictivity: known values, least squares, the penalty's choice against one made by hand, and what is learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.similarity.measures.linear_predictivity import PENALTIES, LinearPredictivity, LinearPredictivityConfig
from similarity_cases import TOY_X, TOY_Y


def measure(**options: Any) -> LinearPredictivity:
    return LinearPredictivity(LinearPredictivityConfig(**options))


def smooth(seed: int, units: int, noise: float = 0.3) -> np.ndarray:
    """Eight conditions of a shared latent course, seen by some units."""
    shared, own = np.random.default_rng(0), np.random.default_rng(10 + seed)
    latents = shared.standard_normal((8, 15, 3))
    return np.asarray(latents @ own.standard_normal((3, units)) + noise * own.standard_normal((8, 15, units)))


def r2(true: np.ndarray, predicted: np.ndarray) -> float:
    return float(1 - ((true - predicted) ** 2).sum() / ((true - true.mean(0)) ** 2).sum())


def test_toy_value() -> None:
    assert measure(penalty=0.0).fit(TOY_X, TOY_Y).score() == pytest.approx(0.4095622973, abs=1e-9)


def test_least_squares_in_more_units_than_samples() -> None:
    generator = np.random.default_rng(0)
    x, y = generator.standard_normal((10, 30)), generator.standard_normal((10, 4))
    fitted = measure(penalty=0.0).fit(x, y)
    assert fitted.score() == pytest.approx(1)
    smallest = np.linalg.lstsq(x - x.mean(0), y - y.mean(0), rcond=None)[0]
    np.testing.assert_allclose(fitted.learned.map.weights, smallest, atol=1e-10)


@pytest.mark.parametrize("standardised", [False, True])
def test_the_penalty_is_the_best_on_conditions_left_out(standardised: bool) -> None:
    x, y = smooth(0, 12), smooth(1, 5)
    chosen = measure(standardised=standardised).fit(x, y).learned.map.penalty
    if standardised:
        x, y = x / x.std((0, 1)), y / y.std((0, 1))
    errors = np.zeros(len(PENALTIES))
    for fold in np.array_split(np.arange(8), 5):
        rest = np.setdiff1d(np.arange(8), fold)
        train_x, train_y = x[rest].reshape(-1, 12), y[rest].reshape(-1, 5)
        mean_x, mean_y = train_x.mean(0), train_y.mean(0)
        centred = train_x - mean_x
        for i, relative in enumerate(PENALTIES):
            total = ((x - x.mean((0, 1))) ** 2).sum() / 12  # of all conditions that are fitted to; a fold has its share
            penalty = relative * total * len(rest) / 8
            weights = np.linalg.solve(centred.T @ centred + penalty * np.eye(12), centred.T @ (train_y - mean_y))
            errors[i] += ((y[fold] - mean_y - (x[fold] - mean_x) @ weights) ** 2).sum()
    assert chosen == PENALTIES[errors.argmin()]
    assert PENALTIES[0] < chosen < PENALTIES[-1]


@pytest.mark.parametrize("standardised", [False, True])
def test_the_map_predicts_units_as_they_were_recorded(standardised: bool) -> None:
    x, y = smooth(0, 6) * np.arange(1, 7) + 3, smooth(1, 4) * np.arange(1, 5) - 2
    fitted = measure(standardised=standardised).fit(x[:6], y[:6])
    predicted = fitted.learned.map(x)
    scale = y[:6].std((0, 1)) if standardised else 1.0
    for rows in (slice(0, 6), slice(6, 8)):
        expected = r2(y[rows].reshape(-1, 4) / scale, predicted[rows].reshape(-1, 4) / scale)
        assert fitted.score(x[rows], y[rows]) == pytest.approx(expected, abs=1e-12)
    assert expected > 0.7


def test_a_penalty_says_little_about_noise() -> None:
    generator = np.random.default_rng(2)
    x, y = generator.standard_normal((8, 10, 30)), generator.standard_normal((8, 10, 5))
    assert measure(penalty=0.0).fit(x, y).score() > 0.3
    assert measure().fit(x, y).score() < 0.05
    chance = measure(penalty=0.0).chance(80, 30, 5)
    values = [
        measure(penalty=0.0).fit(*(generator.standard_normal((80, n)) for n in (30, 5))).score() for _ in range(20)
    ]
    assert np.mean(values) == pytest.approx(chance, abs=0.03)


def test_one_condition_is_cut_in_time() -> None:
    x, y = smooth(0, 4)[:1], smooth(1, 3)[:1]
    assert measure().fit(x, y).score() > 0.5


def test_units_that_do_not_vary_weigh_nothing() -> None:
    x, y = smooth(0, 4), smooth(1, 3)
    still = np.concatenate([y, np.full((8, 15, 1), 2.0)], 2)
    for options in ({}, {"standardised": True}):
        found = measure(**options).fit(x, y).score()
        assert measure(**options).fit(x, still).score() == pytest.approx(found, abs=1e-9)


def test_bad_options_are_named() -> None:
    for field, value in (("penalty", -1.0), ("folds", 1)):
        with pytest.raises(InvalidInput, match=f"linear_predictivity.{field}"):
            measure(**{field: value})
