"""The directions of activity in which deviations last: the dynamics subspace, from products of past and future."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Bool, Float


def hankel(
    deviations: Float[Array, "trial time dimension"], mask: Bool[Array, "trial time"], horizon: int
) -> Float[Array, "bin future past"]:
    """H_t = future · pastᵀ / (trials − 1) with past (y_{t+q−1} ... y_t) and future (y_{t+q} ... y_{t+2q−1}), for each bin t that has both.

    Noise that is independent from bin to bin does not enter. Trials that lack a bin of the window are left out of it.

    Raises:
        InvalidInput: fewer bins than a past and a future.
    """
    bins, size = deviations.shape[1:]
    windows = bins - 2 * horizon + 1
    if windows < 1:
        raise InvalidInput(
            "activity", f"{bins} bins", f"at least {2 * horizon}, a past and a future of horizon {horizon}"
        )
    found = np.empty((windows, horizon * size, horizon * size))
    for t in range(windows):
        there = mask[:, t : t + 2 * horizon].all(1)
        rows = deviations[there]
        past = rows[:, t : t + horizon][:, ::-1].reshape(len(rows), -1)
        future = rows[:, t + horizon : t + 2 * horizon].reshape(len(rows), -1)
        found[t] = future.T @ past / max(len(rows) - 1, 1)
    return found


def dynamics_subspace(
    hankels: Sequence[Float[Array, "bin future past"]], size: int, rank: int
) -> Float[Array, "dimension direction"]:
    """Orthonormal directions, those that past and future share most first.

    From each H_t ≈ U S Vᵀ of rank r the observability U √S, of which the first rows C_t say how the current bin is made of what lasts; the left singular
    vectors of all C_t side by side, over bins and conditions.

    Args:
        hankels: of each condition, by `hankel`.
        size: dimensions of the activity, p.
        rank: r.
    """
    read: list[Array] = []
    for matrices in hankels:
        left, values, _ = np.linalg.svd(matrices, full_matrices=False)
        kept = left[:, :size, :rank] * np.sqrt(values[:, None, :rank])  # (bin, p, r)
        read.append(kept.transpose(1, 0, 2).reshape(size, -1))
    directions = np.linalg.svd(np.concatenate(read, 1), full_matrices=False)[0]
    flip = np.sign(directions[np.abs(directions).argmax(0), np.arange(directions.shape[1])])
    return np.asarray(directions * flip)
