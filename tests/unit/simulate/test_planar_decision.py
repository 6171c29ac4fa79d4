"""Planar decision worlds: the same averages, different residual dynamics, each with its known eigenvalues."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.dynamics.residual_dynamics import ResidualDynamicsConfig, estimate
from neurodyn.errors import InvalidInput
from neurodyn.simulate.perturbation import Pulse
from neurodyn.simulate.planar_decision import PlanarDecision, PlanarDecisionConfig

KINDS = ("saddle", "line_attractor", "point_attractor")
STEPWISE = {"bins": 1000, "bin_s": 0.001}


@pytest.fixture(scope="module")
def paths():
    made = {
        kind: PlanarDecision(PlanarDecisionConfig(kind=kind, **STEPWISE)).paths(4000, seed=0, randomness="shared")
        for kind in KINDS
    }
    return made


def test_averages_agree_though_the_dynamics_do_not(paths):
    means = {kind: np.stack([states[sign == s].mean(0) for s in (-1, 1)]) for kind, (states, sign) in paths.items()}
    assert abs(np.ptp(means["saddle"][..., 0]) - 4.0) < 0.02
    for kind in KINDS[1:]:
        # 4000 noisy trials: the largest of 2000 means of s.d. up to .008; without noise they are equal, below
        assert np.abs(means[kind] - means["saddle"]).max() < 0.025
    for kind in KINDS[1:]:
        np.testing.assert_array_equal(paths[kind][1], paths["saddle"][1])


def test_starts_are_shared_by_all_kinds():
    starts = [PlanarDecision(PlanarDecisionConfig(kind=kind)).initial_state(500, seed=3) for kind in KINDS]
    np.testing.assert_array_equal(starts[0], starts[1])
    np.testing.assert_array_equal(starts[0], starts[2])
    assert abs(starts[0].var() - 0.005) < 0.0006


@pytest.mark.parametrize(
    ("kind", "early", "late"),
    [
        ("saddle", (1.019, 0.991), (0.990, 0.948)),
        ("line_attractor", (1.0, 0.995), (1.0, 0.995)),
        ("point_attractor", (0.98, 0.96), (0.98, 0.96)),
    ],
)
def test_residual_dynamics_tell_them_apart(paths, kind, early, late):
    """One choice; 5 lags, α = 100, no subspace step, noise of variance 1e-6, as in the specification; tolerance 0.005."""
    states, sign = paths[kind]
    one = states[sign > 0]
    config = ResidualDynamicsConfig(subspace="none", lags=5, smoothness=100.0, jitter=1e-6)
    found = estimate(one, np.zeros(len(one)), config, bin_s=0.001)
    size = np.sort(np.abs(np.linalg.eigvals(found.operators)), 1)[:, ::-1]
    np.testing.assert_allclose(size[:25].mean(0), early, atol=0.005)
    np.testing.assert_allclose(size[-100:].mean(0), late, atol=0.005)


def test_the_saddles_driven_end_point_and_its_jacobian():
    world = PlanarDecision(PlanarDecisionConfig(**STEPWISE))
    end = world.average(1000)[-1]
    np.testing.assert_allclose(end[0], -2.0, atol=1e-6)  # the root of −6 x³ + 20 x − 8
    np.testing.assert_allclose(np.linalg.eigvals(world.step_jacobian(end[None]))[0], [0.948, 0.990], atol=1e-5)
    np.testing.assert_allclose(np.linalg.eigvals(world.step_jacobian(np.zeros((1, 2))))[0], [1.02, 0.99], atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_jacobian_over_a_bin_is_that_of_the_step(kind):
    world = PlanarDecision(PlanarDecisionConfig(kind=kind))
    rng = np.random.default_rng(0)
    state, push = rng.normal(size=(6, 2)), rng.normal(size=(6, 2))
    exact = world.latent_jacobian(state, push)
    for j in range(2):
        h = np.zeros(2)
        h[j] = 1e-6
        slope = (world.step(state + h, push) - world.step(state - h, push)) / 2e-6
        np.testing.assert_allclose(exact[:, :, j], slope, atol=1e-7)


def test_trials_are_the_same_for_a_seed_and_lead_back_to_their_world():
    from neurodyn.simulate.known import simulator_of

    world = PlanarDecision(PlanarDecisionConfig(kind="line_attractor", bins=20))
    one, more = world.simulate(3, seed=5), world.simulate(6, seed=5)
    np.testing.assert_array_equal(one.counts, more.counts[:3])
    np.testing.assert_array_equal(one.truth["inputs"], more.truth["inputs"][:3])
    back = simulator_of(one)
    assert isinstance(back, PlanarDecision) and back.config == world.config
    np.testing.assert_array_equal(one.conditions, (world.paths(3, seed=5)[1] > 0).astype(int))


def test_what_it_does_not_have_is_refused():
    with pytest.raises(InvalidInput, match="bin_s"):
        PlanarDecisionConfig(bin_s=0.0005)
    with pytest.raises(InvalidInput, match="legacy"):
        PlanarDecision().simulate(2, randomness="legacy")


def test_inputs_are_solved_for_the_same_averages():
    worlds = [PlanarDecision(PlanarDecisionConfig(kind=kind)) for kind in KINDS]
    averages = [world.average(1000) for world in worlds]  # over starts, without noise, by quadrature
    assert np.abs(averages[1] - averages[0]).max() < 1e-9 and np.abs(averages[2] - averages[0]).max() < 1e-9


@pytest.mark.parametrize("randomness", ["per_trial", "shared"])
@pytest.mark.parametrize("kind", KINDS)
def test_pulses_fade_or_grow_as_the_dynamics_say(kind, randomness):
    world = PlanarDecision(PlanarDecisionConfig(kind=kind, bins=40))
    trials = world.simulate(30, seed=3, randomness=randomness).select([4, 7, 20])
    none, pulse = (Pulse(direction=(1.0, 0.0), start_s=0.1, duration_s=0.01, size_na=size) for size in (0.0, 1.0))
    still, moved = world.perturbed_by(trials, [none, pulse])
    assert np.array_equal(still.latents, trials.truth["latents"])
    change = moved.latents - trials.truth["latents"]
    assert not change[:, :10].any() and moved.choice is None
    if kind == "point_attractor":  # eleven steps are linear: 0.98 each, whatever the trial
        assert np.allclose(change[:, 10, 0], 1e-3 * (1 - 0.98**10) / 0.02)
        assert np.allclose(change[:, 20], change[:, 10] * 0.98**100)
    if kind == "line_attractor":
        assert np.allclose(change[:, 10:, 0], 0.01) and np.allclose(change[..., 1], 0)
    if kind == "saddle":  # it fades where the decision is made, near its end point
        assert (np.abs(change[:, -1, 0]) < np.abs(change[:, 10:, 0]).max(1)).all()
