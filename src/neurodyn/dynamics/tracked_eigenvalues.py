"""Eigenvalues of a sequence of matrices, each followed over time."""

from __future__ import annotations

import numpy as np

from neurodyn.shapes import Array, Float


def tracked_eigenvalues(operators: Float[Array, "time out in"]) -> Array:
    """Complex `(time, d)`: eigenvalues matched from bin to bin by the overlap |vᴴ v'| of their eigenvectors, largest mean |λ| first.

    Within a bin their order says nothing; what moves from bin to bin is one mode. Equal overlaps go to the nearer eigenvalue.

    >>> turned = np.array([np.diag([0.9, 0.5]), np.diag([0.6, 0.7]), np.diag([0.5, 0.9])])
    >>> tracked_eigenvalues(turned).real.tolist()
    [[0.5, 0.9], [0.7, 0.6], [0.9, 0.5]]
    """
    from scipy.optimize import linear_sum_assignment

    values, vectors = np.linalg.eig(operators.astype(complex))
    first = np.argsort(-np.abs(values[0]), kind="stable")
    values[0], vectors[0] = values[0, first], vectors[0][:, first]
    for t in range(1, len(values)):
        overlap = np.abs(vectors[t - 1].conj().T @ vectors[t])
        apart = np.abs(values[t - 1][:, None] - values[t][None])
        order = linear_sum_assignment(-overlap + 1e-3 * apart)[1]
        values[t], vectors[t] = values[t, order], vectors[t][:, order]
    return np.asarray(values[:, np.argsort(-np.abs(values).mean(0), kind="stable")])
