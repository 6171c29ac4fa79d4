"""Distances of where states are, beside closed forms."""

import numpy as np
import pytest

from neurodyn.dynamics.attractor_distance import Grid, binned_divergence, default_cells, mixture_divergence
from neurodyn.errors import InvalidInput
from neurodyn.simulate.lorenz import Lorenz

RNG = np.random.default_rng(0)


def test_gaussians_in_cells_by_the_closed_form():
    """ln(s/1) + (1 + m²)/(2 s²) − ½, where q is wider, so that every cell has counts of both."""
    p, q = RNG.normal(size=(400_000, 1)), 0.5 + 1.5 * RNG.normal(size=(400_000, 1))
    expected = np.log(1.5) + (1 + 0.25) / (2 * 1.5**2) - 0.5
    assert binned_divergence(q, p, cells=60) == pytest.approx(expected, rel=0.03)


def test_mixtures_of_one_gaussian_each_by_the_closed_form():
    """Two points, in units of the reference's s.d.: Δ² / 2 w²."""
    here = np.tile([[0.0, 0.0], [1e-9, 1e-9]], (1, 1))
    scale = here.std(0)
    there = here + scale * [3.0, 0.0]
    found = mixture_divergence(there, here, width=5.0, samples=40_000)
    assert found == pytest.approx(9 / (2 * 25), abs=0.02)
    assert mixture_divergence(here, here, width=5.0) == pytest.approx(0, abs=1e-12)


def test_the_same_states_in_any_order_are_at_zero():
    cloud = RNG.normal(size=(3000, 3))
    mixed = cloud[RNG.permutation(3000)]
    assert binned_divergence(mixed, cloud) == pytest.approx(0, abs=1e-12)
    assert mixture_divergence(mixed, cloud) == pytest.approx(0, abs=1e-9)


def test_what_lies_outside_counts():
    cloud = RNG.uniform(size=(4000, 2))
    half_gone = cloud.copy()
    half_gone[::2] += 10
    assert binned_divergence(half_gone, cloud, cells=10) == pytest.approx(np.log(2), abs=0.06)
    assert binned_divergence(cloud + 10, cloud, cells=10) > 10


def test_halves_of_the_lorenz_attractor_beside_a_point_and_a_ball():
    system = Lorenz()
    runs = system.decode(system.run(system.initial_state(200), 100))
    one, other = runs[:100].reshape(-1, 3), runs[100:].reshape(-1, 3)
    floor = binned_divergence(one, other)
    ball = RNG.multivariate_normal(other.mean(0), np.cov(other.T), 10_000)
    still = np.tile(other[:1], (10_000, 1))
    assert floor < 0.2 and 5 * floor < binned_divergence(ball, other) < binned_divergence(still, other)
    assert mixture_divergence(one, other, width=0.3) < 0.05 < mixture_divergence(ball, other, width=0.3)


def test_cells_of_runs():
    grid = Grid.over(np.array([[0.0, 0.0], [1.0, 2.0]]), 2)
    assert grid.cell(np.array([[0.1, 0.1], [1.0, 2.0], [0.1, 1.5], [-1.0, 1.0]])).tolist() == [0, 3, 1, 4]
    counts = grid.counts(np.array([[[0.1, 0.1], [0.1, 0.1]], [[5.0, 5.0], [1.0, 0.0]]]))
    assert counts.tolist() == [[2, 0, 0, 0, 0], [0, 0, 1, 0, 1]]
    assert default_cells(100_000, 3) == 21 and default_cells(10**7, 2) == 30 and default_cells(5, 3) == 3


@pytest.mark.parametrize("width", [2, 6])
def test_bad_widths(width):
    with pytest.raises(InvalidInput):
        binned_divergence(np.zeros((5, 3)), RNG.normal(size=(50, width)))
