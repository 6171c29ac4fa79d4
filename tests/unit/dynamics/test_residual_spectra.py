"""Verdicts on estimates of the same system, of another one, and of data that say little."""

from __future__ import annotations

import numpy as np

from neurodyn.dynamics.residual_dynamics import ResidualDynamicsConfig, estimate
from neurodyn.dynamics.residual_spectra import ResidualSpectra

TRIALS = 1000


def residual(decay, noise, seed):
    rng = np.random.default_rng(seed)
    states, state = np.empty((TRIALS, 20, 2)), rng.normal(size=(TRIALS, 2))
    for t in range(20):
        state = decay * state + np.sqrt(1 - decay**2) * rng.normal(size=(TRIALS, 2))
        states[:, t] = state
    activity = states + noise * rng.normal(size=states.shape)
    return estimate(activity, np.zeros(TRIALS), ResidualDynamicsConfig("none", lags=2, smoothness=50.0))


def spectra(noise, other, seed):
    data, samples = residual(0.9, noise, 2 * seed), residual(other, noise, 2 * seed + 1)
    leading = {"data": data.leading, "samples": samples.leading}
    drawn = {"data": data.bootstrap(100), "samples": samples.bootstrap(100)}
    context = {"lags": 2, "dimension": 2, "trials": TRIALS}
    return ResidualSpectra(data.bins * 0.05, leading, drawn, data.plain_leading, data.strength, {}, context)


def test_noise_alone_is_no_difference():
    """Two data sets of one system: the absolute difference of estimates exceeds the tolerance by their noise alone."""
    found = [spectra(2.0, 0.9, seed) for seed in range(5)]
    gaps = [each.gap("data", "samples") for each in found]
    assert max(gap.value for gap in gaps) > 0.1 and all(
        gap.low < 0.1 and gap.low <= gap.value <= gap.high for gap in gaps
    )
    assert {gap.verdict for gap in gaps} <= {"match", "cannot be told"}
    untold = [each.claims for each, gap in zip(found, gaps) if gap.verdict == "cannot be told"]
    statement = "samples of the model propagate deviations as the data do"
    assert untold and all(not each[statement] and each[f"whether {statement} cannot be told"] for each in untold)


def test_another_system_differs():
    for seed in range(3):
        found = spectra(1.0, 0.6, seed)
        assert found.gap("data", "samples").verdict == "differ" and not any(found.claims.values())


def test_two_weak_estimates_that_agree_are_no_claim():
    found = spectra(30.0, 0.9, 0)
    assert (
        found.weak and found.claims["whether samples of the model propagate deviations as the data do cannot be told"]
    )
