"""Residual dynamics of systems whose answers are known, and of what cannot be estimated."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.dynamics.residual_dynamics import ResidualDynamicsConfig, estimate
from neurodyn.errors import InvalidInput

PLAIN = {"subspace": "none", "lags": 1, "smoothness": 0.0}


def one_dimension(trials, a, b=0.0, *, switch=False, bins=8, seed=0):
    """x' = a x + u, u' = b u + white noise, begun in the stationary state; optionally three times the noise from the middle."""
    rng = np.random.default_rng(seed)
    x, u = np.zeros(trials), np.zeros(trials)
    found = np.empty((trials, bins, 1))
    for t in range(-40, bins):
        u = b * u + (3.0 if switch and t >= bins // 2 else 1.0) * rng.normal(size=trials)
        x = a * x + u
        if t >= 0:
            found[:, t, 0] = x
    return found


def seen(trials, matrix, maps, noise, bins=30, seed=0):
    rng = np.random.default_rng(seed)
    size = len(matrix)
    x = np.empty((trials, bins, size))
    x[:, 0] = rng.normal(size=(trials, size))
    for t in range(1, bins):
        x[:, t] = x[:, t - 1] @ matrix.T + 0.3 * rng.normal(size=(trials, size))
    return x @ maps.T + noise * rng.normal(size=(trials, bins, len(maps)))


def test_a_white_input_does_not_bias_and_a_switch_of_its_variance_neither():
    for switch in (False, True):
        found = estimate(one_dimension(400_000, 0.8, switch=switch), np.zeros(400_000), ResidualDynamicsConfig(**PLAIN))
        np.testing.assert_allclose(found.operators.mean(), 0.8, atol=0.005)
        np.testing.assert_allclose(found.plain.mean(), 0.8, atol=0.005)


def test_an_input_with_memory_biases_by_what_theory_says():
    a, b = 0.8, 0.5
    found = estimate(one_dimension(400_000, a, b), np.zeros(400_000), ResidualDynamicsConfig(**PLAIN))
    np.testing.assert_allclose(found.plain[:, 0, 0], (a + b) / (1 + a * b), atol=0.005)  # 0.92857
    np.testing.assert_allclose(found.operators[:, 0, 0], (a + b) - a * b * (1 + a * b) / (a + b), atol=0.005)  # 0.86923


def test_observation_noise_attenuates_plain_regression_by_the_share_of_signal_but_not_two_stages():
    a, noise = 0.8, 2.0
    x = one_dimension(100_000, a, bins=10)
    signal = 1 / (1 - a**2)
    observed = x + noise * np.random.default_rng(1).normal(size=x.shape)
    found = estimate(observed, np.zeros(len(x)), ResidualDynamicsConfig(**{**PLAIN, "lags": 2}))
    np.testing.assert_allclose(found.operators.mean(), a, atol=0.01)
    np.testing.assert_allclose(found.plain.mean(), a * signal / (signal + noise**2), atol=0.01)


def test_everything_is_chosen_and_the_operator_is_found_in_many_noisy_channels():
    matrix = np.array([[0.95, 0.1], [0.0, 0.8]])
    maps = np.linalg.qr(np.random.default_rng(2).normal(size=(10, 10)))[0][:, :2]
    conditions = np.arange(3000) % 2
    activity = seen(3000, matrix, maps, 0.5) + conditions[:, None, None] * np.sin(np.arange(30))[None, :, None]
    found = estimate(activity, conditions, bin_s=0.02)
    picked = {each.name: each.chosen for each in found.tried}
    assert picked["rank"] == 2 and picked["lags, dimension"][1] == 2
    np.testing.assert_allclose(np.linalg.norm(found.subspace.T @ maps, axis=0), 1, atol=1e-3)
    np.testing.assert_allclose(np.abs(found.eigenvalues).mean(0), [0.95, 0.8], atol=0.015)
    turned = maps.T @ found.subspace @ found.operators.mean(0) @ found.subspace.T @ maps
    np.testing.assert_allclose(turned, matrix, atol=0.03)
    assert found.plain_leading.mean() < 0.85  # attenuated
    np.testing.assert_allclose(found.time_constants_s[:, 0].mean(), -0.02 / np.log(0.95), rtol=0.05)
    np.testing.assert_allclose(found.rotation_hz, 0, atol=1e-9)
    lambdas = np.array([0.95, 0.8])
    expected = np.sqrt((matrix**2).sum() - (lambdas**2).sum()) / np.sqrt((lambdas**2).sum())
    np.testing.assert_allclose(found.non_normality.mean(), expected, atol=0.03)
    np.testing.assert_allclose(found.singular_values.mean(0), np.linalg.svd(matrix)[1], atol=0.02)


def test_smoothing_solves_the_normal_equations():
    """Against the one dense least-squares problem of all operators together."""
    from neurodyn.dynamics.residual_moments import LaggedMoments
    from neurodyn.dynamics.residual_stages import first_stage, second_stage

    rng = np.random.default_rng(0)
    x, alpha, lags = rng.normal(size=(40, 9, 2)).cumsum(1), 3.0, 2
    moments = LaggedMoments.of(x, np.ones((40, 9), bool), lags + 1)
    first = first_stage(moments, lags)
    found = second_stage(moments, first, alpha)[0]
    bins = range(lags, 8)
    rows, targets = [], []
    for i, t in enumerate(bins):
        past = np.concatenate([x[:, t - k] for k in range(1, lags + 1)], 1)
        fitted = past @ np.linalg.lstsq(past, x[:, t], rcond=None)[0]
        block = np.zeros((40, len(bins), 2))
        block[:, i] = fitted
        rows.append(block.reshape(40, -1))
        targets.append(x[:, t + 1])
    for i in range(len(bins) - 1):
        change = np.zeros((2, len(bins), 2))
        change[:, i], change[:, i + 1] = -np.sqrt(alpha) * np.eye(2), np.sqrt(alpha) * np.eye(2)
        rows.append(change.reshape(2, -1))
        targets.append(np.zeros((2, 2)))
    dense = np.linalg.lstsq(np.concatenate(rows), np.concatenate(targets), rcond=None)[0]
    np.testing.assert_allclose(found, dense.reshape(len(bins), 2, 2).swapaxes(1, 2), rtol=1e-8, atol=1e-10)


def test_trials_of_different_length_are_read_where_they_have_data():
    matrix, maps = np.array([[0.9]]), np.eye(1)
    activity = seen(4000, matrix, maps, 0.5)
    ends = np.random.default_rng(3).integers(15, 31, 4000)
    ends[:200] = 30
    mask = np.arange(30) < ends[:, None]
    config = ResidualDynamicsConfig(subspace="none", lags=2, smoothness=1e3)
    spoiled = np.where(mask[..., None], activity, 1e6)
    found = estimate(spoiled, np.zeros(4000), config, mask=mask)
    np.testing.assert_allclose(found.operators.mean(), 0.9, atol=0.02)
    np.testing.assert_array_equal(found.operators, estimate(activity, np.zeros(4000), config, mask=mask).operators)


def test_bootstrap_spreads_as_fresh_data_do_and_is_the_estimate_on_drawn_trials():
    config = ResidualDynamicsConfig(subspace="none", lags=2, smoothness=1e3)
    each = [estimate(seen(500, np.array([[0.9]]), np.eye(1), 0.5, seed=s), np.zeros(500), config) for s in range(60)]
    spread = np.std([found.leading[10] for found in each])
    assert 0.6 < each[0].bootstrap(300)[:, 10].std() / spread < 1.6
    drawn = np.random.default_rng(0).integers(0, 500, 500)
    activity = seen(500, np.array([[0.9]]), np.eye(1), 0.5, seed=0)
    weights = np.bincount(drawn, minlength=500)[None].astype(float)
    again = estimate(activity[drawn], np.zeros(500), config)
    np.testing.assert_allclose(each[0].under(weights)[0], again.operators, atol=2e-3)


def test_the_same_seed_gives_the_same_numbers():
    activity = seen(400, np.diag([0.9, 0.5]), np.eye(3)[:, :2], 0.5, bins=14)
    one, two = (estimate(activity, np.zeros(400)) for _ in range(2))
    np.testing.assert_array_equal(one.operators, two.operators)
    assert one.as_mapping() == two.as_mapping()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"activity": np.zeros((14, 12, 2))}, r"14 trials; expected at least \d+"),
        ({"conditions": np.array([0] * 79 + [1])}, "condition 1 has 1 trial"),
        ({"conditions": np.zeros(5)}, "5 labels"),
        ({"activity": np.ones((80, 2, 2))}, "2 bins"),
        ({"activity": np.ones((80, 12, 2))}, "singular instrument"),
    ],
)
def test_what_cannot_be_estimated_says_why(change, said):
    rng = np.random.default_rng(0)
    given = {"activity": rng.normal(size=(80, 12, 2)), "mask": None, **change}
    conditions = given.pop("conditions", np.zeros(len(given["activity"])))
    config = ResidualDynamicsConfig(subspace="none", lags=4, smoothness=1.0)
    with pytest.raises(InvalidInput, match=said):
        estimate(given["activity"], conditions, config, mask=given["mask"])


def test_numbers_that_are_not_finite_are_refused_unless_masked():
    activity = np.random.default_rng(0).normal(size=(80, 12, 2))
    activity[3, 7] = np.nan
    config = ResidualDynamicsConfig(subspace="none", lags=1, smoothness=1.0)
    with pytest.raises(InvalidInput, match="trial 3, bin 7"):
        estimate(activity, np.zeros(80), config)
    mask = np.ones((80, 12), bool)
    mask[3, 7] = False
    assert np.isfinite(estimate(activity, np.zeros(80), config, mask=mask).operators).all()
