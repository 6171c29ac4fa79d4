"""What every modality is: values to a Gaussian over latents on the population's clock, and latents back to values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neurodyn.models.parts.gaussians import Gaussian

LOG_VARIANCE = (-8.0, 4.0)
"""Bounds of a posterior's log variance."""


@dataclass(frozen=True, eq=False)
class Sight:
    """A second modality in a batch."""

    values: Tensor
    """Standardised, zero where they are not known, `(trial, time, ...)`."""
    known: Tensor
    """Bool, broadcastable to the values."""
    present: Tensor
    """Bool `(trial,)`: trials that have any of it."""


class Modality(nn.Module, ABC):
    """A modality beside the activity: encoder and decoder."""

    shape: tuple[int, ...]
    """Of one bin."""

    @abstractmethod
    def encode(self, values: Tensor, known: Tensor, mask: Tensor | None) -> Gaussian:
        """Standardised values `(trial, time, ...)` to latents `(trial, time, latent)`.

        Args:
            values: zero where they are not known.
            known: bool, broadcastable to the values.
            mask: bins with data, bool `(trial, time)`; None for all.
        """

    @abstractmethod
    def decode(self, latents: Tensor, mask: Tensor | None) -> Tensor:
        """Latents `(trial, time, latent)` to expected standardised values `(trial, time, ...)`."""


def gaussian(found: Tensor) -> Gaussian:
    """Mean and log variance side by side, `(trial, time, 2 latent)`, as a Gaussian with a bounded variance."""
    mean, log_variance = found.chunk(2, 2)
    return Gaussian(mean, torch.clamp(log_variance, *LOG_VARIANCE))
