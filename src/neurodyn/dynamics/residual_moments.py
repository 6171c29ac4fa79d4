"""Deviations of trials from their condition's average, and their products over time: all that a linear estimate of how they propagate needs."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Bool, Float

_BYTES = 2**27
"""Memory of products held at a time."""


def residuals(
    activity: Float[Array, "trial time dimension"], conditions: Array, mask: Bool[Array, "trial time"]
) -> Float[Array, "trial time dimension"]:
    """Activity less the average of its condition in each bin; zero where the mask says there is no data.

    Raises:
        InvalidInput: numbers that are not finite; a label missing or too many; a condition with one trial.
    """
    trials, bins = activity.shape[:2]
    if len(conditions) != trials:
        raise InvalidInput("conditions", f"{len(conditions)} labels", f"{trials}, one a trial")
    if mask.shape != (trials, bins):
        raise InvalidInput("mask", f"shape {mask.shape}", f"({trials}, {bins}), as the activity")
    wrong = ~np.isfinite(activity).all(2) & mask
    if wrong.any():
        trial, bin_ = np.argwhere(wrong)[0]
        got = f"{wrong.sum()} bins that are not finite, the first in trial {trial}, bin {bin_}"
        raise InvalidInput("activity", got, "finite numbers", "Leave them out with mask=.")
    names, labels, counts = np.unique(np.asarray(conditions), return_inverse=True, return_counts=True)
    if counts.min() < 2:
        lone = f"condition {names.tolist()[counts.argmin()]!r} has 1 trial"
        raise InvalidInput(
            "conditions", lone, "at least 2 trials each", "A trial alone is its own average: merge or drop it."
        )
    there = mask[..., None]
    left = np.where(there, activity, 0.0).astype(float)
    for label in range(len(names)):
        rows = labels == label
        present = np.maximum(mask[rows].sum(0), 1)[:, None]
        left[rows] -= left[rows].sum(0) / present
    return np.asarray(np.where(there, left, 0.0))


class LaggedMoments:
    """Average products x_t x_{t−k}ᵀ over trials, for lags k from 0, under any number of weightings of the trials.

    Each average is over the trials that have both bins. A bootstrap draw or a fold of cross-validation is a weighting, so that all come from one pass over
    the data. Deviations are not centred again under a weighting: that would scale all products alike, by 1 − 1/trials.
    """

    def __init__(self, products: Float[Array, "draw lag time out in"], trials: Float[Array, "draw lag time"]) -> None:
        self.products, self.trials = products, trials

    @staticmethod
    def of(
        deviations: Float[Array, "trial time dimension"],
        mask: Bool[Array, "trial time"],
        lags: int,
        weights: Float[Array, "draw trial"] | None = None,
    ) -> LaggedMoments:
        """Of deviations up to a lag; without weights, one weighting that counts each trial once."""
        trials, bins, size = deviations.shape
        weighted = np.ones((1, trials)) if weights is None else weights
        sums = np.zeros((len(weighted), lags + 1, bins, size, size))
        counts = np.zeros((len(weighted), lags + 1, bins))
        at_a_time = max(1, _BYTES // (8 * trials * size * size))
        for lag in range(min(lags, bins - 1) + 1):
            counts[:, lag, lag:] = weighted @ (mask[:, lag:] & mask[:, : bins - lag]).astype(float)
            for start in range(lag, bins, at_a_time):
                stop = min(start + at_a_time, bins)
                after, before = deviations[:, start:stop], deviations[:, start - lag : stop - lag]
                if weights is None:
                    sums[0, lag, start:stop] = np.matmul(after.transpose(1, 2, 0), before.transpose(1, 0, 2))
                else:
                    pairs = (after[..., :, None] * before[..., None, :]).reshape(trials, -1)
                    sums[:, lag, start:stop] = (weighted @ pairs).reshape(len(weighted), stop - start, size, size)
        return LaggedMoments(sums / np.maximum(counts, 1e-12)[..., None, None], counts)

    @property
    def size(self) -> int:
        """Dimensions of x."""
        return int(self.products.shape[-1])

    def past(self, lags: int) -> tuple[Array, Array, Array, Array]:
        """Moments of the past (x_{t−1} ... x_{t−l}) for t = l ... T−2.

        Returns:
            its products with itself `(draw, bin, l d, l d)`, with x_t and with x_{t+1} `(draw, bin, l d, d)`, and how many trials have the whole window `(draw, bin)`.
        """
        draws, _, bins, size, _ = self.products.shape
        at = np.arange(lags, bins - 1)
        own = np.empty((draws, len(at), lags, size, lags, size))
        for i in range(1, lags + 1):
            for j in range(i, lags + 1):
                block = self.products[:, j - i, at - i]  # x_{t−i} x_{t−j}ᵀ
                own[:, :, i - 1, :, j - 1] = block
                own[:, :, j - 1, :, i - 1] = block.swapaxes(-1, -2)
        flat: tuple[Any, ...] = (draws, len(at), lags * size)

        def with_future(ahead: int) -> Array:
            blocks = [self.products[:, i + ahead, at + ahead].swapaxes(-1, -2) for i in range(1, lags + 1)]
            return np.stack(blocks, 2).reshape(*flat, size)

        return own.reshape(*flat, lags * size), with_future(0), with_future(1), self.trials[:, lags + 1, at + 1]

    def present(self, lags: int) -> tuple[Array, Array, Array]:
        """x_t x_tᵀ, x_t x_{t+1}ᵀ and x_{t+1} x_{t+1}ᵀ for the same t, each `(draw, bin, d, d)`."""
        at = np.arange(lags, self.products.shape[2] - 1)
        return self.products[:, 0, at], self.products[:, 1, at + 1].swapaxes(-1, -2), self.products[:, 0, at + 1]
