"""LangevinFlow recovers the physics of data that a Langevin equation made."""

from __future__ import annotations

import numpy as np
import pytest

import neurodyn as nd
from neurodyn.analysis.langevin import langevin_physics
from neurodyn.models.langevin_flow import LangevinFlow
from neurodyn.simulate.langevin import Langevin


@pytest.mark.slow
def test_covariance_friction_and_frequencies_are_those_of_the_data() -> None:
    """All within 15 %, with the inferred inputs off and friction started far from the truth."""
    trials = nd.load("langevin", trials=1000, units=80, heldout=0, bins=100, forward=0, split=(8.0, 1.0, 1.0))
    fitted = nd.fit(
        "langevin_flow",
        trials,
        size=2,
        potential={"name": "oscillator", "channels": 2, "quartic": 1e-3},
        decoder="linear",
        decoder_inputs="z",
        time_unit_s=0.1,
        damping=15.0,
        learn_temperature=True,
        encoder=48,
        dropout=0.0,
        coordinated_dropout=0.0,
        objective={"name": "elbo", "kl_scale": 1.0, "kl_increase_epochs": 5},
        train={"epochs": 70, "batch_size": 32, "learning_rate": 0.02, "weight_decay": 0.0, "select": "last"},
        progress=False,
    )
    model, truth = fitted.model_, Langevin()
    assert isinstance(model, LangevinFlow)

    law = model.integrator.stationary(
        model.potential.quadratic().detach().double().numpy(),
        model.step_size,
        model.damping().detach().double().numpy(),
        float(model.temperature().detach()),
    )[:2, :2]
    found = fitted.transform(trials.train).latents[..., :2].reshape(-1, 2)
    true = trials.train.truth["latents"].reshape(-1, 2)
    affine, residual = np.linalg.lstsq(np.hstack([found, np.ones((len(found), 1))]), true, rcond=None)[:2]
    assert 1 - residual.sum() / np.square(true - true.mean(0)).sum() > 0.95
    covariance, expected = affine[:2].T @ law @ affine[:2], truth.covariance()[:2, :2]
    assert np.linalg.norm(covariance - expected) < 0.15 * np.linalg.norm(expected)

    physics = langevin_physics(model, trials.test)
    np.testing.assert_allclose(physics.friction_hz, truth.config.damping, rtol=0.15)
    expected_hz = np.sqrt(np.linalg.eigvalsh(truth.stiffness)) / (2 * np.pi)
    np.testing.assert_allclose(np.sort(physics.modes[0].undamped_hz), expected_hz, rtol=0.15)
