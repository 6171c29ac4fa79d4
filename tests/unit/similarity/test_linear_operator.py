"""Linear maps from sums of products: systems without noise are given back, whatever the mask, the shift and the inputs."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.similarity.linear_operator import Transitions, fitted_step, input_normal_map, transitions

TRIALS, BINS, STATES, INPUTS = 8, 40, 3, 2


def system(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    operator = generator.normal(size=(STATES, STATES))
    operator *= 0.9 / np.abs(np.linalg.eigvals(operator)).max()
    return operator, generator.normal(size=(STATES, INPUTS)), generator.normal(size=STATES)


def run(operator: np.ndarray, drive: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """States and the inputs of each step."""
    generator = np.random.default_rng(1)
    inputs = generator.normal(size=(TRIALS, BINS - 1, INPUTS))
    states = [generator.normal(size=(TRIALS, STATES))]
    for step in range(BINS - 1):
        states.append(states[-1] @ operator.T + inputs[:, step] @ drive.T + offset)
    return np.stack(states, 1), inputs


def test_a_system_without_noise_is_given_back_and_masked_bins_never_enter() -> None:
    operator, drive, offset = system()
    states, inputs = run(operator, drive, offset)
    valid = np.random.default_rng(2).random((TRIALS, BINS)) > 0.2
    states[~valid] = 1e3
    found = fitted_step(transitions(states, valid, inputs).summed(), STATES)
    np.testing.assert_allclose(found.operator, operator, atol=1e-8)
    np.testing.assert_allclose(found.drive, drive, atol=1e-8)
    np.testing.assert_allclose(found.offset, offset, atol=1e-8)


def test_sums_of_trials_add_up_and_many_draws_are_fitted_at_once() -> None:
    operator, drive, offset = system()
    states, inputs = run(operator, drive, offset)
    sums = transitions(
        states + np.random.default_rng(3).normal(size=states.shape), np.ones((TRIALS, BINS), bool), inputs
    )
    drawn = np.random.default_rng(4).integers(0, 3, size=(5, TRIALS)).astype(float)
    many = Transitions(np.tensordot(drawn, sums.before, 1), np.tensordot(drawn, sums.across, 1), True, INPUTS)
    found = fitted_step(many, STATES)
    for weights, each in zip(drawn, found.operator):
        repeated = np.repeat(np.arange(TRIALS), weights.astype(int))
        one = Transitions(sums.before[repeated], sums.across[repeated], True, INPUTS).summed()
        np.testing.assert_allclose(fitted_step(one, STATES).operator, each, atol=1e-8)


def test_least_squares_and_ridge_as_written_out() -> None:
    generator = np.random.default_rng(5)
    states = generator.normal(size=(TRIALS, BINS, STATES))
    before, after = states[:, :-1].reshape(-1, STATES), states[:, 1:].reshape(-1, STATES)
    sums = transitions(states, np.ones((TRIALS, BINS), bool), constant=False).summed()
    for rank, ridge in ((STATES, 0.0), (2, 0.0), (STATES, 7.0)):
        x, y = before[:, :rank], after[:, :rank]
        expected = np.linalg.solve(x.T @ x + ridge * np.eye(rank), x.T @ y).T
        found = fitted_step(sums, rank, ridge)
        np.testing.assert_allclose(found.operator, expected, atol=1e-10)
        assert not found.offset.any()
        assert found.drive.shape == (rank, 0)


def test_inputs_that_never_change_are_no_trouble() -> None:
    operator, drive, _ = system()
    states, inputs = run(operator, 0 * drive, np.zeros(STATES))
    found = fitted_step(transitions(states, np.ones((TRIALS, BINS), bool), np.ones_like(inputs)).summed(), STATES)
    np.testing.assert_allclose(found.operator, operator, atol=1e-7)


def test_in_input_normal_coordinates_white_inputs_reach_all_directions_alike() -> None:
    operator, drive, _ = system()
    there, back = input_normal_map(operator, drive, horizon=200, floor=0.0)
    np.testing.assert_allclose(there @ back, np.eye(STATES), atol=1e-8)
    a, b = there @ operator @ back, there @ drive
    reached = sum(np.linalg.matrix_power(a, k) @ b @ b.T @ np.linalg.matrix_power(a, k).T for k in range(256))
    np.testing.assert_allclose(reached, np.eye(STATES), atol=1e-7)


@pytest.mark.parametrize("floor", [0.0, 1e-6])
def test_input_normal_coordinates_do_not_depend_on_those_that_the_system_came_in(floor: float) -> None:
    operator, drive, _ = system()
    seen = np.random.default_rng(6).normal(size=(STATES, STATES))
    systems = []
    for a, b in ((operator, drive), (seen @ operator @ np.linalg.inv(seen), seen @ drive)):
        there, back = input_normal_map(a, b, horizon=128, floor=floor)
        systems.append((there @ a @ back, there @ b))
    (a, p), (b, q) = systems
    assert np.linalg.svd(a)[1] == pytest.approx(np.linalg.svd(b)[1], abs=1e-3)
    np.testing.assert_allclose(p.T @ p, q.T @ q, atol=1e-3)
