"""Behaviour as a linear function of the latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neurodyn.config import check_range
from neurodyn.decoding._standard import Standard, standardise
from neurodyn.decoding.base import Decoder
from neurodyn.regression.ridge import LinearMap, fit_cross_validated

PENALTIES = np.logspace(-3, 5, 17)
"""Penalties on the weights of standardised latents that are chosen from."""


@dataclass(frozen=True)
class LinearConfig:
    """Options of the linear decoder."""

    history_bins: int = 0
    """Previous bins whose latents are looked at too."""
    folds: int = 5
    """Folds of whole trials by which the penalty is chosen."""

    def __post_init__(self) -> None:
        check_range("decoder.history_bins", self.history_bins, 0)
        check_range("decoder.folds", self.folds, 2)


class Linear(Decoder):
    """Ridge regression with an intercept, its penalty by cross-validation over whole trials; nothing is drawn, so the seed has no effect."""

    Config: ClassVar = LinearConfig
    config: LinearConfig

    def _fit(self, latents: np.ndarray, behaviour: np.ndarray, mask: np.ndarray | None, seed: int) -> _Fitted:
        standard, x, y, used = standardise(latents, behaviour, mask, self.config.history_bins)
        trial = np.broadcast_to(np.arange(len(used))[:, None], used.shape)[used]
        return _Fitted(standard, fit_cross_validated(x[used], y[used], trial, PENALTIES, self.config.folds))


@dataclass(frozen=True)
class _Fitted:
    standard: Standard
    linear_map: LinearMap

    def __call__(self, latents: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        return self.standard.behaviour.restored(self.linear_map(self.standard.inputs(latents, mask)))
