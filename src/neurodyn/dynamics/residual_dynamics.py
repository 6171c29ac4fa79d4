"""Residual dynamics: how trial-to-trial deviations from the condition's average propagate, estimated without the bias of observation noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.dynamics.residual_choice import Tried, choose_lags_and_dimension, choose_rank, choose_smoothness, folds_of
from neurodyn.dynamics.residual_moments import LaggedMoments, residuals
from neurodyn.dynamics.residual_operators import ResidualDynamics as ResidualDynamics
from neurodyn.dynamics.residual_stages import first_stage, plain_regression, second_stage
from neurodyn.dynamics.residual_subspace import dynamics_subspace, hankel
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Bool, Float, Shaped


@dataclass(frozen=True)
class ResidualDynamicsConfig:
    """Options of `estimate`. What is empty is chosen by cross-validation over trials."""

    subspace: Literal["hankel", "none"] = "hankel"
    """`hankel`: directions that past and future share. `none`: the activity's own dimensions."""
    dimension: int | None = None
    """d: dimensions of the subspace."""
    lags: int | None = None
    """l: bins of the past that serve as the instrument."""
    smoothness: float | None = None
    """α: penalty on the change of the operators from bin to bin."""
    rank: int | None = None
    """r: rank of the products of past and future."""
    horizon: int = 5
    """q: bins of past and of future in these products."""
    jitter: float = 0.0
    """Variance of noise that is added to the activity, where a dimension hardly varies."""
    ranks: tuple[int, ...] = (2, 3, 4, 5, 6, 8, 10)
    """Ranks that are tried."""
    lag_grid: tuple[int, ...] = (1, 2, 3, 4, 5, 8)
    """Lags that are tried."""
    dimensions: tuple[int, ...] = (2, 3, 4, 6, 8, 10)
    """Dimensions that are tried."""
    largest_dimension: int | None = None
    """Dimensions above it are not tried."""
    smoothness_grid: tuple[float, ...] = (0.1, 1.0, 1e1, 1e2, 3e2, 1e3, 3e3, 1e4, 1e5, 1e6, 1e7, 1e8)
    """α that are tried."""
    halves: int = 20
    """Random halves for the rank."""
    folds: int = 5
    """Folds of cross-validation."""
    repeats: int = 10
    """Repeats of the folds for α."""
    seed: int = 0
    """Of folds, halves, jitter and bootstrap."""

    def __post_init__(self) -> None:
        check_choices(self, "residual_dynamics")
        for name in ("dimension", "lags", "rank", "largest_dimension"):
            if getattr(self, name) is not None:
                check_range(f"residual_dynamics.{name}", getattr(self, name), 1)
        for name in ("horizon", "repeats"):
            check_range(f"residual_dynamics.{name}", getattr(self, name), 1)
        for name in ("halves", "folds"):
            check_range(f"residual_dynamics.{name}", getattr(self, name), 2)
        if self.smoothness is not None:
            check_range("residual_dynamics.smoothness", self.smoothness, 0)
        for name in ("jitter", "seed"):
            check_range(f"residual_dynamics.{name}", getattr(self, name), 0)


def estimate(
    activity: Shaped[Array, "trial time dimension"],
    conditions: Array,
    config: ResidualDynamicsConfig = ResidualDynamicsConfig(),
    *,
    mask: Bool[Array, "trial time"] | None = None,
    subspace: Float[Array, "dimension direction"] | None = None,
    bin_s: float = 1.0,
) -> ResidualDynamics:
    """Residual dynamics by two-stage least squares (Galgali, Sahani & Mante 2023, 10.1038/s41593-022-01230-2).

    First stage: x_t on (x_{t−1} ... x_{t−l}) over trials gives x̂_t, free of the bin's observation noise. Second: Σ_t ‖x_{t+1} − A_t x̂_t‖² +
    α Σ_t ‖A_{t+1} − A_t‖². Deviations of all conditions are pooled; give one choice's trials for that choice alone, with the subspace of all.
    Inputs that are correlated over time bias the estimate: with x' = a x + u, u' = b u + noise, it tends to (a+b) − ab(1+ab)/(a+b) for l = 1.

    Args:
        activity: any activity, counts too; noise must be independent from bin to bin.
        conditions: a label a trial; what trials of one label have in common is not dynamics.
        config: options.
        mask: where there is data, for trials of different length.
        subspace: orthonormal directions, in place of those of the config.
        bin_s: width of a bin in seconds, for time constants.

    Raises:
        InvalidInput: too few trials or bins (it says how many are needed), a condition with one trial, numbers that are not finite, a singular instrument.

    >>> rng = np.random.default_rng(0)
    >>> x = np.zeros((2000, 12, 1))
    >>> for t in range(1, 12):
    ...     x[:, t] = 0.9 * x[:, t - 1] + rng.normal(size=(2000, 1))
    >>> found = estimate(x + rng.normal(size=x.shape), np.zeros(2000), ResidualDynamicsConfig("none", lags=3, smoothness=1e6))
    >>> [round(float(each.mean()), 1) for each in (found.operators, found.plain)]
    [0.9, 0.7]
    """
    activity = np.asarray(activity, float)
    seen = np.ones(activity.shape[:2], bool) if mask is None else mask
    labels = np.unique(np.asarray(conditions), return_inverse=True)[1]
    if config.jitter:
        noise = np.random.default_rng((config.seed, 0)).normal(0, np.sqrt(config.jitter), activity.shape)
        activity = activity + noise
    deviations = residuals(activity, conditions, seen)
    pairs = _pairs(config, deviations, seen, labels, subspace)
    tried: list[Tried] = []
    directions = subspace
    if directions is None:
        directions = (
            np.eye(activity.shape[2])
            if config.subspace == "none"
            else _hankel_subspace(config, deviations, seen, labels, tried)
        )
    generator = np.random.default_rng((config.seed, 2))
    lags, size = pairs[0]
    if len(pairs) > 1:
        folds = folds_of(labels, config.folds, generator)
        tried.append(choose_lags_and_dimension(deviations, seen, directions, pairs, folds))
        lags, size = tried[-1].chosen
    directions = directions[:, :size]
    projected = deviations @ directions
    smoothness = config.smoothness
    if smoothness is None:
        repeats = np.stack([folds_of(labels, config.folds, generator) for _ in range(config.repeats)])
        tried.append(choose_smoothness(projected, seen, lags, config.smoothness_grid, repeats))
        smoothness = float(tried[-1].chosen)
    moments = LaggedMoments.of(projected, seen, lags + 1)
    first = first_stage(moments, lags)
    return ResidualDynamics(
        np.arange(lags, activity.shape[1] - 1),
        second_stage(moments, first, smoothness)[0],
        plain_regression(moments, lags, smoothness)[0],
        directions,
        first.strength[0],
        lags,
        smoothness,
        bin_s,
        len(activity),
        tuple(tried),
        (projected, seen, config.seed),
    )


def _pairs(
    config: ResidualDynamicsConfig, deviations: Array, mask: Array, labels: Array, subspace: Array | None
) -> list[tuple[int, int]]:
    """(l, d) to choose from: those that the fewest trials of a bin allow; one where both are given."""
    bins, widest = deviations.shape[1], deviations.shape[2] if subspace is None else subspace.shape[1]
    lags = [lag for lag in config.lag_grid if lag <= bins // 3] if config.lags is None else [config.lags]
    if not lags or max(lags) + 2 > bins:
        fewest_bins = 3 if config.lags is None else config.lags + 2
        raise InvalidInput("activity", f"{bins} bins", f"at least {fewest_bins}", "Use narrower bins or longer trials.")
    if config.dimension is not None:
        check_range("residual_dynamics.dimension", config.dimension, 1, widest)
        sizes = [config.dimension]
    elif config.subspace == "none" or subspace is not None:
        sizes = [widest]
    else:
        top = min(widest, config.largest_dimension or widest)
        sizes = [size for size in config.dimensions if size <= top] or [top]
    pairs = [(lag, size) for lag in lags for size in sizes]
    # What a regression is fitted on: all trials, or those outside a fold.
    share = 1.0 if config.smoothness is not None and len(pairs) == 1 else 1 - 1 / config.folds
    conditions, there = int(labels.max()) + 1, mask.sum(0)
    fewest = int(there.min())
    fitting = [(lag, size) for lag, size in pairs if fewest * share >= 2 * lag * size + conditions]
    if not fitting:
        lag, size = min(pairs, key=lambda pair: pair[0] * pair[1])
        needed = int(np.ceil((2 * lag * size + conditions) / share))
        where = f"{fewest} trials" if mask.all() else f"{fewest} trials in bin {int(there.argmin())}"
        why = f"twice the {lag * size} numbers of the past (lags {lag}, dimensions {size}) and the averages of {conditions} conditions"
        fix = "Choose fewer dimensions or lags, or merge conditions."
        raise InvalidInput("activity", where, f"at least {needed}: {why}", fix)
    return fitting


def _hankel_subspace(
    config: ResidualDynamicsConfig, deviations: Array, mask: Array, labels: Array, tried: list[Tried]
) -> Array:
    """Of conditions with at least twenty trials each, one by one; of all trials pooled where one has fewer."""
    counts = np.bincount(labels)
    groups = [np.arange(len(labels))] if counts.min() < 20 else [labels == label for label in range(len(counts))]
    parts = [(deviations[rows], mask[rows]) for rows in groups]
    rank = config.rank
    if rank is None:
        generator = np.random.default_rng((config.seed, 1))
        top = config.horizon * deviations.shape[2]
        grid = [each for each in config.ranks if each <= top] or [top]
        tried.append(choose_rank(parts, config.horizon, grid, config.halves, generator))
        rank = int(tried[-1].chosen)
    hankels = [hankel(deviations, mask, config.horizon) for deviations, mask in parts]
    return np.asarray(dynamics_subspace(hankels, hankels[0].shape[1] // config.horizon, rank))
