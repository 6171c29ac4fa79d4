"""Harmonic Langevin system: everything in closed form (langevinflow.md sections 7.2 and 10.3)."""

import dataclasses

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.simulate.langevin import Langevin, LangevinConfig


@pytest.fixture(scope="module")
def trials():
    return Langevin().simulate(600, seed=4)


def test_the_first_and_the_last_bin_follow_the_stationary_law():
    c = LangevinConfig(bins=30)
    states = Langevin(c).simulate(8000, seed=2, randomness="shared").truth["states"]
    matrix = np.array(c.stiffness)
    position, velocity = c.temperature * np.linalg.inv(matrix), c.temperature * (np.eye(2) - matrix * c.bin_s**2 / 4)
    expected = np.block([[position, np.zeros((2, 2))], [np.zeros((2, 2)), velocity]])
    np.testing.assert_allclose(Langevin(c).covariance(), expected, atol=1e-9)
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    for t in (0, 29):
        np.testing.assert_allclose(np.cov(states[:, t].T) / scale, expected / scale, atol=0.05)


def test_a_bin_later_is_the_transition_with_the_noise_that_keeps_the_law(trials):
    langevin, states = Langevin(), trials.truth["states"]
    before, after = states[:, :-1].reshape(-1, 4), states[:, 1:].reshape(-1, 4)
    fitted = np.linalg.lstsq(before, after)[0].T
    scale = np.sqrt(np.diag(langevin.covariance()))
    np.testing.assert_allclose(
        fitted * scale / scale[:, None], langevin.transition() * scale / scale[:, None], atol=0.02
    )
    noise = langevin.covariance() - langevin.transition() @ langevin.covariance() @ langevin.transition().T
    np.testing.assert_allclose(np.diag(np.cov((after - before @ langevin.transition().T).T)), np.diag(noise), rtol=0.03)


def test_modes_have_the_frequencies_and_damping_of_the_equation():
    # One bin of Δ = 20 ms: a frequency is right to order (ωΔ)², 2.5 % here, and the damping exactly.
    rates = np.log(np.linalg.eigvals(Langevin().transition())) / 0.02
    exact = np.sqrt(np.linalg.eigvalsh(Langevin().stiffness) - 3.0**2)
    np.testing.assert_allclose(rates.real, -3.0, rtol=1e-9)
    np.testing.assert_allclose(np.sort(np.abs(rates.imag))[::2], exact, rtol=0.01)


def test_step_is_the_expected_state_and_inputs_push():
    langevin, state = Langevin(), Langevin().initial_state(3, 4)
    np.testing.assert_allclose(langevin.step(state), state @ langevin.transition().T, atol=1e-9)
    np.testing.assert_allclose(langevin.step(np.zeros((2, 4))), 0)
    # Under a constant push F positions come to rest at F A⁻¹.
    push, resting = np.array([[50.0, -20.0]]), np.zeros((1, 4))
    for _ in range(400):
        resting = langevin.step(resting, push)
    np.testing.assert_allclose(langevin.decode(resting), push @ np.linalg.inv(langevin.stiffness), rtol=1e-6)
    np.testing.assert_allclose(resting[:, 2:], 0, atol=1e-6)


def test_truth_fits_together(trials):
    truth = trials.truth
    np.testing.assert_array_equal(truth["latents"], truth["states"][..., :2])
    np.testing.assert_array_equal(Langevin().initial_state(600, 4), truth["states"][:, 0])
    projection = np.array(trials.provenance["readout"]["projection"])
    np.testing.assert_allclose(truth["rates"], 0.35 * np.exp(truth["latents"] @ projection))
    assert abs(trials.counts.sum() - truth["rates"].sum()) < 4 * np.sqrt(truth["rates"].sum())
    assert 0.3 < truth["rates"].mean() < 0.5
    assert "inputs" not in truth


def test_trial_7_is_the_same_whatever_the_number_of_trials(trials):
    few = Langevin().simulate(8, seed=4)
    np.testing.assert_array_equal(few.counts[7], trials.counts[7])
    np.testing.assert_array_equal(few.truth["rates"][7], trials.truth["rates"][7])


def test_any_dimension():
    one = Langevin(LangevinConfig(stiffness=((150.0,),), bins=1)).simulate(3)
    assert one.truth["states"].shape == (3, 1, 2)
    three = LangevinConfig(stiffness=((90.0, 0.0, 5.0), (0.0, 60.0, 0.0), (5.0, 0.0, 200.0)), bins=6)
    assert Langevin(three).simulate(2).truth["latents"].shape == (2, 6, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"damping": 0.0}, "damping"),
        ({"temperature": -1.0}, "temperature"),
        ({"stiffness": ((1.0, 2.0),)}, "symmetric"),
        ({"stiffness": ((1.0, 2.0), (0.0, 1.0))}, "symmetric"),
        ({"stiffness": ((1.0, 2.0), (2.0, 1.0))}, "an eigenvalue of -1"),
        ({"stiffness": ()}, "symmetric"),
        ({"bin_s": 0.2}, "bin_s.*below 2"),
        ({"bins": 0}, "bins"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InvalidInput, match=message):
        dataclasses.replace(LangevinConfig(), **options)


def test_it_has_no_stored_study():
    with pytest.raises(InvalidInput, match="randomness"):
        Langevin().simulate(2, randomness="legacy")
