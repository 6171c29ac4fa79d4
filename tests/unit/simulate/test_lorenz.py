"""Lorenz system (langevinflow.md section 10.3)."""

import dataclasses

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.simulate.lorenz import Lorenz, LorenzConfig


@pytest.fixture(scope="module")
def trials():
    return Lorenz().simulate(300, seed=4)


def test_statistics_of_the_attractor():
    mean, sd = Lorenz().attractor
    np.testing.assert_allclose(mean[:2], 0, atol=0.5)
    assert mean[2] == pytest.approx(23.55, abs=0.3)
    np.testing.assert_allclose(sd, [7.92, 9.01, 8.63], rtol=0.03)


def test_latents_are_standardised(trials):
    np.testing.assert_allclose(trials.truth["latents"].mean((0, 1)), 0, atol=0.15)
    np.testing.assert_allclose(trials.truth["latents"].std((0, 1)), 1, atol=0.06)
    shared = Lorenz().simulate(50, seed=4, randomness="shared").truth["latents"]
    np.testing.assert_allclose(shared.mean((0, 1)), 0, atol=1e-12)
    np.testing.assert_allclose(shared.std((0, 1)), 1, atol=1e-12)


def test_fixed_points_stay():
    wing = np.sqrt(8 / 3 * 27)
    points = np.array([[0, 0, 0], [wing, wing, 27], [-wing, -wing, 27]])
    np.testing.assert_allclose(Lorenz().drift(points), 0, atol=1e-12)
    np.testing.assert_allclose(Lorenz().step(points), points, atol=1e-12)


def test_truth_follows_step_and_decode(trials):
    lorenz, states = Lorenz(), trials.truth["states"]
    np.testing.assert_allclose(lorenz.step(states[:, 9]), states[:, 10], atol=1e-12)
    np.testing.assert_allclose(lorenz.decode(states[:, 9]), trials.truth["latents"][:, 9], atol=1e-12)
    np.testing.assert_allclose(lorenz.initial_state(3, 4), states[:3, 0], atol=1e-12)


def test_step_is_of_fourth_order():
    start = Lorenz().initial_state(20)

    def at(h, steps):
        lorenz, state = Lorenz(LorenzConfig(time_per_bin=h)), start
        for _ in range(steps):
            state = lorenz.step(state)
        return state

    exact = at(0.0005, 128)
    error = [np.abs(at(h, n) - exact).mean() for h, n in ((0.016, 4), (0.008, 8))]
    assert np.log2(error[0] / error[1]) == pytest.approx(4, abs=0.4)


def test_an_input_is_added_to_the_derivative():
    state = Lorenz().initial_state(2)
    moved = Lorenz(LorenzConfig(time_per_bin=1e-6)).step(state, np.ones((2, 3)))
    still = Lorenz(LorenzConfig(time_per_bin=1e-6)).step(state)
    np.testing.assert_allclose(moved - still, 1e-6, rtol=1e-3)


def test_rates_are_the_exponential_of_a_projection_with_a_ceiling(trials):
    projection = np.array(trials.provenance["readout"]["projection"])
    expected = np.minimum(0.25 * np.exp(trials.truth["latents"] @ projection), 5)
    np.testing.assert_allclose(trials.truth["rates"], expected)
    assert abs(trials.counts.sum() - expected.sum()) < 4 * np.sqrt(expected.sum())


def test_trial_7_is_the_same_whatever_the_number_of_trials(trials):
    few = Lorenz().simulate(8, seed=4)
    np.testing.assert_array_equal(few.counts[7], trials.counts[7])
    np.testing.assert_array_equal(few.truth["rates"][7], trials.truth["rates"][7])


def test_conditions_repeat_the_latents_with_fresh_spikes():
    trials = Lorenz(LorenzConfig(conditions=5, bins=20)).simulate(15, seed=0)
    np.testing.assert_array_equal(trials.truth["latents"][2], trials.truth["latents"][12])
    assert not np.array_equal(trials.counts[2], trials.counts[12])
    assert trials.conditions.tolist() == [0, 1, 2, 3, 4] * 3


def test_bad_options():
    with pytest.raises(InvalidInput, match="time_per_bin"):
        dataclasses.replace(LorenzConfig(), time_per_bin=0.0)
    with pytest.raises(InvalidInput, match="randomness"):
        Lorenz().simulate(2, randomness="legacy")
