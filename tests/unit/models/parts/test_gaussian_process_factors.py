"""Gaussian-process factor analysis against brute-force Gaussians, another package, and data with known latents."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.linalg import block_diag, subspace_angles
from scipy.stats import multivariate_normal

from neurodyn.models.parts.gaussian_process import NOISE, better_timescales, smooth_covariance, thin_factor
from neurodyn.models.parts.gaussian_process_factors import (
    Activity,
    Factors,
    expectation_maximisation,
    fit_factors,
    infer,
    initial_factors,
)

GOLDEN = json.loads((Path(__file__).parents[3] / "golden" / "gpfa.json").read_text())


def simulated(
    seed: int, trials: int, bins: int, units: int, timescales: list[float]
) -> tuple[Factors, np.ndarray, np.ndarray]:
    """Factors, activity `(trial, time, unit)` and latents drawn from the model itself."""
    rng = np.random.default_rng(seed)
    lag = np.subtract.outer(np.arange(bins), np.arange(bins))
    loading = rng.normal(size=(units, len(timescales)))
    offset, variance = rng.normal(size=units), rng.uniform(0.2, 1.0, units)
    courses = []
    for timescale in timescales:
        covariance = (1 - 1e-3) * np.exp(-0.5 * (lag / timescale) ** 2) + 1e-3 * np.eye(bins)
        courses.append(np.linalg.cholesky(covariance) @ rng.normal(size=(bins, trials)))
    latents = np.stack(courses, 2).transpose(1, 0, 2)
    values = latents @ loading.T + offset + rng.normal(size=(trials, bins, units)) * np.sqrt(variance)
    return Factors(loading, offset, variance, np.array(timescales)), values, latents


def masked(values: np.ndarray) -> Activity:
    """Some trials short, one with a hole."""
    mask = np.ones(values.shape[:2], bool)
    mask[::2, 4:] = False
    mask[1, 2] = False
    return Activity(values * mask[..., None], mask)


def test_thin_factor_gives_the_covariance() -> None:
    timescale = np.array([0.3, 2.0, 15.0, 1e3])
    factor, owner = thin_factor(timescale, 30)
    for i, covariance in enumerate(smooth_covariance(timescale, 30)):
        part = factor[:, owner == i]
        np.testing.assert_allclose(part @ part.T, covariance, atol=2e-12)
    assert np.bincount(owner)[0] == 30 and np.bincount(owner)[3] < 6


def test_posterior_equals_a_brute_force_gaussian() -> None:
    factors, values, _ = simulated(0, 6, 7, 5, [1.5, 4.0])
    activity, bins = masked(values), 9
    found = infer(factors, activity, bins, courses=True)
    prior = block_diag(*(smooth_covariance(factors.timescale, bins) + NOISE * np.eye(bins)))  # latent, then time
    spread = np.zeros((2, bins, bins))
    for trial in range(6):
        observed = np.flatnonzero(activity.mask[trial])
        at = np.zeros((len(observed), 5, 2, bins))
        for row, time in enumerate(observed):
            at[row, :, :, time] = factors.loading
        at = at.reshape(-1, 2 * bins)
        total = at @ prior @ at.T + np.diag(np.tile(factors.variance, len(observed)))
        gain = prior @ at.T @ np.linalg.inv(total)
        residual = (values[trial, observed] - factors.offset).ravel()
        covariance = (prior - gain @ at @ prior).reshape(2, bins, 2, bins)
        expected = multivariate_normal(np.zeros(len(residual)), total).logpdf(residual)
        assert found.log_likelihood[trial] == pytest.approx(expected, abs=1e-8)
        np.testing.assert_allclose(found.mean[trial], (gain @ residual).reshape(2, bins).T, atol=1e-8)
        np.testing.assert_allclose(
            found.covariance[found.pattern[trial]], np.einsum("itjt->tij", covariance), atol=1e-8
        )
        spread += np.einsum("itis->its", covariance)
    np.testing.assert_allclose(found.spread, spread, atol=1e-8)


def test_a_masked_trial_equals_one_cut_short() -> None:
    factors, values, _ = simulated(3, 5, 12, 6, [2.0, 5.0, 1.0])
    mask = np.ones((5, 12), bool)
    mask[:, 7:] = False
    long, short = Activity(values * mask[..., None], mask), Activity(values[:, :7], mask[:, :7])
    a, b = infer(factors, long), infer(factors, short, 12)
    np.testing.assert_allclose(a.mean, b.mean, atol=1e-10)
    np.testing.assert_allclose(a.log_likelihood, b.log_likelihood, atol=1e-9)


@pytest.mark.parametrize("short", [False, True])
def test_no_step_of_em_lowers_the_likelihood(short: bool) -> None:
    _, values, _ = simulated(4, 20, 15, 8, [1.0, 4.0])
    activity = masked(values) if short else Activity(values, np.ones((20, 15), bool))
    steps = list(itertools.islice(expectation_maximisation(activity, initial_factors(activity, 3, 6.0)), 40))
    levels = np.array([level for _, level in steps])
    assert (np.diff(levels) >= 0).all()
    assert levels[-1] > levels[0] + 100
    assert levels[-1] == pytest.approx(infer(steps[-1][0], activity).log_likelihood.sum())


def test_the_careful_step_is_uphill_in_the_expected_likelihood() -> None:
    """It follows the slope of −½ (N ln|K| + tr K⁻¹P), here by differences."""
    factors, values, _ = simulated(5, 10, 12, 6, [1.5, 4.0])
    found = infer(factors, Activity(values, np.ones((10, 12), bool)), courses=True)
    moments = np.einsum("nti,nsi->its", found.mean, found.mean) + found.spread

    def expected(timescale: np.ndarray) -> np.ndarray:
        covariance = smooth_covariance(timescale, 12) + NOISE * np.eye(12)
        return -0.5 * (10 * np.linalg.slogdet(covariance)[1] + np.trace(np.linalg.solve(covariance, moments), 0, 1, 2))

    start = np.array([3.0, 3.0])
    slope = expected(start * 1.001) - expected(start / 1.001)
    for proposal in better_timescales(start, moments, found.spread, 10.0):
        assert (np.sign(np.log(proposal / start)) == np.sign(slope)).all()
    assert (expected(better_timescales(start, moments, found.spread, 10.0)[1]) > expected(start)).all()


def test_known_latents_and_timescales_are_recovered() -> None:
    truth, values, latents = simulated(6, 120, 25, 12, [1.5, 6.0])
    activity = Activity(values, np.ones((120, 25), bool))
    factors, _ = fit_factors(activity, 2, 3.0, iterations=200, tolerance=1e-7)
    assert np.rad2deg(subspace_angles(factors.loading, truth.loading)).max() < 3
    np.testing.assert_allclose(np.sort(factors.timescale), truth.timescale, rtol=0.1)
    np.testing.assert_allclose(factors.variance, truth.variance, rtol=0.15)
    found = infer(factors, activity).mean.reshape(-1, 2)
    weights = np.linalg.lstsq(found, latents.reshape(-1, 2), rcond=None)[0]
    residual = latents.reshape(-1, 2) - found @ weights
    assert 1 - residual.var() / latents.var() > 0.9


def test_agrees_with_elephant() -> None:
    known: dict[str, Any] = GOLDEN["inference"]
    sizes = {name: known[name] for name in ("seed", "trials", "bins", "units", "timescales")}
    factors, values, _ = simulated(**sizes)
    found = infer(factors, Activity(values, np.ones(values.shape[:2], bool)))
    assert found.log_likelihood.sum() == pytest.approx(known["log_likelihood"], abs=1e-8)
    np.testing.assert_allclose(found.mean[0], known["latents_of_first_trial"], atol=1e-8)
    np.testing.assert_allclose(found.covariance[0, 0], known["covariance_at_first_bin"], atol=1e-8)


def test_em_ends_no_lower_than_elephant() -> None:
    known: dict[str, Any] = GOLDEN["fit"]
    _, values, _ = simulated(**{name: known[name] for name in ("seed", "trials", "bins", "units", "timescales")})
    activity = Activity(values, np.ones(values.shape[:2], bool))
    factors, _ = fit_factors(activity, 2, known["start_timescale"], iterations=500, tolerance=1e-8)
    level = infer(factors, activity).log_likelihood.sum()
    assert known["log_likelihood"] - 1e-3 < level < known["log_likelihood"] + 1.0
    np.testing.assert_allclose(np.sort(factors.timescale), known["fitted_timescales"], rtol=0.01)


def test_orthonormal_latents_give_the_same_activity() -> None:
    factors, _, latents = simulated(7, 4, 9, 6, [1.0, 2.0, 3.0])
    axes = factors.orthonormal
    loading = factors.loading @ np.linalg.inv(axes).T
    np.testing.assert_allclose(loading.T @ loading, np.eye(3), atol=1e-12)
    np.testing.assert_allclose((latents @ axes) @ loading.T, latents @ factors.loading.T, atol=1e-12)


def test_a_unit_that_never_varies_says_nothing() -> None:
    _, values, _ = simulated(8, 30, 15, 6, [3.0])
    mask = np.ones((30, 15), bool)
    silent = np.concatenate([values, np.zeros((30, 15, 1))], 2)
    with_it, _ = fit_factors(Activity(silent, mask), 1, 3.0, iterations=20, tolerance=0.0)
    without, _ = fit_factors(Activity(values, mask), 1, 3.0, iterations=20, tolerance=0.0)
    assert with_it.loading[6, 0] == 0
    np.testing.assert_allclose(with_it.loading[:6], without.loading, atol=1e-8)
    spiking = silent.copy()
    spiking[..., 6] = 3.0
    same = infer(with_it, Activity(silent, mask)).mean, infer(with_it, Activity(spiking, mask)).mean
    np.testing.assert_array_equal(*same)


def test_windows_cover_every_trial() -> None:
    values = np.arange(2 * 50, dtype=float).reshape(2, 50, 1)
    mask = np.ones((2, 50), bool)
    mask[1, 15:] = False
    cut = Activity(values * mask[..., None], mask).cut(20)
    assert cut.values.shape == (4, 20, 1)  # the second trial's last two windows hold nothing
    assert set(cut.values[:3].ravel()) == set(range(50))
    assert set(cut.values[3][cut.mask[3]].ravel()) == set(range(50, 65))
    whole = Activity(values, mask)
    assert whole.cut(50) is whole


def test_validation_trials_end_em() -> None:
    """Three trials of noise are soon fitted too well."""
    rng = np.random.default_rng(9)
    train, valid = (Activity(rng.normal(size=(n, 10, 8)), np.ones((n, 10), bool)) for n in (3, 40))
    stopped, level = fit_factors(train, 3, 2.0, iterations=100, tolerance=0.0, valid=valid)
    assert level == pytest.approx(infer(stopped, valid).log_likelihood.sum())
    *_, (late, _) = itertools.islice(expectation_maximisation(train, initial_factors(train, 3, 2.0)), 100)
    assert level > infer(late, valid).log_likelihood.sum()
