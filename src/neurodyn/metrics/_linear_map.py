"""Ridge regression with an intercept from sums of products: one pass over the data serves every penalty and every fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.shapes import Array, Float


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
    def of(x: Float[Array, "row feature"], y: Float[Array, "row channel"]) -> Sums:
        """Over some rows."""
        return Sums(float(len(x)), x.sum(0), y.sum(0), x.T @ x, x.T @ y, np.square(y).sum(0))

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
        return np.asarray(x.astype(np.float64) @ self.weights + self.intercept)


def fit_cross_validated(
    x: Float[Array, "row feature"],
    y: Float[Array, "row channel"],
    group: np.ndarray,
    penalties: np.ndarray,
    folds: int = 5,
) -> LinearMap:
    """Ridge on all rows, its penalty by cross-validation over whole groups (mean over folds of the channels' mean R²).

    Args:
        x, y: rows.
        group: `(row,)`, non-decreasing: rows of one group (a trial) stay together. Folds are contiguous runs of groups, so that neighbours in time
            fall into the same fold.
        penalties: the α to choose from.
        folds: at most; fewer where there are fewer groups. With one group the largest penalty is taken.
    """
    shift_x, shift_y = x.mean(0), y.mean(0)  # keeps the sums of products accurate
    x, y = x - shift_x, y - shift_y
    names, first = np.unique(group, return_index=True)
    folds = min(folds, len(names))
    starts = first[[part[0] for part in np.array_split(np.arange(len(names)), folds)]]
    edges = [*starts, len(x)]
    parts = [Sums.of(x[a:b], y[a:b]) for a, b in zip(edges, edges[1:])]
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
    return _shifted(total, penalties[best], shift_x, shift_y)


def fit_validated(
    train: tuple[np.ndarray, np.ndarray], valid: tuple[np.ndarray, np.ndarray], penalties: np.ndarray
) -> LinearMap:
    """Ridge on the training rows, its penalty (relative to the features' mean sum of squares) by the pooled residual on the validation rows."""
    shift_x, shift_y = train[0].mean(0), train[1].mean(0)
    fitted = Sums.of(train[0] - shift_x, train[1] - shift_y)
    scaled = penalties * max(float(np.trace(fitted.xx)) / max(len(shift_x), 1), np.finfo(float).tiny)
    held = Sums.of(valid[0] - shift_x, valid[1] - shift_y)
    best = int(np.argmin(held.residual(*fitted.ridge(scaled)).sum(1)))
    return _shifted(fitted, scaled[best], shift_x, shift_y)


def _shifted(sums: Sums, penalty: float, shift_x: np.ndarray, shift_y: np.ndarray) -> LinearMap:
    weights, intercept = sums.ridge(np.array([penalty]))
    return LinearMap(weights[0], intercept[0] + shift_y - shift_x @ weights[0], float(penalty))
