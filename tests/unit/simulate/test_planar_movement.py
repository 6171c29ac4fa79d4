"""Planar movement worlds: exact Jacobians, and what residual dynamics find of them."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.dynamics.residual_dynamics import ResidualDynamicsConfig, estimate
from neurodyn.simulate.planar_movement import PlanarMovement, PlanarMovementConfig

KINDS = ("rotation", "channel", "point_attractor")
STEPWISE = {"bins": 1000, "bin_s": 0.001}


@pytest.mark.parametrize(
    ("kind", "sizes"), [("rotation", (1.0, 1.0)), ("channel", (1.0, 0.98)), ("point_attractor", (0.98, 0.96))]
)
def test_eigenvalues_at_distance_one(kind, sizes):
    world = PlanarMovement(PlanarMovementConfig(kind=kind))
    angles = np.linspace(0, 2 * np.pi, 7)
    values = np.linalg.eigvals(world.step_jacobian(np.stack([np.cos(angles), np.sin(angles)], 1)))
    np.testing.assert_allclose(np.sort(np.abs(values), 1)[:, ::-1], np.tile(sizes, (7, 1)), atol=2e-4)
    if kind == "rotation":  # the shear adds to the turn
        np.testing.assert_allclose(np.abs(np.angle(values)), np.sqrt(2) * 1.2 * 1e-3, rtol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_the_jacobian_over_a_bin_is_that_of_the_step(kind):
    world = PlanarMovement(PlanarMovementConfig(kind=kind))
    rng = np.random.default_rng(0)
    state, push = rng.normal(size=(6, 2)), rng.normal(size=(6, 2))
    exact = world.latent_jacobian(state, push)
    for j in range(2):
        h = np.zeros(2)
        h[j] = 1e-6
        slope = (world.step(state + h, push) - world.step(state - h, push)) / 2e-6
        np.testing.assert_allclose(exact[:, :, j], slope, atol=1e-7)


def test_averages_agree_and_residual_dynamics_do_not():
    means, leading, turn = {}, {}, {}
    config = ResidualDynamicsConfig(subspace="none", lags=5, smoothness=100.0, jitter=1e-6)
    for kind in KINDS:
        world = PlanarMovement(PlanarMovementConfig(kind=kind, **STEPWISE))
        states, sign = world.paths(3000, seed=0, randomness="shared")
        means[kind] = np.stack([states[sign == s].mean(0) for s in (-1, 1)])
        one = states[sign > 0]
        found = estimate(one, np.zeros(len(one)), config, bin_s=0.001)
        values = np.linalg.eigvals(found.operators[:200])
        leading[kind] = np.sort(np.abs(values), 1)[:, ::-1].mean(0)
        turn[kind] = np.abs(np.angle(values)).mean() / 1e-3
    assert np.abs(means["point_attractor"] - means["rotation"]).max() < 0.04
    np.testing.assert_allclose(leading["rotation"], (1.0, 1.0), atol=0.005)
    np.testing.assert_allclose(leading["channel"], (1.0, 0.98), atol=0.005)
    np.testing.assert_allclose(leading["point_attractor"], (0.98, 0.96), atol=0.005)
    assert turn["rotation"] > 1.2 > 0.3 > turn["point_attractor"]


def test_only_the_point_attractor_has_inputs():
    for kind in KINDS:
        truth = PlanarMovement(PlanarMovementConfig(kind=kind, bins=5)).simulate(4, seed=1).truth
        assert ("inputs" in truth) == (kind == "point_attractor")
