"""Whether samples of the model propagate trial-to-trial deviations as the data do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from neurodyn.analysis.dynamics_measures.base import CLAIMS, DynamicsMeasure
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.analysis.residual_activity import ResidualActivity
from neurodyn.analysis.residual_comparison import kept_activity, kept_spectra
from neurodyn.dynamics.residual_moments import LaggedMoments, residuals
from neurodyn.dynamics.residual_stages import first_stage, plain_regression, second_stage
from neurodyn.metrics.base import Measurement
from neurodyn.shapes import Array, Float

_AT_A_TIME = 200
"""Bootstrap draws solved together."""


class ResidualSpectrumGap(DynamicsMeasure):
    """Mean over time of | |λ|_samples − |λ|_data |, the largest eigenvalues of residual dynamics per window of 50 ms."""

    definition = (
        "Mean over time of the absolute difference between the largest |λ| of residual dynamics of the data and of one sample of the model for each trial (posterior, then spikes), "
        "per 50 ms, in the same subspace with the same lags and smoothness; over the trials of all splits, since it takes many and compares two estimates of the same kind."
    )
    direction: ClassVar[Literal["lower"]] = "lower"

    def applies(self, learned: LearnedDynamics) -> bool:
        """Whether the model has dynamics and the trials have four windows or more."""
        return (
            learned.model.has_dynamics
            and learned.train.neural_name is not None
            and (learned.train.observed_bins * learned.train.bin_s >= 0.2)
        )

    def measure(self, learned: LearnedDynamics) -> Measurement:
        found = kept_activity(learned)
        spectra = kept_spectra(learned)
        gap = spectra.gap("data", "samples")
        context = {
            "trials": "train, valid and test",
            "window_s": found.window_s,
            "lags": found.of_data.lags,
            "dimension": found.subspace.shape[1],
            "smoothness": found.of_data.smoothness,
            "tolerance": gap.tolerance,
            "verdict": gap.verdict,
            CLAIMS: {name: holds for name, holds in spectra.claims.items() if "own" not in name},
        }
        return _between(found, found.samples, context)

    def simpler(self, learned: LearnedDynamics) -> Mapping[str, Measurement]:
        """`identity`: deviations that stay, |λ| = 1. `plain_regression`: of the data, ordinary regression instead of two stages. `shuffled`: samples of the model
        whose deviations are exchanged between the trials of a condition in each window, so that nothing propagates."""
        found = kept_activity(learned)
        return {
            "identity": _between(found, None),
            "plain_regression": _between(found, found.data, plain=True),
            "shuffled": _between(found, _shuffled(found, learned.seed)),
        }

    def ceiling(self, learned: LearnedDynamics) -> float | None:
        """Fresh noise on the true rates, in place of samples of the model."""
        found = kept_activity(learned)
        return None if found.again is None else _between(found, found.again).value


def _between(
    found: ResidualActivity,
    other: Array | None,
    context: Mapping[str, object] | None = None,
    *,
    plain: bool = False,
) -> Measurement:
    """The gap between the data's spectrum and that of other activity of the same trials; with none, |λ| = 1. Each trial adds its products to the moments of both."""
    size, bins, lags = found.subspace.shape[1], found.data.shape[1], found.of_data.lags
    smoothness = found.of_data.smoothness
    parts = [_products(found, found.data)] + ([] if other is None else [_products(found, other)])
    there = _pairs(found)
    widths = np.cumsum([part.shape[1] for part in parts])

    def leading(sums: Array, counts: Array, ordinary: bool) -> Array:
        trials = counts.reshape(-1, lags + 2, bins)
        mean = sums.reshape(-1, lags + 2, bins, size, size) / np.maximum(trials, 1e-12)[..., None, None]
        moments = LaggedMoments(mean, trials)
        operators = (
            plain_regression(moments, lags, smoothness)
            if ordinary
            else second_stage(moments, first_stage(moments, lags), smoothness)
        )
        return np.asarray(np.abs(np.linalg.eigvals(operators)).max(2))

    def gap(sums: Array) -> Array:
        values = []
        for start in range(0, len(sums), _AT_A_TIME):
            some = sums[start : start + _AT_A_TIME]
            counts = some[:, widths[-1] :]
            of_data = leading(some[:, : widths[0]], counts, False)
            beside = 1.0 if other is None else leading(some[:, widths[0] : widths[-1]], counts, plain)
            values.append(np.abs(of_data - beside).mean(1))
        return np.concatenate(values)

    return Measurement(np.concatenate([*parts, there], 1), gap, dict(context or {}), "trials")


def _projected(found: ResidualActivity, activity: Array) -> Array:
    return np.asarray(residuals(activity, found.conditions, found.mask) @ found.subspace)


def _products(found: ResidualActivity, activity: Array) -> Float[Array, "trial quantity"]:
    """x_t x_{t−k}ᵀ of each trial for the lags k that the two stages need."""
    x, lags = _projected(found, activity), found.of_data.lags
    products = np.zeros((len(x), lags + 2, *x.shape[1:], x.shape[2]))
    for lag in range(lags + 2):
        products[:, lag, lag:] = x[:, lag:, :, None] * x[:, : x.shape[1] - lag, None, :]
    return products.reshape(len(x), -1)


def _pairs(found: ResidualActivity) -> Float[Array, "trial quantity"]:
    mask, lags = found.mask, found.of_data.lags
    pairs = np.zeros((len(mask), lags + 2, mask.shape[1]))
    for lag in range(lags + 2):
        pairs[:, lag, lag:] = mask[:, lag:] & mask[:, : mask.shape[1] - lag]
    return pairs.reshape(len(mask), -1)


def _shuffled(found: ResidualActivity, seed: int) -> Float[Array, "trial time unit"]:
    generator, shuffled = np.random.default_rng((seed, 5)), found.samples.copy()
    for label in np.unique(found.conditions):
        rows = np.flatnonzero(found.conditions == label)
        for t in range(shuffled.shape[1]):
            shuffled[rows, t] = shuffled[generator.permutation(rows), t]
    return shuffled
