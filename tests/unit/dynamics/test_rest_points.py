"""Minima of potentials, from visited positions."""

from __future__ import annotations

import numpy as np

from neurodyn.dynamics.rest_points import rest_points


def _double_well(height: float = 4.0, tilt: float = 0.1):
    """(h/4)(x² − 1)² + tilt x + y²/2."""

    def energy(z):
        return height / 4 * (z[:, 0] ** 2 - 1) ** 2 + tilt * z[:, 0] + z[:, 1] ** 2 / 2

    def force(z):
        return -np.stack([height * z[:, 0] * (z[:, 0] ** 2 - 1) + tilt, z[:, 1]], 1)

    def hessian(z):
        curved = np.zeros((len(z), 2, 2))
        curved[:, 0, 0], curved[:, 1, 1] = height * (3 * z[:, 0] ** 2 - 1), 1
        return curved

    return energy, force, hessian


def test_both_wells_with_their_shares():
    rng = np.random.default_rng(0)
    starts = np.concatenate([rng.normal([1, 0], 0.1, (30, 2)), rng.normal([-1, 0], 0.1, (10, 2))])
    found = rest_points(*_double_well(), starts)
    assert found.distinct == 2 and found.stable.all()
    np.testing.assert_allclose(found.shares, [0.75, 0.25])
    assert found.points[0, 0] > 0 > found.points[1, 0] and found.energies[1] < found.energies[0]
    np.testing.assert_allclose(_double_well()[1](found.points), 0, atol=1e-6)
    assert len(rest_points(*_double_well(), starts, keep=1).points) == 1


def test_a_quadratic_potential_without_a_floor():
    matrix, centre = np.diag([-1.0, 2.0]), np.array([0.5, -0.25])

    def force(z):
        return -(z - centre) @ matrix

    starts = np.random.default_rng(0).normal(size=(8, 2))
    found = rest_points(
        lambda z: 0.5 * ((z - centre) @ matrix * (z - centre)).sum(1), force, lambda z: np.tile(matrix, (len(z), 1, 1)), starts
    )  # fmt: skip
    assert found.distinct == 0 and not found.stable[0] and found.shares[0] == 0
    np.testing.assert_allclose(found.points, centre[None], atol=1e-9)
