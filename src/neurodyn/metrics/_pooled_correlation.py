"""One correlation for several channels at once."""

from __future__ import annotations

import numpy as np

from neurodyn.shapes import Array, Bool, Float


def correlation_sums(
    x: Float[Array, "trial time channel"], y: Float[Array, "trial time channel"], mask: Bool[Array, "trial time"]
) -> Float[Array, "trial quantity"]:
    """What each trial adds to the sums that `correlation` is made of, over the bins inside the mask."""
    x, y = (np.where(mask[..., None], a, 0) for a in (x, y))
    products = [np.einsum("btc,btc->b", a, b) for a, b in ((x, y), (x, x), (y, y))]
    return np.column_stack([mask.sum(1), *products, x.sum(1), y.sum(1)])


def correlation(sums: Float[Array, "draw quantity"]) -> np.ndarray:
    """Σ_c cov(x_c, y_c) / √(Σ_c var x_c · Σ_c var y_c): `(draw,)`; channels weigh by their spread, and it is 0 where x or y does not vary."""
    n, xy, xx, yy = sums[:, :4].T
    sum_x, sum_y = np.split(sums[:, 4:], 2, axis=1)
    n = np.maximum(n, 1)
    shared, spread_x, spread_y = (
        product - (a * b).sum(1) / n for product, a, b in ((xy, sum_x, sum_y), (xx, sum_x, sum_x), (yy, sum_y, sum_y))
    )
    varies = (spread_x > 1e-12 * xx) & (spread_y > 1e-12 * yy)
    return np.asarray(np.where(varies, shared, 0) / np.sqrt(np.where(varies, spread_x * spread_y, 1)))
