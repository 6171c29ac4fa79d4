"""What stands in for inferred latents, inputs or rates, so that a score is read beside what no model is needed for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.metrics._pairs import Quantity
from neurodyn.metrics.base import Evaluation, Measurement, Split

SMOOTHING_S = 0.08
"""Standard deviation of the Gaussian that spikes are smoothed with."""
_PRIOR = 1e-6  # bins of data that a unit's mean is worth: it decides only where no data are near

Source = Callable[[Trials, Inference], np.ndarray | None]
"""A stand-in `(trial, time, channel)` for some trials; None where they lack what it is made of."""


def measured_with(
    measure: Callable[[Evaluation], Measurement], evaluation: Evaluation, what: Quantity
) -> dict[str, Measurement]:
    """The same measure with each stand-in of a quantity in the place of what the model inferred, by the stand-in's name."""
    return {name: measure(each) for name, each in stand_ins(evaluation, what).items()}


def stand_ins(evaluation: Evaluation, what: Quantity) -> dict[str, Evaluation]:
    """The evaluation with each stand-in of a quantity, leaving out those that some split's trials lack; everything else stays the model's own."""
    found = {}
    for name, source in _SOURCES[what].items():
        made = {split: source(trials, evaluation.inferred[split]) for split, trials in evaluation.trials.items()}
        if all(values is not None for values in made.values()):
            found[name] = with_inferred(evaluation, what, made)
    return found


def with_inferred(evaluation: Evaluation, what: Quantity, values: Mapping[Split, np.ndarray | None]) -> Evaluation:
    """The evaluation with a quantity `(trial, time, channel)` of each split in the place of what the model inferred."""
    changes: dict[Split, dict[str, Any]] = {split: {what: made} for split, made in values.items()}
    inferred = {split: dataclasses.replace(each, **changes[split]) for split, each in evaluation.inferred.items()}
    return Evaluation(evaluation.trials, inferred)


def _smoothed_spikes(trials: Trials, inferred: Inference) -> np.ndarray | None:
    """Activity of the held-in units over the observed bins, averaged with Gaussian weights over the bins with data, `(trial, time, unit)`.

    Weights sum to 1 over these bins, so nothing droops at the edges of a trial; forward bins are extrapolated.
    """
    if trials.neural_name is None:
        return None
    seen = slice(0, trials.observed_bins)
    inside = trials.mask[:, seen].astype(np.float64)
    values = np.where(inside[..., None], trials.neural.values[:, seen][..., trials.heldin], 0).astype(np.float64)
    lag = np.arange(trials.bins)[:, None] - np.arange(trials.observed_bins)
    kernel = np.exp(-0.5 * (lag * trials.bin_s / SMOOTHING_S) ** 2)
    mean = values.sum((0, 1)) / max(inside.sum(), 1)
    weight = inside @ kernel.T + _PRIOR
    return np.asarray((kernel @ values + _PRIOR * mean) / weight[..., None])


def _state(trials: Trials, inferred: Inference) -> np.ndarray | None:
    return inferred.latents


def _true_latents(trials: Trials, inferred: Inference) -> np.ndarray | None:
    return trials.truth.get("latents")


def _true_rates(trials: Trials, inferred: Inference) -> np.ndarray | None:
    return trials.truth.get("rates")


def _true_latents_quadratic(trials: Trials, inferred: Inference) -> np.ndarray | None:
    """The latents of a bin, their change over time, and the products of any two of the latents."""
    latents = trials.truth.get("latents")
    if latents is None or latents.shape[1] < 2:
        return None
    first, second = np.triu_indices(latents.shape[2])
    return np.concatenate([latents, _slope(latents, trials.mask), latents[..., first] * latents[..., second]], 2)


def _slope(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Central differences a bin, one-sided where only one neighbour is inside the mask and 0 where none is."""
    change = np.zeros_like(values)
    steps = np.diff(values, axis=1)
    known = mask[:, 1:] & mask[:, :-1]
    steps = np.where(known[..., None], steps, 0)
    neighbours = np.zeros(mask.shape)
    change[:, :-1] += steps
    change[:, 1:] += steps
    neighbours[:, :-1] += known
    neighbours[:, 1:] += known
    return np.asarray(change / np.maximum(neighbours, 1)[..., None])


_SOURCES: Mapping[Quantity, Mapping[str, Source]] = {
    "rates": {"true_latents": _true_latents, "smoothed_spikes": _smoothed_spikes},
    "latents": {"smoothed_spikes": _smoothed_spikes},
    "inputs": {
        "state": _state,
        "true_latents": _true_latents,
        "true_rates": _true_rates,
        "true_latents_quadratic": _true_latents_quadratic,
        "smoothed_spikes": _smoothed_spikes,
    },
}
