"""Samples of the Boltzmann law against the covariance of a harmonic well."""

from __future__ import annotations

import numpy as np

from neurodyn.dynamics.boltzmann import boltzmann_samples


def test_a_harmonic_well():
    matrix = np.array([[100.0, 20], [20, 8]])
    starts = np.full((4000, 2), 3.0)
    curvature = tuple(np.linalg.eigvalsh(matrix))
    found = boltzmann_samples(lambda z: -z @ matrix, starts, 2.0, curvature, seed=1)
    assert found.shape == (4 * 4000, 2)
    expected = 2.0 * np.linalg.inv(matrix)
    np.testing.assert_allclose(np.cov(found.T) / np.sqrt(np.outer(*2 * [np.diag(expected)])), expected / np.sqrt(np.outer(*2 * [np.diag(expected)])), atol=0.04)  # fmt: skip
    np.testing.assert_allclose(found.mean(0), 0, atol=0.05)
