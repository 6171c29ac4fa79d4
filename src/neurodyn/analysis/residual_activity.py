"""Data and samples of a fitted model in the same windows and the same subspace, ready for residual dynamics."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.analysis.posterior_samples import sampled_activity
from neurodyn.data.trials import Trials
from neurodyn.dynamics.residual_dynamics import ResidualDynamics, ResidualDynamicsConfig, estimate
from neurodyn.dynamics.residual_moments import residuals
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Bool, Float

Subspace = Literal["truth", "model", "hankel"]
_FEWEST = 5
"""Trials of a condition and choice that has fewer are left out."""
_WIDEST = 3
"""Dimensions, where the true latents are not known."""
_MOST_LATENTS = 6
_LITTLE = 1e-3
"""α of the true latents' own residual dynamics, a trial and per unit of their variance."""


@dataclass(frozen=True, eq=False)
class ResidualActivity:
    """Activity summed in windows: of the data, of samples of the model, and of the true system where its rates are known."""

    data: Float[Array, "trial time unit"]
    samples: Float[Array, "trial time unit"]
    again: Array | None
    """Fresh noise on the true rates, `(trial, time, unit)`."""
    mask: Bool[Array, "trial time"]
    conditions: Array
    """Int `(trial,)`."""
    subspace: Float[Array, "unit direction"]
    how: Subspace
    """Where the subspace comes from."""
    window: int
    """Bins in a window."""
    window_s: float
    config: ResidualDynamicsConfig
    """With all that was chosen on the data."""
    of_data: ResidualDynamics
    of_latents: ResidualDynamics | None
    """Of the true latents in the middle of each window, without any noise; None where they are not known, or more than `_MOST_LATENTS`."""

    def estimated(self, activity: Float[Array, "trial time unit"]) -> ResidualDynamics:
        """Residual dynamics of any activity of these trials, in the same way."""
        return estimate(
            activity, self.conditions, self.config, mask=self.mask, subspace=self.subspace, bin_s=self.window_s
        )

    @property
    def steps(self) -> Array:
        """Int `(step, 2)`: for each operator, first bin and the one after the last from the middle of its window to that of the next."""
        first = self.of_data.bins * self.window + (self.window + 1) // 2
        return np.stack([first, first + self.window], 1)


def residual_activity(
    learned: LearnedDynamics,
    *,
    window_s: float = 0.05,
    lags: int | None = 2,
    dimension: int | None = None,
    smoothness: float | None = None,
    subspace: Subspace | None = None,
    seed: int = 0,
) -> ResidualActivity:
    """Spikes of all trials and of one posterior sample of each, summed in windows over the observed bins.

    The subspace is fitted on the training trials: `truth`, the principal directions of the deviations of the true rates, so that what is compared is how deviations
    propagate and not who finds them (the default where rates are known); `hankel`, the directions that past and future of the spikes share (else); `model`, as `truth`
    for the inferred rates. α, and l where none is given, are chosen on the data and kept for the samples.

    Raises:
        InvalidInput: fewer trials or windows than the estimate needs.
    """
    parts = [learned.train, learned.valid, learned.test]
    window = max(1, round(window_s / learned.train.bin_s))
    data = np.concatenate([summed(each.neural.values, window, each.observed_bins) for each in parts])
    samples = [sampled_activity(learned.model, each, seed + i) for i, each in enumerate(parts)]
    fake = np.concatenate([summed(each, window, parts[0].observed_bins) for each in samples])
    mask = np.concatenate([_whole(each.mask, window, each.observed_bins) for each in parts])
    labels, kept = _labels(parts)
    if not kept.any():
        fix = "Record more trials, or merge conditions."
        raise InvalidInput("trials", len(kept), f"at least {_FEWEST} of one condition and choice", fix)
    if data.shape[1] < 4:
        fix = "Use a smaller window."
        raise InvalidInput("window_s", window_s, f"at least 4 windows in a trial instead of {data.shape[1]}", fix)
    truth = learned.train.truth.get("latents")
    size = dimension or (_WIDEST if truth is None else min(truth.shape[2], data.shape[2]))
    train = np.arange(len(labels)) < len(learned.train)
    chosen = subspace or ("truth" if "rates" in learned.train.truth else "hankel")
    several = train & (np.bincount(labels[train], minlength=labels.max() + 1)[labels] > 1)
    directions = _directions(learned, chosen, size, window, data, mask, labels, several & kept)
    again = None
    if all("rates" in each.truth for each in parts) and learned.train.neural.kind == "spikes":
        generator = np.random.default_rng((seed, 1))
        drawn = [generator.poisson(each.truth["rates"]).astype(float) for each in parts]
        again = np.concatenate([summed(each, window, parts[0].observed_bins) for each in drawn])[kept]
    config = ResidualDynamicsConfig(
        lags=lags, dimension=directions.shape[1], smoothness=smoothness, folds=5, repeats=4, seed=seed
    )
    bin_s = window * learned.train.bin_s
    found = estimate(data[kept], labels[kept], config, mask=mask[kept], subspace=directions, bin_s=bin_s)
    config = dataclasses.replace(config, lags=found.lags, smoothness=found.smoothness)
    of_latents = _of_latents(parts, kept, mask, labels, window, found.lags, bin_s)
    return ResidualActivity(
        data[kept],
        fake[kept],
        again,
        mask[kept],
        labels[kept],
        directions,
        chosen,
        window,
        bin_s,
        config,
        found,
        of_latents,
    )


def summed(activity: Array, window: int, bins: int) -> Float[Array, "trial time unit"]:
    """Sums over windows of so many bins, of the first `bins`; what does not fill a window is left out."""
    windows = bins // window
    cut = np.asarray(activity[:, : windows * window], float)
    return np.asarray(cut.reshape(len(cut), windows, window, -1).sum(2))


def _whole(mask: Array, window: int, bins: int) -> Array:
    return np.asarray(summed(mask[..., None], window, bins)[..., 0] == window)


def _labels(parts: list[Trials]) -> tuple[Array, Array]:
    """Condition and choice of each trial, as an integer, and whether there are enough trials of both."""
    named = []
    for trials in parts:
        columns = [] if trials.conditions is None else [trials.conditions]
        if "choice" in trials.table:
            columns.append(trials.table["choice"].to_numpy())
        named += ["|".join(map(str, row)) for row in zip(*columns)] if columns else [""] * len(trials)
    labels, counts = np.unique(np.array(named), return_inverse=True, return_counts=True)[1:]
    return labels, counts[labels] >= _FEWEST


def _of_latents(
    parts: list[Trials], kept: Array, mask: Array, labels: Array, window: int, lags: int, bin_s: float
) -> ResidualDynamics | None:
    if any("latents" not in each.truth or each.truth["latents"].shape[2] > _MOST_LATENTS for each in parts):
        return None
    middle = (window - 1) // 2  # of the bins whose end is the middle of a window, or half a bin before it
    latents = np.concatenate([each.truth["latents"][:, middle::window] for each in parts])[kept]
    latents = latents[:, : mask.shape[1]].astype(float)
    spread = residuals(latents, labels[kept], mask[kept])[mask[kept]].std(0)
    config = ResidualDynamicsConfig("none", lags=lags, smoothness=_LITTLE * len(latents), jitter=1e-6)
    return estimate(latents / np.maximum(spread, 1e-12), labels[kept], config, mask=mask[kept], bin_s=bin_s)


def _directions(
    learned: LearnedDynamics,
    subspace: Subspace,
    size: int,
    window: int,
    data: Array,
    mask: Array,
    labels: Array,
    rows: Array,
) -> Array:
    if subspace == "hankel":
        horizon = min(5, data.shape[1] // 2)
        config = ResidualDynamicsConfig(dimension=size, rank=size, lags=1, smoothness=1.0, horizon=horizon)
        return np.asarray(estimate(data[rows], labels[rows], config, mask=mask[rows]).subspace)
    found = learned.train.truth.get("rates") if subspace == "truth" else learned.model.infer(learned.train).rates
    if found is None:
        raise InvalidInput("subspace", subspace, "hankel, where no rates are known or inferred")
    rates = summed(found, window, learned.train.observed_bins)[rows[: len(learned.train)]]
    deviations = residuals(rates, labels[rows], mask[rows])[mask[rows]]
    return np.asarray(np.linalg.svd(deviations, full_matrices=False)[2][:size].T)
