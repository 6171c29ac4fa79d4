"""What the closed-form models need to know about spike counts."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from neurodyn.data.batch import Batch, Observed
from neurodyn.data.spec import DataSpec
from neurodyn.errors import InvalidInput


def require_spikes(spec: DataSpec, model: str) -> None:
    """Raises `InvalidInput` when a session's population is not spike counts."""
    for session in spec.sessions:
        kind = None if session.neural is None else session.signals[session.neural].kind
        if kind != "spikes":
            raise InvalidInput(
                "neural signal",
                kind or "none",
                f"spike counts for the model {model}",
                "mean_rate takes any signal.",
            )


def recorded(observed: Observed) -> Tensor:
    """Bool, where there are counts: `(trial, time)` where a bin holds those of all units or of none, else `(trial, time, unit)`."""
    return observed.mask if observed.hidden is None else observed.mask[..., None] & ~observed.hidden


def mean_counts(*batches: Batch) -> Tensor:
    """Mean of every unit over the entries inside the mask of all batches, `(unit,)`; a silent unit counts as half a spike, so that its log is finite."""
    total = entries = torch.zeros(())
    for batch in batches:
        name = batch.observed.neural_name
        assert name is not None
        weight = batch.weight(name).double().expand_as(batch.targets[name])
        total = total + (batch.targets[name].double() * weight).sum((0, 1))
        entries = entries + weight.sum((0, 1))
    return (torch.where(total == 0, 0.5, total) / entries.clamp_min(1)).float()


def thinned(counts: Tensor, folds: int, seed: int) -> Tensor:
    """Deals every spike to one of `folds` hands at random, `(fold, *counts)`: the hands add up to the counts, and those of Poisson counts are independent."""
    generator = np.random.default_rng(seed)
    left = counts.numpy().astype(np.int64)
    hands = np.empty((folds, *left.shape), np.float32)
    for fold in range(folds):
        hands[fold] = drawn = generator.binomial(left, 1 / (folds - fold))
        left = left - drawn
    return torch.from_numpy(hands).to(counts.dtype)
