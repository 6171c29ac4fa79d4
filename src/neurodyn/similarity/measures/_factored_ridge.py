"""Ridge regressions of many outputs on the same features, which are factored once for every output, penalty and fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.regression.ridge import LinearMap
from neurodyn.shapes import Array, Float


@dataclass(frozen=True, eq=False)
class _Fold:
    """Training rows of one fold in the principal directions of their features, and the rows left out."""

    rows: np.ndarray
    """Those left out."""
    mean: Float[Array, " component"]
    """Of the training rows' scores."""
    vectors: Float[Array, "component direction"]
    values: Float[Array, " direction"]
    """Sums of squares of the training rows along their principal directions."""
    left_out: Float[Array, "row direction"]
    """Centred on the training mean."""
    products: Float[Array, "direction direction"]
    """Of `left_out` with itself."""


@dataclass(frozen=True, eq=False)
class FactoredFeatures:
    """Centred features X = U diag(s) Vᵀ. A ridge on the scores U diag(s) is a ridge on X, and there are no more of them than samples.

    Penalties are relative: times the mean over features of their sum of squares.
    """

    mean: Float[Array, " feature"]
    left: Float[Array, "sample component"]
    """U."""
    sizes: Float[Array, " component"]
    """s; those that are nothing but rounding are left out."""
    right: Float[Array, "feature component"]
    """V."""
    unit: float
    """The penalty 1."""
    folds: list[_Fold]

    @staticmethod
    def of(x: Float[Array, "sample feature"], groups: np.ndarray | None, folds: int) -> FactoredFeatures:
        """From features.

        Args:
            x: features.
            groups: `(sample,)`, samples of a group are left out together; None where no penalty is chosen.
            folds: at most; groups that follow each other fall into one fold.
        """
        mean = x.mean(0)
        left, sizes, right = np.linalg.svd(x - mean, full_matrices=False)
        used = sizes > np.finfo(np.float64).eps * max(x.shape) * max(sizes[0], np.abs(mean).max())
        left, sizes, right = left[:, used], sizes[used], right[used].T
        scores = left * sizes
        found: list[_Fold] = []
        if groups is not None:
            names = np.unique(groups)
            parts = np.array_split(names, min(folds, len(names)))
            found = [_fold(scores, np.isin(groups, some)) for some in parts]
        return FactoredFeatures(mean, left, sizes, right, float((sizes**2).sum() / x.shape[1]), found)

    def chosen_penalty(self, y: Float[Array, "sample channel"], penalties: np.ndarray) -> float:
        """The relative penalty whose predictions of what is left out have the least sum of squared errors over folds and channels."""
        if len(penalties) == 1 or not self.folds:
            return float(penalties[0])
        y = y - y.mean(0)
        scores = self.left * self.sizes
        crossed, errors = scores.T @ y, np.zeros(len(penalties))
        for fold in self.folds:
            out = y[fold.rows]
            number = len(y) - len(out)
            mean = -out.sum(0) / number
            own = crossed - scores[fold.rows].T @ out - number * np.outer(fold.mean, mean)
            fitted = fold.vectors.T @ own
            out = out - mean
            # The error is quadratic in the gains 1 / (value + penalty), so that no penalty needs predictions of its own.
            linear = ((fold.left_out.T @ out) * fitted).sum(1)
            quadratic = (fitted @ fitted.T) * fold.products
            share = number / len(y)
            gains = 1 / (fold.values + penalties[:, None] * (self.unit * share))
            errors += (out**2).sum() - 2 * gains @ linear + np.einsum("ai,ij,aj->a", gains, quadratic, gains)
        return float(penalties[int(np.argmin(errors))])

    def map_to(self, y: Float[Array, "sample channel"], penalty: float) -> LinearMap:
        """The map to outputs, fitted to all samples."""
        mean = y.mean(0)
        gain = self.sizes / (self.sizes**2 + penalty * self.unit)
        weights = (self.right * gain) @ (self.left.T @ (y - mean))
        return LinearMap(weights, mean - self.mean @ weights, penalty)

    def fitted_r2(self, y: Float[Array, "sample channel"], penalty: float) -> float:
        """R² of that map on the samples it is fitted to, channels weighted by their variance, without the map."""
        y = y - y.mean(0)
        left_over = penalty * self.unit / (self.sizes**2 + penalty * self.unit)
        explained = (1 - left_over**2) @ ((self.left.T @ y) ** 2).sum(1)
        return float(explained / (y**2).sum())


def _fold(scores: np.ndarray, rows: np.ndarray) -> _Fold:
    training = scores[~rows]
    mean = training.mean(0)
    values, vectors = np.linalg.eigh(training.T @ training - len(training) * np.outer(mean, mean))
    left_out = (scores[rows] - mean) @ vectors
    return _Fold(rows, mean, vectors, np.maximum(values, 0), left_out, left_out.T @ left_out)
