"""Noise, rest, and the groups of end states (two_area.md sections 5.6 and 10)."""

import numpy as np
import pytest

from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.dynamics.noise_response import NOWHERE, linked, noise_response, settled
from neurodyn.errors import InvalidInput
from neurodyn.simulate.two_area import single_area

MEAN_INPUT = 0.0276


def pfc():
    circuit = single_area(0.4182)

    def step(state, inputs):
        for _ in range(10):
            state = state + 0.001 * circuit.drift(state, inputs)
        return state

    return DiscreteMap.of_arrays(step)


@pytest.fixture(scope="module")
def found():
    starts = np.random.default_rng(1).exponential(0.04, (500, 2))
    return noise_response(pfc(), starts, lambda n: n, MEAN_INPUT * np.array([0.05, 0.25, 0.5, 1.0]), 2, within=0.05)


def test_the_three_attractors_of_pfc(found):
    assert found.clusters.tolist()[1:] == [3, 3, 3]
    np.testing.assert_allclose(
        found.attractors, [(0.01594, 0.59789), (0.08411, 0.08411), (0.59789, 0.01594)], atol=2e-3
    )


def test_occupancies_leave_rest_as_the_noise_grows(found):
    """494/5/1 of 500 in rest and the decisions at the weakest noise, about 85/203/212 at the strongest."""
    rest = found.occupancy[:, 1]
    assert rest[0] == pytest.approx(494, abs=4 * np.sqrt(500 * 0.012 * 0.988))
    assert rest[3] == pytest.approx(85, abs=4 * np.sqrt(500 * 0.17 * 0.83))
    assert found.occupancy[3, 0] == pytest.approx(203, abs=4 * np.sqrt(500 * 0.41 * 0.59))
    assert (np.diff(rest) < 0).all() and (found.occupancy.sum(1) == 500).all()


def test_a_twin_with_one_attractor():
    circuit = single_area(0.20)
    starts = np.random.default_rng(1).exponential(0.04, (50, 2))
    one = DiscreteMap.of_arrays(lambda s, u: s + 0.01 * circuit.drift(s, u))
    assert noise_response(one, starts, lambda n: n, np.array([MEAN_INPUT]), 2, within=0.05).clusters.tolist() == [1]


def test_groups_are_those_of_single_linkage():
    from scipy.cluster.hierarchy import fcluster, linkage

    points = np.random.default_rng(0).uniform(0, 1, (200, 2))
    for within in (0.03, 0.06, 0.1):
        expected = fcluster(linkage(points, "single"), within, "distance")
        ours = linked(points, within)
        # The grid moves points by less than 1.5 % of the distance.
        pairs = (ours[:, None] == ours) != (expected[:, None] == expected)
        assert pairs.mean() < 0.05
    chain = np.column_stack([np.arange(10) * 0.9, np.zeros(10)])
    assert linked(chain, 1.0).max() == 0 and linked(chain, 0.8).max() == 9


def test_attractors_keep_their_name_over_sizes_and_diverged_runs_have_none():
    ends = np.array([[[0.0], [1.0], [0.01]], [[1.01], [np.nan], [2.0]]])
    got = settled(np.array([1.0, 2.0]), ends, 0.05)
    np.testing.assert_allclose(got.attractors[:, 0], [0.005, 1.005, 2.0])
    assert got.attractor.tolist() == [[0, 1, 0], [1, NOWHERE, 2]]
    assert got.clusters.tolist() == [2, 2] and got.as_mapping()["diverged"] == [0, 1]
    away = DiscreteMap.of_arrays(lambda s, u: 10 * s)
    lost = noise_response(away, np.ones((3, 1)), lambda n: n, np.array([1.0]), 1, within=0.1, rest_bins=400)
    assert lost.clusters.tolist() == [0] and (lost.attractor == NOWHERE).all()


def test_bad_numbers_name_their_field():
    for options, field in (({"rest_bins": 0}, "rest_bins"), ({"within": 0.0}, "within")):
        with pytest.raises(InvalidInput, match=field):
            noise_response(pfc(), np.ones((2, 2)), lambda n: n, np.ones(1), 2, **{"within": 0.05, **options})
    with pytest.raises(InvalidInput, match="starts"):
        noise_response(pfc(), np.ones((0, 2)), lambda n: n, np.ones(1), 2, within=0.05)
