"""The single-area circuit as a recorded system (two_area.md sections 1.1 to 1.3 and 2)."""

import numpy as np
import pytest

import neurodyn
from neurodyn.errors import InvalidInput
from neurodyn.simulate.known import simulator_of
from neurodyn.simulate.noise import NoiseConfig
from neurodyn.simulate.perturbation import Pulse
from neurodyn.simulate.single_area import SingleArea, SingleAreaConfig
from neurodyn.tasks.context_decision import ContextDecision
from neurodyn.tasks.perceptual import Perceptual, PerceptualConfig


@pytest.fixture(scope="module")
def trials():
    return SingleArea().simulate(300, seed=3)


def test_truth_follows_the_equations(trials):
    truth, circuit = trials.truth, SingleArea()
    np.testing.assert_array_equal(truth["latents"], truth["states"])
    assert truth["states"].min() >= 0
    assert truth["states"].max() < 1
    assert (truth["inputs"][:, :5] == 0).all()
    assert (truth["inputs"][:, 95:] == 0).all()
    quiet = SingleArea(SingleAreaConfig(noise=NoiseConfig(preset="none"))).simulate(8, seed=3).truth
    np.testing.assert_allclose(circuit.step(quiet["states"][:, 40], quiet["inputs"][:, 41]), quiet["states"][:, 41])
    np.testing.assert_array_equal(quiet["inputs"], truth["inputs"][:8])


@pytest.mark.parametrize(("structure", "points"), [(0.2, 1), (0.35, 5), (0.4182, 5), (0.5, 3)])
def test_fixed_points_stay_put(structure, points):
    circuit = SingleArea(SingleAreaConfig(structure=structure))
    found = circuit.circuit.fixed_points()
    assert len(found) == points
    np.testing.assert_allclose(circuit.step(found), found, atol=1e-9)


@pytest.mark.parametrize("integrator", ["euler", "rk4"])
def test_jacobian_of_a_bin(integrator, trials):
    circuit = SingleArea(SingleAreaConfig(integrator=integrator))
    state, drive = trials.truth["states"][:40, 30], trials.truth["inputs"][:40, 31]
    found = circuit.latent_jacobian(state, drive)
    for place, away in enumerate(1e-6 * np.eye(2)):
        column = (circuit.step(state + away, drive) - circuit.step(state - away, drive)) / 2e-6
        np.testing.assert_allclose(found[:, :, place], column, atol=1e-8)


def test_jacobian_at_rest_has_the_published_eigenvalues():
    circuit = SingleArea(SingleAreaConfig(substeps=100))
    found = np.linalg.eigvals(circuit.latent_jacobian(np.full((1, 2), 0.08411)))[0]
    np.testing.assert_allclose(np.sort(np.log(found.real) / 0.01), [-7.624, -5.161], rtol=2e-3)


def test_integrators_agree():
    quiet = NoiseConfig(preset="none")
    euler, rk4 = (
        SingleArea(SingleAreaConfig(noise=quiet, integrator=each)).simulate(20, seed=1).truth["states"]
        for each in ("euler", "rk4")
    )
    assert np.abs(euler - rk4).max() < 0.01


def test_accuracy_rises_with_coherence(trials):
    table = trials.table
    right = (table.choice == table.correct_choice).groupby(table.coherence.abs().round(3)).mean()
    assert right.is_monotonic_increasing
    assert right.iloc[0] < 0.8 < 0.97 < right.iloc[-1]


def test_at_coherence_zero_choices_are_even():
    circuit = SingleArea(task=Perceptual(PerceptualConfig(coherences=(0.0,))))
    assert circuit.simulate(1000, seed=2).table.choice.mean() == pytest.approx(0.5, abs=0.04)


def test_a_trial_is_its_own_and_a_seed_gives_the_same(trials):
    few = SingleArea().simulate(9, seed=3)
    np.testing.assert_array_equal(few.counts, trials.counts[:9])
    np.testing.assert_array_equal(few.truth["rates"], trials.truth["rates"][:9])
    np.testing.assert_array_equal(SingleArea().simulate(9, seed=3).counts, few.counts)


def test_a_pulse_moves_what_comes_after_it_and_no_pulse_nothing(trials):
    circuit = simulator_of(trials)
    some = trials.select(np.array([2, 7, 100, 101]))
    still = circuit.perturbed(some, Pulse(size_na=0.0))
    np.testing.assert_array_equal(still.states, some.truth["states"])
    moved = circuit.perturbed(some, Pulse(size_na=0.05, start_s=0.2))
    np.testing.assert_array_equal(moved.states[:, :20], some.truth["states"][:, :20])
    apart = moved.states[:, 25] - some.truth["states"][:, 25]
    assert (apart[:, 1] > 0.01).all()
    assert (apart[:, 0] < apart[:, 1]).all()


def test_by_name():
    trials = neurodyn.load("single_area", trials=20, structure=0.4182, task="perceptual", sampler="binomial")
    circuit = simulator_of(trials)
    assert isinstance(circuit, SingleArea)
    assert circuit.config.structure == 0.4182
    assert type(circuit.task) is Perceptual
    assert len(trials.heldout) == 8
    assert trials.forward == 10


def test_bad_options():
    with pytest.raises(InvalidInput, match="task"):
        SingleArea(task=ContextDecision())
    with pytest.raises(InvalidInput, match=r"data\.task"):
        neurodyn.load("single_area", task="context_decision")
    with pytest.raises(InvalidInput, match="randomness"):
        SingleArea().simulate(2, randomness="legacy")
    with pytest.raises(InvalidInput, match="substeps"):
        SingleAreaConfig(substeps=0)
