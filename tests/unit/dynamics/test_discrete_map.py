"""Jacobians of maps made from arrays, flows and tensors."""

import numpy as np
import pytest
import torch

from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.errors import InvalidInput
from neurodyn.simulate.two_area import TwoArea, single_area

RNG = np.random.default_rng(0)


def test_automatic_and_numeric_jacobians_agree():
    weight = RNG.normal(size=(3, 3))
    x, u = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3))
    arrays = DiscreteMap.of_arrays(lambda state, inputs: np.tanh(state @ weight) + inputs * state)
    tensors = DiscreteMap.of_tensors(lambda state, inputs: torch.tanh(state @ torch.tensor(weight)) + inputs * state)
    exact = (1 - np.tanh(x @ weight) ** 2)[:, :, None] * weight.T + u[:, :, None] * np.eye(3)
    np.testing.assert_allclose(tensors.jacobian(x, u), exact, atol=1e-12)
    np.testing.assert_allclose(arrays.jacobian(x, u), exact, atol=1e-8)
    np.testing.assert_allclose(tensors.step(x, u), arrays.step(x, u), atol=1e-15)


def test_a_component_that_ignores_the_state_has_a_gradient_of_zero():
    steps = DiscreteMap.of_tensors(lambda state, inputs: torch.stack([state[:, 0], inputs[:, 0]], 1))
    np.testing.assert_array_equal(steps.jacobian(np.ones((1, 2)), np.ones((1, 1)))[0], [[1, 0], [0, 0]])


def test_the_number_of_threads_is_left_as_it_was():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        DiscreteMap.of_tensors(lambda state, inputs: state).jacobian(np.ones((2, 2)), np.ones((2, 1)))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_flow_has_the_simulators_own_jacobian():
    circuit, area = single_area(0.4182), TwoArea()
    state, current = RNG.uniform(0, 0.7, (4, 2)), RNG.normal(0, 0.01, (4, 2))
    euler = DiscreteMap.of_flow(circuit.drift, circuit.jacobian, 0.001)
    numeric = DiscreteMap.of_arrays(euler.step)
    np.testing.assert_allclose(euler.jacobian(state, current), numeric.jacobian(state, current), atol=1e-8)
    whole = DiscreteMap.of_arrays(area.step)
    assert whole.jacobian(np.full((1, 4), 0.1), np.zeros((1, 4))).shape == (1, 4, 4)


def test_a_step_must_keep_the_states_shape():
    with pytest.raises(InvalidInput, match="step"):
        DiscreteMap.of_arrays(lambda state, inputs: state[:, :1]).step(np.ones((2, 2)), np.ones((2, 1)))
