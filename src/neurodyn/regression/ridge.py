"""Ridge regression with an intercept from sums of products: one pass over the data serves every penalty and every fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.shapes import Array, Float

_BLOCK = 4096
"""Rows that are brought to float64 at a time."""


@dataclass(frozen=True)
class Sums:
    """Sums of products over rows; those of folds add up and subtract."""

    n: float
    x: Float[Array, " feature"]
    y: Float[Array, " channel"]
    xx: Float[Array, "feature feature"]
    xy: Float[Array, "feature channel"]
    yy: Float[Array, " channel"]

    @staticmethod
    def of(
        x: Float[Array, "row feature"],
        y: Float[Array, "row channel"],
        origin: tuple[np.ndarray, np.ndarray],
        keep: np.ndarray | None = None,
    ) -> Sums:
        """Over the rows to keep (`(row,)`, all by default), in float64, relative to an origin of x and y near their means: the sums stay accurate."""
        features, width = x.shape[1], x.shape[1] + y.shape[1]
        rows = np.empty((_BLOCK, width))
        products, sums, n = np.zeros((width, width)), np.zeros(width), 0
        for first in range(0, len(x), _BLOCK):
            block = slice(first, first + _BLOCK)
            some_x, some_y = x[block], y[block]
            if keep is not None and not keep[block].all():
                some_x, some_y = some_x[keep[block]], some_y[keep[block]]
            z = rows[: len(some_x)]
            np.subtract(some_x, origin[0], out=z[:, :features])
            np.subtract(some_y, origin[1], out=z[:, features:])
            products += z.T @ z
            sums += z.sum(0)
            n += len(z)
        return Sums(
            float(n),
            sums[:features],
            sums[features:],
            products[:features, :features],
            products[:features, features:],
            np.diag(products)[features:].copy(),
        )

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, f) + getattr(other, f) for f in self.__dataclass_fields__))

    def __sub__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, f) - getattr(other, f) for f in self.__dataclass_fields__))

    def ridge(self, penalties: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights `(penalty, feature, channel)` and intercepts `(penalty, channel)` that minimise ‖Y − XW − b‖² + α‖W‖²: one eigendecomposition."""
        mean_x, mean_y = self.x / self.n, self.y / self.n
        values, vectors = np.linalg.eigh(self.xx - self.n * np.outer(mean_x, mean_x))
        projected = vectors.T @ (self.xy - self.n * np.outer(mean_x, mean_y))
        values = np.maximum(values, 0)  # rounding can make a null direction slightly negative
        weights = vectors @ (projected / (values[:, None] + penalties[:, None, None]))
        return weights, mean_y - mean_x @ weights

    def residual(self, weights: np.ndarray, intercepts: np.ndarray) -> np.ndarray:
        """Sums of squared errors `(penalty, channel)` of weights `(penalty, feature, channel)` on these rows, without the rows."""
        crossed = self.xx @ weights
        return np.asarray(
            self.yy
            - 2 * (weights * self.xy).sum(1)
            - 2 * intercepts * self.y
            + (weights * crossed).sum(1)
            + 2 * intercepts * (self.x @ weights)
            + self.n * intercepts**2
        )

    @property
    def total(self) -> np.ndarray:
        """Sums of squares of the channels about their means, `(channel,)`."""
        return np.asarray(self.yy - self.y**2 / self.n)


@dataclass(frozen=True)
class LinearMap:
    """y = x W + b."""

    weights: Float[Array, "feature channel"]
    intercept: Float[Array, " channel"]
    penalty: float

    def __call__(self, x: Float[Array, "*shape feature"]) -> np.ndarray:
        rows = x.reshape(-1, x.shape[-1])
        y = np.empty((len(rows), len(self.intercept)))
        for first in range(0, len(rows), _BLOCK):
            y[first : first + _BLOCK] = rows[first : first + _BLOCK] @ self.weights + self.intercept
        return y.reshape(*x.shape[:-1], -1)


def fit_cross_validated(
    x: Float[Array, "row feature"],
    y: Float[Array, "row channel"],
    group: np.ndarray | None,
    penalties: np.ndarray,
    folds: int = 5,
    *,
    keep: np.ndarray | None = None,
) -> LinearMap:
    """Ridge on all rows, its penalty by cross-validation over whole groups (mean over folds of the channels' mean R²).

    Args:
        x, y: rows.
        group: `(row,)`, non-decreasing: rows of one group (a trial) stay together. Folds are contiguous runs of groups, so that neighbours in time
            fall into the same fold. None: every row by itself, so that a fold may cut a trial.
        penalties: the α to choose from. A single one is taken as it is.
        folds: at most; fewer where there are fewer groups. With one group the largest penalty is taken.
        keep: bool `(row,)`, rows that are used; by default all. Folds are of these.
    """
    used = np.arange(len(x)) if keep is None else np.flatnonzero(keep)
    first = np.arange(len(used)) if group is None else np.unique(group[used], return_index=True)[1]
    folds = min(folds, len(first)) if len(penalties) > 1 else 1
    sample = used[:: max(1, len(used) // _BLOCK)]
    origin = x[sample].mean(0, dtype=np.float64), y[sample].mean(0, dtype=np.float64)
    starts = used[first[[part[0] for part in np.array_split(np.arange(len(first)), folds)]]]
    edges = [*starts, len(x)]
    parts = [Sums.of(x[a:b], y[a:b], origin, None if keep is None else keep[a:b]) for a, b in zip(edges, edges[1:])]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    criterion = np.zeros(len(penalties))
    if folds > 1:
        for part in parts:
            with np.errstate(divide="ignore", invalid="ignore"):
                r2 = 1 - part.residual(*(total - part).ridge(penalties)) / part.total
            criterion += np.where(np.isfinite(r2), r2, 0).mean(1) / folds
    best = int(np.argmax(criterion)) if folds > 1 else int(np.argmax(penalties))
    return _from(origin, total, penalties[best])


def fit_validated(
    train: tuple[np.ndarray, np.ndarray], valid: tuple[np.ndarray, np.ndarray], penalties: np.ndarray
) -> LinearMap:
    """Ridge on the training rows, its penalty (relative to the features' mean sum of squares) by the pooled residual on the validation rows."""
    origin = train[0].mean(0), train[1].mean(0)
    fitted = Sums.of(*train, origin)
    scaled = penalties * max(float(np.trace(fitted.xx)) / max(len(fitted.x), 1), np.finfo(float).tiny)
    best = int(np.argmin(Sums.of(*valid, origin).residual(*fitted.ridge(scaled)).sum(1)))
    return _from(origin, fitted, scaled[best])


def _from(origin: tuple[np.ndarray, np.ndarray], sums: Sums, penalty: float) -> LinearMap:
    """The map in the coordinates before the origin was taken off."""
    weights, intercept = sums.ridge(np.array([penalty]))
    return LinearMap(weights[0], intercept[0] + origin[1] - origin[0] @ weights[0], float(penalty))
