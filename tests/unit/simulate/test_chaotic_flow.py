"""Rössler, Arneodo, and what chaotic flows share (two_area.md section 3.4)."""

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.simulate.arneodo import Arneodo, ArneodoConfig
from neurodyn.simulate.base import Simulator
from neurodyn.simulate.known import simulator_of
from neurodyn.simulate.lorenz import Lorenz, LorenzConfig
from neurodyn.simulate.rossler import Rossler, RosslerConfig

FLOWS = [Lorenz, Rossler, Arneodo]


@pytest.mark.parametrize("flow", FLOWS)
def test_stays_on_an_attractor_and_follows_step_and_decode(flow):
    system = flow()
    trials = system.simulate(30, seed=2)
    states = trials.truth["states"]
    assert np.abs(states).max() < 60
    np.testing.assert_allclose(system.step(states[:, 7]), states[:, 8], atol=1e-12)
    np.testing.assert_allclose(system.decode(states[:, 7]), trials.truth["latents"][:, 7], atol=1e-12)
    np.testing.assert_array_equal(trials.counts, flow().simulate(30, seed=2).counts)
    np.testing.assert_array_equal(trials.counts[:4], flow().simulate(4, seed=2).counts)
    assert type(simulator_of(trials)) is flow


@pytest.mark.parametrize(("flow", "coordinate"), [(Lorenz, 2), (Rossler, 0), (Arneodo, 0)])
def test_points_per_period(flow, coordinate):
    """The mean time between two maxima of a coordinate is that many bins."""
    system = flow(flow.Config(time_per_bin=None, points_per_period=40.0, burn_in_bins=120))
    values = system.run(system.initial_state(120), 1000)[..., coordinate]
    maxima = (values[:, 1:-1] > values[:, :-2]) & (values[:, 1:-1] >= values[:, 2:])
    places = [np.flatnonzero(each) for each in maxima]
    found = np.mean([(each[-1] - each[0]) / (len(each) - 1) for each in places])
    assert found == pytest.approx(40, rel=0.03)


def test_equations_at_a_point():
    point = np.array([[1.0, 2.0, 3.0]])
    np.testing.assert_allclose(Rossler().drift(point), [[-5, 1.4, 0.2 + 3 * (1 - 5.7)]])
    np.testing.assert_allclose(Arneodo().drift(point), [[2, 3, 5.5 - 9 - 3 - 1]])


@pytest.mark.parametrize("flow", FLOWS)
def test_step_converges_at_fourth_order(flow):
    start = flow().initial_state(20)
    total = 0.16

    def at(bins):
        system, state = flow(flow.Config(time_per_bin=total / bins, substeps=1)), start
        for _ in range(bins):
            state = system.step(state)
        return state

    exact = at(256)
    error = [np.abs(at(n) - exact).mean() for n in (4, 8)]
    assert np.log2(error[0] / error[1]) == pytest.approx(4, abs=0.5)
    halves = flow(flow.Config(time_per_bin=total, substeps=8)).step(start)
    np.testing.assert_allclose(halves, at(8), atol=1e-12)


@pytest.mark.parametrize("flow", FLOWS)
def test_volume_shrinks_as_it_must(flow):
    """det of a bin's Jacobian is exp of the divergence over the bin: constant for Lorenz and Arneodo."""
    system = flow()
    state = system.initial_state(10)
    found = np.linalg.det(system.latent_jacobian(state))
    if flow is Rossler:
        fine = flow(RosslerConfig(substeps=8))
        np.testing.assert_allclose(found, np.linalg.det(fine.latent_jacobian(state)), rtol=1e-3)
    else:
        divergence = {Lorenz: -(10 + 1 + 8 / 3), Arneodo: -1.0}[flow]
        np.testing.assert_allclose(found, np.exp(divergence * system.time_per_bin), rtol=2e-3)


def test_embedded_latents_and_their_jacobian():
    parts = [{"name": "rotation", "seed": 1}, {"name": "paraboloid", "scale": 0.5}]
    plain = Arneodo()
    flow = Arneodo(ArneodoConfig(embedding={"name": "stack", "parts": parts}))
    trials = flow.simulate(12, seed=3)
    latents = trials.truth["latents"]
    assert latents.shape[-1] == 4
    np.testing.assert_array_equal(trials.truth["states"], plain.simulate(12, seed=3).truth["states"])
    np.testing.assert_allclose(latents[..., 3], 0.25 * (latents[..., :3] ** 2).sum(-1))
    state = trials.truth["states"][:, 5]
    jacobian = flow.latent_jacobian(state)
    away = 1e-4 * np.random.default_rng(0).normal(size=state.shape)
    moved = flow.decode(flow.step(state + away)) - flow.decode(flow.step(state - away))
    across = flow.decode(state + away) - flow.decode(state - away)
    np.testing.assert_allclose(np.einsum("nij,nj->ni", jacobian, across), moved, atol=1e-7)
    assert type(simulator_of(trials).embedding) is type(flow.embedding)
    np.testing.assert_array_equal(simulator_of(trials).decode(state), flow.decode(state))


def test_without_embedding_the_jacobian_is_that_of_the_standardised_coordinates():
    state = Lorenz().initial_state(5)
    found = Lorenz().latent_jacobian(state)
    np.testing.assert_allclose(found, Simulator.latent_jacobian(Lorenz(), state), atol=1e-6)
    sd = Lorenz().attractor[1]
    h = 1e-5 * np.array([1.0, 0, 0])
    column = (Lorenz().step(state + h) - Lorenz().step(state - h)) / 2e-5
    np.testing.assert_allclose(found[:, :, 0], column * sd[0] / sd, atol=1e-6)


@pytest.mark.parametrize(
    ("config", "field"),
    [
        (lambda: Lorenz(LorenzConfig(time_per_bin=0.2)), "time_per_bin"),
        (lambda: Rossler(RosslerConfig(points_per_period=5.0)), "time_per_bin"),
        (lambda: RosslerConfig(points_per_period=0.5), "points_per_period"),
        (lambda: ArneodoConfig(substeps=0), "substeps"),
        (lambda: ArneodoConfig(embedding={"name": "torus", "radius": 2}), "radius"),
    ],
)
def test_bad_options(config, field):
    with pytest.raises(InvalidInput, match=field):
        config()


def test_a_start_off_the_attractor_is_refused():
    flow = Rossler(RosslerConfig(start_sd=200.0))
    with np.errstate(all="ignore"), pytest.raises(InvalidInput, match="start_sd"):
        flow.simulate(2)
