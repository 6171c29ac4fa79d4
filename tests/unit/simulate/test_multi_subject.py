"""Subjects that read the same latents: the system's own numbers."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.simulate.multi_subject import (
    DECAYS,
    LATENTS,
    PERIODS,
    UNITS,
    Population,
    latent_trajectories,
    population,
)


def draw(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_rates_are_softplus_of_the_weighted_latents() -> None:
    units = Population(np.array([[1.0, 0, 0, 0], [0, 2, 0, -1]]), np.array([-0.3, 0.5]), None)
    z = np.array([[[0.5, 1, 0, 0], [0, -50, 0, 0]]])
    expected = [[[np.log1p(np.exp(1.2 * 0.5 - 0.3)), np.log1p(np.exp(1.2 * 2 + 0.5))], [np.log1p(np.exp(-0.3)), 0]]]
    np.testing.assert_allclose(units.rates(z), expected, atol=1e-12)


def test_latents_are_damped_rotations_with_the_periods_of_the_specification() -> None:
    """A regression of each plane on its own past gives back decay and angle: the drive is smooth, so neighbouring bins of it are left out of the regressors."""
    z = latent_trajectories(400, 24, draw())
    assert z.shape == (400, 24, LATENTS)
    for plane, (period, decay) in enumerate(zip(PERIODS, DECAYS)):
        angle = 2 * np.pi / period
        turn = decay * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        own = z[..., 2 * plane : 2 * plane + 2]
        noise = own[:, 1:] - own[:, :-1] @ turn.T
        far = np.array([np.mean(noise[:, lag:] * noise[:, : noise.shape[1] - lag]) for lag in (0, 1, 13, 15)])
        assert far[1] / far[0] == pytest.approx(np.exp(-1 / 16), abs=0.02), "the drive is smoothed over 2 bins"
        assert np.abs(far[2:] / far[0]).max() < 0.05, "and white beyond its 13 taps"
        assert far[0] == pytest.approx(1, rel=0.05), "of unit variance"


def test_stimuli_are_independent_and_past_the_start() -> None:
    z = latent_trajectories(2000, 24, draw(1))
    first, last = z[:, 0].var(0), z[:, -1].var(0)
    np.testing.assert_allclose(first, last, rtol=0.15)
    half = z.reshape(2, 1000, -1)
    shared = np.corrcoef(half[0].ravel(), half[1].ravel())[0, 1]
    assert abs(shared) < 0.02


@pytest.mark.parametrize("tier", ["T", "TP", "R", "G"])
def test_units_are_as_the_tier_says(tier: str) -> None:
    made = [population(tier, draw(seed)) for seed in range(60)]
    sizes = [len(p.bias) for p in made]
    assert min(sizes) >= UNITS[0] and max(sizes) <= UNITS[1] and len(set(sizes)) > 20
    weights, bias = np.concatenate([p.weights for p in made]), np.concatenate([p.bias for p in made])
    assert bias.mean() == pytest.approx(-0.3, abs=0.03) and bias.std() == pytest.approx(0.5, abs=0.03)
    mean = weights.mean(0)
    if tier in ("T", "TP"):
        place = np.concatenate([p.position for p in made])
        angle = 2 * np.pi * place
        tuning = np.stack([np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)], 1)
        slope = (weights * tuning).sum() / (tuning**2).sum()
        assert slope == pytest.approx(np.exp(0.3**2 / 2), rel=0.03), "gains are exp(0.3 n), whose mean is exp(0.045)"
        in_order = all(np.all(np.diff(p.position) > 0) for p in made)
        assert in_order == (tier == "T")
    else:
        assert all(p.position is None for p in made)
        assert mean[0] == pytest.approx(np.exp(0.045) if tier == "G" else 0, abs=0.06)
        assert np.abs(mean[1:]).max() < 0.06


def test_the_isotropic_tier_does_not_know_the_frame() -> None:
    """Any rotation of the weights is as likely: second moments are a multiple of the identity. This is why zero-shot must fail."""
    weights = np.concatenate([population("R", draw(seed)).weights for seed in range(200)])
    moments = weights.T @ weights / len(weights)
    np.testing.assert_allclose(moments / moments.trace() * 4, np.eye(4), atol=0.05)


def test_permuted_units_are_those_of_the_map_in_another_order() -> None:
    straight, mixed = population("T", draw(7)), population("TP", draw(7))
    order = np.argsort(mixed.position)
    np.testing.assert_allclose(mixed.position[order], straight.position)
    np.testing.assert_allclose(mixed.weights[order], straight.weights)
    np.testing.assert_allclose(mixed.bias[order], straight.bias)
    assert not np.array_equal(mixed.position, straight.position)
