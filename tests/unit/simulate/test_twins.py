"""Adversarial twins (two_area.md sections 7.3.3 and 10)."""

import numpy as np
import pytest

import neurodyn
from neurodyn.errors import InvalidInput
from neurodyn.simulate.known import simulator_of
from neurodyn.simulate.twins import STRUCTURES, as_twin, input_for, input_for_steps, rerun, twins_of
from neurodyn.simulate.two_area import TwoArea, TwoAreaConfig, single_area
from neurodyn.tasks.pulse_discrimination import PulseDiscrimination, PulseDiscriminationConfig


@pytest.fixture(scope="module", params=["rec", "recnf"])
def pfc(request):
    """PFC's path in steps of 1 ms, with noise of 1 ms, and that noise."""
    one_ms = PulseDiscrimination(PulseDiscriminationConfig(bin_s=0.001))
    area = TwoArea(TwoAreaConfig(preset=request.param, substeps=1), one_ms)
    trials = area.simulate(5, seed=1)
    drawn = area.drawn(trials)
    path = np.concatenate([drawn.start[:, None], trials.truth["states"]], 1)
    received = path[:, :-1, :2] @ area.coupling[:2, 2:] + drawn.noise[:, :, 0, 2:]
    return np.ascontiguousarray(path[..., 2:]), received


@pytest.mark.parametrize("structure", [*STRUCTURES, 0.4182])
def test_a_twin_reproduces_the_path_to_rounding(pfc, structure):
    path, received = pfc
    twin = single_area(structure)
    inputs = input_for_steps(twin, path, 0.001)
    assert np.abs(rerun(twin, path[:, 0], inputs, 0.001) - path).max() < 1e-10
    # What PFC received, its noise included, and what its own coupling did otherwise.
    difference = path[:, :-1] @ (single_area(0.4182).coupling - twin.coupling)
    np.testing.assert_allclose(inputs, received + difference, atol=1e-8)


def test_the_continuous_form_is_the_inverse_of_the_drift():
    rng = np.random.default_rng(0)
    states, current = rng.uniform(0, 0.9, (50, 2)), rng.normal(0, 0.02, (50, 2))
    circuit, twin = single_area(0.4182), single_area(0.2)
    inputs = input_for(twin, states, circuit.drift(states, current))
    np.testing.assert_allclose(twin.drift(states, inputs), circuit.drift(states, current), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(inputs, current + states @ (circuit.coupling - twin.coupling), atol=1e-9)


def test_a_fall_faster_than_decay_has_no_input():
    with pytest.raises(InvalidInput, match=r"slopes.*above 0 Hz"):
        input_for(single_area(0.2), np.full((1, 2), 0.5), np.full((1, 2), -20.0))
    with pytest.raises(InvalidInput, match="states"):
        input_for(single_area(0.2), np.full((1, 2), 1.0), np.zeros((1, 2)))


@pytest.mark.parametrize("variant", ["rec", "recnf"])
def test_twins_have_the_same_spikes_and_other_inputs_and_jacobians(variant):
    own = neurodyn.load("two_area", trials=10, variant=variant)
    area = simulator_of(own)
    states, stimulus = (own.truth[name].reshape(-1, 4) for name in ("states", "stimulus"))
    radii = []
    for structure in STRUCTURES:
        twin = neurodyn.load("two_area", trials=10, variant=variant, twin=structure)
        np.testing.assert_array_equal(twin.counts, own.counts)
        np.testing.assert_array_equal(twin.truth["latents"], own.truth["latents"])
        gap = own.truth["latents"] @ (single_area(0.4182).coupling - single_area(structure).coupling)
        np.testing.assert_allclose(twin.truth["inputs"], own.truth["inputs"] + gap, atol=1e-15)
        simulator = simulator_of(twin)
        assert simulator.config == twins_of(area)[structure].config
        jacobian = simulator.latent_jacobian(states, stimulus)
        radii.append(np.abs(np.linalg.eigvals(jacobian)).max(1).mean())
    radii.insert(2, np.abs(np.linalg.eigvals(area.latent_jacobian(states, stimulus))).max(1).mean())
    assert (np.diff(radii) > 0.005).all(), radii  # more structure, less stable


def test_twins_are_of_pfc_alone():
    with pytest.raises(InvalidInput, match="twin"):
        neurodyn.load("two_area", trials=10, recorded="both", twin=0.2)


def test_the_same_trials_as_a_twin_has_them():
    own, twin = (neurodyn.load("two_area", trials=10, variant="recnf", twin=each) for each in (None, 0.35))
    for made in (as_twin(own, 0.35), as_twin(as_twin(own, 0.2), 0.35)):
        np.testing.assert_allclose(made.truth["inputs"], twin.truth["inputs"], atol=1e-15)
        assert simulator_of(made).config == simulator_of(twin).config
    with pytest.raises(InvalidInput, match="trials"):
        as_twin(neurodyn.load("two_area", trials=10, recorded="both"), 0.35)
