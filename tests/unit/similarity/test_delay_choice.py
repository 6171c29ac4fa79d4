"""Delays and rank from held-out predictions."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.delay_choice import choose_delays

TRIALS, BINS = 20, 80


def two_planes(units: int, noise: float = 0.0) -> np.ndarray:
    """A linear system of four dimensions, driven by noise, seen by some units."""
    generator = np.random.default_rng(0)
    operator = np.zeros((4, 4))
    for at, (size, angle) in zip((0, 2), ((0.98, 0.5), (0.97, 0.15))):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        operator[at : at + 2, at : at + 2] = size * turn
    state, states = generator.normal(size=(TRIALS, 4)), []
    for _ in range(BINS):
        state = state @ operator.T + noise * generator.normal(size=(TRIALS, 4))
        states.append(state)
    return np.stack(states, 1) @ generator.normal(size=(4, units))


def test_a_state_that_is_seen_needs_one_delay_and_its_own_rank() -> None:
    found = choose_delays(two_planes(8, 0.1), delays=(1, 2, 4), ranks=(1, 2, 4, 6))
    assert (found.chosen_delays, found.chosen_rank) == (1, 4)
    assert found.error.shape == (3, 4)
    assert np.isnan(found.error[0, 3]), "one bin has four coordinates"
    assert 0 < found.error[0, 2] < 0.8


def test_a_state_that_is_hidden_needs_delays() -> None:
    found = choose_delays(two_planes(1), delays=(1, 2, 4, 8), ranks=(1, 2, 4))
    assert (found.chosen_delays, found.chosen_rank) == (4, 4)
    assert found.error[2, 2] < 1e-9
    assert found.error[0, 0] > 0.1


def test_masked_bins_are_not_judged() -> None:
    values = two_planes(6, 0.1)
    mask = np.random.default_rng(1).random((TRIALS, BINS)) > 0.03
    found = choose_delays(Activity(np.where(mask[..., None], values, np.nan), mask=mask), (1, 2), (2, 4))
    whole = choose_delays(values, (1, 2), (2, 4))
    np.testing.assert_allclose(found.error, whole.error, rtol=0.2)


def test_what_cannot_be_tried_is_named() -> None:
    values = two_planes(3)
    with pytest.raises(InvalidInput, match="delays: got none"):
        choose_delays(values, ())
    with pytest.raises(InvalidInput, match="ranks"):
        choose_delays(values, (1,), (0,))
    with pytest.raises(InvalidInput, match="3 trials"):
        choose_delays(values[:3])
    with pytest.raises(InvalidInput, match="no stretch of 101 bins"):
        choose_delays(values, (100,))
