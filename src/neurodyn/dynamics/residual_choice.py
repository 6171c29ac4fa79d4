"""Choosing what residual dynamics are estimated with, by cross-validation over trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.dynamics.residual_moments import LaggedMoments
from neurodyn.dynamics.residual_stages import first_stage, second_stage, second_stage_error
from neurodyn.dynamics.residual_subspace import hankel
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Bool, Float, Int


@dataclass(frozen=True)
class Tried:
    """One choice: what was tried, the error of each, and what was taken."""

    name: str
    options: tuple[Any, ...]
    errors: tuple[float, ...]
    within: float
    """An error up to this one counts as no worse than the best."""
    chosen: Any

    def as_mapping(self) -> dict[str, Any]:
        """For JSON."""
        named = ("name", "options", "errors", "within", "chosen")
        return {name: getattr(self, name) for name in named}


def choose_rank(
    parts: Sequence[tuple[Float[Array, "_ time dimension"], Bool[Array, "_ time"]]],
    horizon: int,
    grid: Sequence[int],
    splits: int,
    generator: np.random.Generator,
) -> Tried:
    """The rank of products of past and future: the smallest within one standard error of the least ‖H_test − lowrank_r(H_train)‖, over random halves.

    Args:
        parts: deviations and mask of the trials of each condition.
        horizon: q.
        grid: ranks that are tried.
        splits: random halves.
        generator: draws the halves.
    """
    errors = np.zeros((splits, len(grid)))
    for split in range(splits):
        for deviations, mask in parts:
            order = generator.permutation(len(deviations))
            one, other = order[: len(order) // 2], order[len(order) // 2 :]
            left, values, right = np.linalg.svd(hankel(deviations[one], mask[one], horizon), full_matrices=False)
            test = hankel(deviations[other], mask[other], horizon)
            # ‖H − U_r S_r V_rᵀ‖² = ‖H‖² + Σ_{i ≤ r} (s_i² − 2 s_i u_iᵀ H v_i)
            along = np.einsum("tpi,tpq,tiq->ti", left, test, right, optimize=True)
            gained = np.cumsum(values**2 - 2 * values * along, 1)
            whole = (test**2).sum((1, 2))
            for i, rank in enumerate(grid):
                left_over = whole + gained[:, min(rank, gained.shape[1]) - 1]
                errors[split, i] += np.sqrt(np.maximum(left_over, 0)).mean() / len(parts)
    mean, best = errors.mean(0), int(errors.mean(0).argmin())
    within = mean[best] + errors[:, best].std(ddof=1) / np.sqrt(splits)
    return Tried("rank", tuple(grid), tuple(mean.tolist()), float(within), min(np.array(grid)[mean <= within].tolist()))


def choose_lags_and_dimension(
    deviations: Float[Array, "trial time dimension"],
    mask: Bool[Array, "trial time"],
    directions: Float[Array, "dimension direction"],
    pairs: Sequence[tuple[int, int]],
    folds: Array,
) -> Tried:
    """(l, d) whose first stage predicts other trials' activity: of those within one standard error of the best over folds, the least l d².

    The error is ‖y_t − U_d x̂_t‖², a mean over the bins that every l has.

    Args:
        deviations: of all trials.
        mask: where there is data.
        directions: of the subspace, the most important first.
        pairs: (l, d) that are tried.
        folds: int `(trial,)`, of each trial.
    """
    number, first = int(folds.max()) + 1, max(lag for lag, _ in pairs)
    train = (folds != np.arange(number)[:, None]).astype(float)
    whole = [
        (deviations[folds == k][:, first:-1] ** 2)[mask[folds == k][:, first:-1]].sum(-1).mean() for k in range(number)
    ]
    errors = np.zeros((number, len(pairs)))
    for size in sorted({size for _, size in pairs}):
        projected = deviations @ directions[:, :size]
        fitted = LaggedMoments.of(projected, mask, first + 1, train)
        tested = LaggedMoments.of(projected, mask, first + 1, 1 - train)
        for lag in (lag for lag, each in pairs if each == size):
            weights = first_stage(fitted, lag).weights
            own, now, _, _ = tested.past(lag)
            skip = first - lag
            change = np.einsum("...pd,...pq,...qd->...", weights, own, weights) - 2 * (weights * now).sum((-1, -2))
            errors[:, pairs.index((lag, size))] = np.array(whole) + change[:, skip:].mean(1)
    mean = errors.mean(0)
    best = int(mean.argmin())
    within = mean[best] + errors[:, best].std(ddof=1) / np.sqrt(number)
    fine = [(lag * size**2, lag, size) for (lag, size), error in zip(pairs, mean) if error <= within]
    _, lag, size = min(fine)
    return Tried("lags, dimension", tuple(pairs), tuple(mean.tolist()), float(within), (lag, size))


def choose_smoothness(
    projected: Float[Array, "trial time direction"],
    mask: Bool[Array, "trial time"],
    lags: int,
    grid: Sequence[float],
    folds: Int[Array, "repeat trial"],
) -> Tried:
    """The largest α whose second stage predicts other trials within one s.d. (over repeats of the folds) of the best.

    Args:
        projected: deviations in the subspace.
        mask: where there is data.
        lags: of the first stage.
        grid: α that are tried.
        folds: of each trial, for each repeat.
    """
    repeats, number = len(folds), int(folds.max()) + 1
    train = np.concatenate([(each != np.arange(number)[:, None]).astype(float) for each in folds])
    fitted = LaggedMoments.of(projected, mask, lags + 1, train)
    tested = LaggedMoments.of(projected, mask, lags + 1, 1 - train)
    first = first_stage(fitted, lags)
    errors = np.stack([second_stage_error(tested, first, second_stage(fitted, first, alpha)) for alpha in grid], 1)
    by_repeat = errors.reshape(repeats, number, len(grid)).mean(1)
    mean, best = by_repeat.mean(0), int(by_repeat.mean(0).argmin())
    spread = by_repeat[:, best].std(ddof=1) if repeats > 1 else 0.0
    within = mean[best] + spread
    chosen = max(np.array(grid)[mean <= within].tolist())
    return Tried("smoothness", tuple(grid), tuple(mean.tolist()), float(within), chosen)


def folds_of(conditions: Array, number: int, generator: np.random.Generator) -> Array:
    """A fold for each trial, int `(trial,)`: at random, as equal as can be within each condition.

    Raises:
        InvalidInput: fewer trials than folds.
    """
    if len(conditions) < number:
        raise InvalidInput("trials", len(conditions), f"at least {number}, one a fold")
    shuffled = generator.permutation(len(conditions))
    order = shuffled[np.argsort(conditions[shuffled], kind="stable")]
    folds = np.empty(len(conditions), int)
    folds[order] = np.arange(len(conditions)) % number
    return folds
