"""Mean and spread of the population and of neighbours, entry by entry."""

import numpy as np
import pandas as pd
import torch

from neurodyn.data.trials import Trials
from neurodyn.models.parts.surrounding_activity import moments, near_moments, positions_of, within

RANDOM = np.random.default_rng(0)
VALUES = torch.from_numpy(RANDOM.normal(size=(2, 5, 4)))
KNOWN = torch.from_numpy(RANDOM.random((2, 5, 4)) < 0.7)
SEEN = VALUES * KNOWN


def test_moments_are_those_of_the_known_entries_of_the_other_units() -> None:
    mean, deviation = moments(SEEN, KNOWN, without_self=True)
    whole_mean, _ = moments(SEEN, KNOWN, without_self=False)
    for trial in range(2):
        for time in range(4):
            known = [u for u in range(5) if KNOWN[trial, u, time]]
            np.testing.assert_allclose(whole_mean[trial, 0, time], VALUES[trial, known, time].mean() if known else 0)
            for unit in range(5):
                others = [VALUES[trial, u, time].item() for u in known if u != unit]
                np.testing.assert_allclose(mean[trial, unit, time], np.mean(others) if others else 0, atol=1e-12)
                np.testing.assert_allclose(deviation[trial, unit, time], np.std(others) if others else 0, atol=1e-7)


def test_neighbours_are_those_within_the_radius() -> None:
    place = torch.tensor([[0.0, 0, 0], [3, 0, 0], [0, 4, 0], [30, 0, 0], [torch.nan, 0, 0]])
    near = within(place, place, 4.5).fill_diagonal_(0)
    assert near.tolist() == [[0, 1, 1, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0] * 5, [0] * 5]
    mean, deviation = near_moments(VALUES, torch.ones_like(KNOWN), near.double())
    torch.testing.assert_close(mean[:, 0], VALUES[:, 1:3].mean(1))
    torch.testing.assert_close(deviation[:, 0], VALUES[:, 1:3].std(1, correction=0))
    assert not mean[:, 3:].any() and not deviation[:, 3:].any()


def test_positions_come_from_the_unit_table() -> None:
    def trials(**columns: list[float]) -> Trials:
        return Trials.from_arrays(np.ones((2, 3, 2), int), bin_s=1.0, unit_table=pd.DataFrame(columns))

    assert positions_of(trials()) is None and positions_of(trials(x_um=[1.0, 2.0])) is None
    found = positions_of(trials(x_um=[1.0, 2.0], y_um=[3.0, 4.0]))
    assert found is not None and found.tolist() == [[1, 3, 0], [2, 4, 0]]
