"""Eigenvalues that are followed through a crossing."""

from __future__ import annotations

import numpy as np

from neurodyn.dynamics.tracked_eigenvalues import tracked_eigenvalues


def test_modes_that_cross_are_not_exchanged():
    vectors = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0] + 0.2
    along = np.linspace(0, 1, 21)
    values = np.stack([1.0 - 0.5 * along, 0.4 + 0.4 * along, np.full(21, 0.2)], 1)
    operators = vectors @ (values[:, :, None] * np.linalg.inv(vectors))
    np.testing.assert_allclose(tracked_eigenvalues(operators).real, values, atol=1e-12)


def test_the_two_of_a_rotation_stay_apart():
    angle = np.linspace(0.1, 0.5, 9)
    turn = np.stack([np.stack([np.cos(angle), -np.sin(angle)], 1), np.stack([np.sin(angle), np.cos(angle)], 1)], 1)
    found = np.angle(tracked_eigenvalues(turn))
    np.testing.assert_allclose(np.abs(found), np.stack([angle, angle], 1), atol=1e-12)
    assert (np.sign(found) == np.sign(found[0])).all()
