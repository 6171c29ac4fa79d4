"""Coefficients of determination from sums over trials."""

from __future__ import annotations

from typing import Literal

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Measurement
from neurodyn.shapes import Array, Bool, Float


def r2(
    true: Float[Array, "trial time channel"],
    predicted: Float[Array, "trial time channel"],
    mask: Bool[Array, "trial time"],
    average: Literal["pooled", "channels"],
    what: str,
) -> Measurement:
    """R² of a prediction over the entries inside the mask, without any regression.

    `pooled`: 1 − Σ_c residual_c / Σ_c total_c (channels weigh by their variance). `channels`: mean over channels of 1 − residual_c / total_c.
    Total sums of squares are about each channel's mean over the test entries, in every bootstrap draw too. A channel that does not vary counts 1 if predicted
    exactly, else 0, as in scikit-learn.

    Raises:
        InvalidInput: a prediction that is not finite inside the mask.
    """
    if true.shape != predicted.shape:
        raise InvalidInput(what, f"shape {predicted.shape}", f"{true.shape}, as the truth")
    inside = mask[..., None]
    y = np.where(inside, true, 0).astype(np.float64)
    p = np.where(inside, predicted, 0).astype(np.float64)
    if not np.isfinite(p.sum()):
        trial, time, channel = (int(i) for i in np.argwhere(~np.isfinite(p))[0])
        raise InvalidInput(
            what, f"{p[trial, time, channel]} at trial {trial}, bin {time}, channel {channel}", "finite values"
        )
    residual = np.square(y - p).sum(1)
    centre = y.sum((0, 1)) / max(int(mask.sum()), 1)
    total = np.square(np.where(inside, y - centre, 0)).sum(1)
    channels = y.shape[2]
    tiny = 1e-12 * np.maximum((y**2).sum((0, 1)).max(initial=0), np.finfo(float).tiny)

    def statistic(sums: np.ndarray) -> np.ndarray:
        left, spread = sums[:, :channels], sums[:, channels:]
        if average == "pooled":
            left, spread = left.sum(1, keepdims=True), spread.sum(1, keepdims=True)
        constant = spread <= tiny
        value = np.where(constant, np.where(left == 0, 1.0, 0.0), 1 - left / np.where(constant, 1, spread))
        return np.asarray(value.mean(1))

    return Measurement(np.column_stack([residual, total]), statistic)
