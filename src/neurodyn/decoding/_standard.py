"""Latents and behaviour on a common scale, from the bins that decoders are fitted to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.decoding.base import _used
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Bool, Float


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each column; a column that does not vary keeps its size."""

    mean: Float[Array, " column"]
    deviation: Float[Array, " column"]

    @staticmethod
    def of(rows: Float[Array, "row column"]) -> Scale:
        """From rows without NaN."""
        mean, deviation = rows.mean(0, dtype=np.float64), rows.std(0, dtype=np.float64)
        varies = deviation > 1e-9 * np.maximum(np.abs(mean), np.finfo(float).tiny)
        return Scale(mean, np.where(varies, deviation, 1.0))

    def standardised(self, values: np.ndarray) -> np.ndarray:
        """Zero mean and unit variance."""
        return np.asarray((values - self.mean) / self.deviation)

    def restored(self, values: np.ndarray) -> np.ndarray:
        """Back in physical units."""
        return np.asarray(values * self.deviation + self.mean)


@dataclass(frozen=True)
class Standard:
    """What a decoder keeps of the trials it was fitted to, beside its weights."""

    latents: Scale
    behaviour: Scale
    history_bins: int
    """Previous bins that stand beside each bin's own latents."""

    def inputs(self, latents: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """Standardised latents with their history, `(trial, time, latent × (1 + history))`; 0 outside the mask and before a trial.

        Raises:
            InvalidInput: another number of latents, or values that are not finite inside the mask.
        """
        width = len(self.latents.mean)
        if latents.shape[-1] != width:
            raise InvalidInput("latents", f"{latents.shape[-1]} latents", f"{width}, as in the trials it was fitted to")
        inside = np.ones(latents.shape[:2], bool) if mask is None else mask
        _check_finite(latents, inside)
        scaled = self.latents.standardised(np.where(inside[..., None], latents, self.latents.mean))
        shifted = [
            np.pad(scaled, ((0, 0), (lag, 0), (0, 0)))[:, : scaled.shape[1]] for lag in range(1, self.history_bins + 1)
        ]
        return np.concatenate([scaled, *shifted], 2)


def standardise(
    latents: Float[Array, "trial time latent"],
    behaviour: Float[Array, "trial time channel"],
    mask: Bool[Array, "trial time"] | None,
    history_bins: int,
) -> tuple[Standard, np.ndarray, np.ndarray, np.ndarray]:
    """The scales, the standardised inputs and outputs (0 where unknown), and the bins that are fitted `(trial, time)`.

    Raises:
        InvalidInput: latents that are not finite inside the mask, or no bin to fit.
    """
    inside = np.ones(latents.shape[:2], bool) if mask is None else mask
    _check_finite(latents, inside)
    used = _used(behaviour, mask)
    standard = Standard(Scale.of(latents[inside]), Scale.of(behaviour[used]), history_bins)
    known = np.where(used[..., None], behaviour, standard.behaviour.mean)
    return standard, standard.inputs(latents, mask), standard.behaviour.standardised(known), used


def _check_finite(latents: np.ndarray, inside: np.ndarray) -> None:
    bad = inside & ~np.isfinite(latents).all(-1)
    if bad.any():
        trial, time = (int(i) for i in np.argwhere(bad)[0])
        raise InvalidInput("latents", f"a value that is not finite at trial {trial}, bin {time}", "finite latents")
