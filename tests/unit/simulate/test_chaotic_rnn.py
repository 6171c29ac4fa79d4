"""The chaotic network (blend.md section 2.5)."""

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.simulate.chaotic_rnn import ChaoticRNN, ChaoticRNNConfig


@pytest.fixture(scope="module")
def trials():
    return ChaoticRNN().simulate(40, seed=3)


def test_weights_are_the_published_ones():
    weights = ChaoticRNN().weights
    assert weights[0, 0] == pytest.approx(0.06239899, abs=5e-9)
    assert weights.std() == pytest.approx(50**-0.5, rel=0.03)
    assert not np.array_equal(weights, ChaoticRNN(ChaoticRNNConfig(weights_seed=6)).weights)


def test_truth_follows_step_and_decode(trials):
    network, states = ChaoticRNN(), trials.truth["states"]
    np.testing.assert_allclose(network.step(states[:, 9]), states[:, 10], atol=1e-12)
    np.testing.assert_allclose(network.decode(states), trials.truth["latents"], atol=1e-12)
    np.testing.assert_allclose(network.initial_state(3, 3), states[:3, 0], atol=1e-12)


def test_a_step_is_the_equation_by_hand():
    network, state = ChaoticRNN(), ChaoticRNN().initial_state(1)[0]
    expected = 0.6 * state + 0.4 * 1.5 * network.weights @ np.tanh(state)
    np.testing.assert_allclose(network.step(state[None])[0], expected, atol=1e-12)
    pushed = network.step(state[None], np.ones((1, 50)))[0]
    np.testing.assert_allclose(pushed - expected, 0.4, atol=1e-12)


def test_every_unit_goes_from_silence_to_the_highest_rate_in_every_trial(trials):
    rates = trials.truth["rates"]
    np.testing.assert_allclose(rates.min(1), 0, atol=1e-12)
    np.testing.assert_allclose(rates.max(1), 30 * 0.01)
    assert abs(trials.counts.sum() - rates.sum()) < 4 * np.sqrt(rates.sum())
    assert np.all(ChaoticRNN().rates(np.ones((2, 5, 50))) == 0)


def test_activity_goes_on_only_above_the_critical_gain():
    def after(gain):
        network = ChaoticRNN(ChaoticRNNConfig(gain=gain))
        state = network.initial_state(5)
        for _ in range(400):
            state = network.step(state)
        return np.abs(state).max(1)

    assert (after(0.8) < 1e-6).all()
    assert (after(1.5) > 0.5).all()


def test_conditions_repeat_the_states_with_fresh_spikes():
    trials = ChaoticRNN(ChaoticRNNConfig(conditions=4)).simulate(8, seed=1)
    np.testing.assert_array_equal(trials.truth["states"][:4], trials.truth["states"][4:])
    assert not np.array_equal(trials.counts[:4], trials.counts[4:])
    assert trials.table.condition.tolist() == [0, 1, 2, 3] * 2


def test_trial_7_is_the_same_whatever_the_number_of_trials(trials):
    few = ChaoticRNN().simulate(8, seed=3)
    np.testing.assert_array_equal(few.counts[7], trials.counts[7])


def test_bad_options_name_the_field():
    with pytest.raises(InvalidInput, match="units"):
        ChaoticRNNConfig(units=0)
    with pytest.raises(InvalidInput, match="randomness"):
        ChaoticRNN().simulate(3, randomness="legacy")
