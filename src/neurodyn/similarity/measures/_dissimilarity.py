"""How much patterns of activity differ from each other: their representational dissimilarities, and how two sets of them agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures._repeated import Repeated

Dissimilarity = Literal["correlation", "squared_euclidean", "crossvalidated_mahalanobis"]
Agreement = Literal["spearman", "pearson", "kendall", "cosine", "whitened_cosine"]
Over = Literal["samples", "conditions", "averages", "bins"]
LEAST_PATTERNS = 3
MOST_PATTERNS = 5000
"""Patterns whose pairs are looked at: 12.5 million pairs, 100 MB."""
_EQUAL_CORRELATIONS = 1e-13
"""Correlations that differ by less are equal."""
_BLOCK = 256
"""Patterns that are compared with all others at a time."""


def dissimilarities(activity: Activity, kind: Dissimilarity, over: Over) -> list[np.ndarray]:
    """Dissimilarities `(pair,)` of all pairs of patterns, in the order of `scipy.spatial.distance.pdist`; a list of one, or one of each bin with enough conditions.

    Differences that rounding makes are taken out: what is equal but for the last digits is equal.

    Raises:
        InvalidInput: fewer than three patterns or more than `MOST_PATTERNS`, or what the kind cannot take.
    """
    if kind == "crossvalidated_mahalanobis":
        pairs = _halves(activity, over)
    else:
        pairs = [(p, p) for p in _patterns(activity.values, activity.counted, over)]
    patterns = max((len(p) for p, _ in pairs), default=0)
    if patterns < LEAST_PATTERNS:
        raise InvalidInput(
            activity.name,
            f"{patterns} patterns",
            f"at least {LEAST_PATTERNS}",
            "Take more conditions, or over=samples.",
        )
    if patterns > MOST_PATTERNS:
        raise InvalidInput(
            activity.name, f"{patterns} patterns", f"at most {MOST_PATTERNS}", 'Take over="conditions", or longer bins.'
        )
    if kind == "correlation":
        if pairs[0][0].shape[1] < 2:
            raise InvalidInput(
                activity.name, "patterns of a single number", "at least two units", "Take rdm=squared_euclidean."
            )
        return [_correlation(p) for p, _ in pairs]
    return [_squared(*pair) for pair in pairs]


def _patterns(values: np.ndarray, counted: np.ndarray, over: Over) -> list[Float[Array, "pattern feature"]]:
    """What is compared, a row each: one set, or one of each bin that enough conditions have."""
    if over == "samples":
        return [values[counted].astype(np.float64, copy=False)]
    if over == "conditions":
        complete = counted.all(0)
        return [values[:, complete].reshape(len(values), -1).astype(np.float64, copy=False)] if complete.any() else []
    if over == "averages":
        number = counted.sum(1)
        total = np.where(counted[..., None], values, 0).sum(1, dtype=np.float64)
        return [total[number > 0] / number[number > 0, None]]
    enough = np.flatnonzero(counted.sum(0) >= LEAST_PATTERNS)
    return [values[counted[:, bin_], bin_].astype(np.float64, copy=False) for bin_ in enough]


def _halves(activity: Activity, over: Over) -> list[tuple[np.ndarray, np.ndarray]]:
    """Patterns from every other trial of each condition and from the rest, whitened by what trials scatter about their averages."""
    from sklearn.covariance import ledoit_wolf

    trials = Repeated.of(activity)
    counted = activity.counted
    if over == "averages":
        trials, counted, over = trials.averaged(), counted.any(1, keepdims=True), "samples"
    first = np.zeros(len(trials.condition), bool)
    for row in range(trials.rows):
        first[np.flatnonzero(trials.condition == row)[::2]] = True
    for half in (first, ~first):
        if (counted & (trials.number(half) == 0)).any():
            fix = "Give more trials, or mask the bin."
            raise InvalidInput(
                f"repeats of {activity.name}", "a cell without trials in one half", "trials in both", fix
            )
    scatter = trials.scatter()
    if not np.ptp(scatter, axis=0).any():
        raise InvalidInput(
            f"repeats of {activity.name}", "trials that do not differ", "noise", "Take rdm=squared_euclidean."
        )
    values, vectors = np.linalg.eigh(ledoit_wolf(scatter, assume_centered=True)[0])
    whitening = vectors / np.sqrt(np.maximum(values, np.finfo(np.float64).eps * values[-1]))
    one, other = (_patterns(trials.means(half) @ whitening, counted, over) for half in (first, ~first))
    return list(zip(one, other))


def _correlation(patterns: Float[Array, "pattern feature"]) -> np.ndarray:
    """1 − r, `(pair,)`. A pattern that is the same in all units is at 1 from every other."""
    centred = patterns - patterns.mean(1, keepdims=True)
    size = np.linalg.norm(centred, axis=1, keepdims=True)
    flat = size <= 1e-12 * np.linalg.norm(patterns, axis=1, keepdims=True)
    unit = np.where(flat, 0, centred / np.where(flat, 1, size))
    found = _above_diagonal(len(unit), lambda rows: 1 - unit[rows] @ unit.T)
    return np.asarray(np.round(found / _EQUAL_CORRELATIONS) * _EQUAL_CORRELATIONS)


def _squared(one: Float[Array, "pattern feature"], other: Float[Array, "pattern feature"]) -> np.ndarray:
    """(aᵢ − aⱼ)·(bᵢ − bⱼ), `(pair,)`: squared Euclidean where both are the same patterns, cross-validated where they come from different trials."""
    size = max(np.abs(one).max(), np.abs(other).max())
    same = one is other
    one = one - one.mean(0)
    other = one if same else other - other.mean(0)
    own = np.einsum("ij,ij->i", one, other)

    def block(rows: slice) -> np.ndarray:
        crossed = one[rows] @ other.T
        return np.asarray(own[rows, None] + own - crossed - (crossed if same else other[rows] @ one.T))

    found = _above_diagonal(len(one), block)
    quantum = max(1e-12 * np.abs(found).max(), one.shape[1] * (1e-12 * size) ** 2, np.finfo(np.float64).tiny)
    return np.asarray(np.round(found / quantum) * quantum)


def _above_diagonal(number: int, block: Callable[[slice], np.ndarray]) -> np.ndarray:
    """The entries `(pair,)` above the diagonal of a square matrix that is made some rows at a time."""
    found = np.empty(number * (number - 1) // 2)
    at = 0
    for start in range(0, number, _BLOCK):
        for row, entries in enumerate(block(slice(start, start + _BLOCK)), start):
            found[at : at + number - row - 1] = entries[row + 1 :]
            at += number - row - 1
    return found


def comparable(pairs: np.ndarray, how: Agreement) -> np.ndarray:
    """Dissimilarities `(pair,)` such that two sets agree by their inner product: ranks or deviations or centred inner products, of unit size; zeros where none differs.

    For `kendall` they are returned as they are.
    """
    if how == "kendall":
        return pairs
    if how == "spearman":
        from scipy.stats import rankdata

        entries = np.asarray(rankdata(pairs), np.float64)
    elif how == "whitened_cosine":
        entries = _centred_products(pairs)
    else:
        entries = pairs
    if how in ("spearman", "pearson"):
        entries = entries - entries.mean() if np.ptp(entries) else np.zeros_like(entries)
    size = np.linalg.norm(entries)
    return np.asarray(entries / size) if size else np.zeros_like(entries)


def agreement(x: list[np.ndarray], y: list[np.ndarray], how: Agreement) -> float:
    """The mean, over the sets of dissimilarities in which either side's differ, of how they agree; 1 where none differs on either side."""
    found = []
    for one, other in zip(x, y):
        if _differ(one, how) or _differ(other, how):
            found.append(_tau_a(one, other) if how == "kendall" else float(one @ other))
    return float(np.mean(found)) if found else 1.0


def _differ(entries: np.ndarray, how: Agreement) -> bool:
    return bool(np.ptp(entries) if how == "kendall" else entries.any())


def _centred_products(pairs: np.ndarray) -> np.ndarray:
    """Entries on and above the diagonal of −2 times the centred inner products that dissimilarities stand for, such that sums over entries are those over the matrix.

    The inner product of two such matrices is that of the dissimilarities in the metric of the inverse covariance which squared Euclidean dissimilarities have when
    patterns are independent noise (Diedrichsen et al. 2020, arXiv 2007.02789).
    """
    from scipy.spatial.distance import squareform

    square = squareform(pairs)
    mean = square.mean(0)
    square -= mean
    square -= mean[:, None] - mean.mean()
    return np.concatenate([np.sqrt(2) * squareform(square, checks=False), np.diag(square)])


def _tau_a(x: np.ndarray, y: np.ndarray) -> float:
    """Concordant minus discordant pairs over all pairs; 0 where one side is the same throughout. SciPy has τ-b, whose numerator is the same."""
    from scipy.stats import kendalltau

    total = len(x) * (len(x) - 1) / 2
    untied = [total - sum(n * (n - 1) / 2 for n in np.unique(each, return_counts=True)[1]) for each in (x, y)]
    if not all(untied):
        return 0.0
    return float(kendalltau(x, y).statistic * np.sqrt(untied[0] * untied[1]) / total)
