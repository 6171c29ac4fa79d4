"""Long runs: where they go, what drives them, and what diverges."""

import numpy as np
import pytest

from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.dynamics.free_run import free_run
from neurodyn.errors import InvalidInput
from neurodyn.simulate.lorenz import Lorenz

SUM = DiscreteMap.of_arrays(lambda x, u: x + u)


def test_a_simulators_run_is_its_own():
    system = Lorenz()
    start = system.initial_state(4)
    found = free_run(DiscreteMap.of_arrays(lambda x, u: system.step(x)), start, bins=30, transient=9)
    np.testing.assert_array_equal(found.states, system.run(start, 40)[:, 10:])
    assert not found.diverged.any() and (found.lived == 39).all()


def test_inputs_none_held_by_trial_and_repeated():
    start = np.array([[0.0], [10.0]])
    assert free_run(SUM, start, np.array([1.0]), bins=3).states[..., 0].tolist() == [[1, 2, 3], [11, 12, 13]]
    assert free_run(SUM, start, np.array([[1.0], [0.0]]), bins=2).states[..., 0].tolist() == [[1, 2], [10, 10]]
    course = np.array([[[1.0], [-1.0]], [[0.0], [5.0]]])
    assert free_run(SUM, start, course, bins=4).states[..., 0].tolist() == [[1, 0, 1, 0], [10, 15, 15, 20]]


def test_what_diverges_is_said_and_stays_finite():
    grown = DiscreteMap.of_arrays(lambda x, u: x**2)
    found = free_run(grown, np.array([[0.5], [3.0]]), bins=20)
    assert found.diverged.tolist() == [False, True]
    assert found.lived[0] == 20 and found.lived[1] < 6
    assert np.isfinite(found.states).all() and found.sound.shape == (1, 20, 1)
    spoiled = DiscreteMap.of_arrays(lambda x, u: np.where(x > 2, np.nan, x + 1))
    found = free_run(spoiled, np.array([[0.0]]), bins=6)
    assert found.diverged.all() and found.lived.tolist() == [3] and np.isfinite(found.states).all()


@pytest.mark.parametrize(
    ("start", "given", "bins", "field"),
    [
        (np.zeros((0, 1)), None, 3, "starts"),
        (np.zeros((2, 1)), np.zeros((3, 1)), 3, "inputs"),
        (np.zeros((2, 1)), np.array([np.inf]), 3, "inputs"),
        (np.zeros((2, 1)), None, 0, "bins"),
    ],
)
def test_bad_input(start, given, bins, field):
    with pytest.raises(InvalidInput) as caught:
        free_run(SUM, start, given, bins=bins)
    assert caught.value.field == field
