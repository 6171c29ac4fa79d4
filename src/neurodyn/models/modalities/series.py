"""A vector series: behaviour, or a stimulus of a few channels."""

from __future__ import annotations

import torch
from torch import Tensor

from neurodyn.models.modalities.base import Modality, gaussian
from neurodyn.models.parts.gaussians import Gaussian
from neurodyn.models.parts.temporal_stack import TemporalStack


class Series(Modality):
    """Convolutions over time, for channels on the population's clock. A flag beside each channel says where a sample is missing.

    Args:
        channels: of the series.
        latents: D.
        hidden: channels of the hidden layers.
        kernel: bins that a layer sees, odd.
    """

    def __init__(self, channels: int, latents: int, hidden: int, kernel: int) -> None:
        super().__init__()
        self.shape = (channels,)
        self.encoder = TemporalStack(2 * channels, hidden, (kernel, kernel), 2 * latents)
        self.decoder = TemporalStack(latents, hidden, (kernel, kernel), channels)

    def encode(self, values: Tensor, known: Tensor, mask: Tensor | None) -> Gaussian:
        flags = known.expand_as(values).to(values.dtype)
        return gaussian(self.encoder(torch.cat([values, flags], 2), mask))

    def decode(self, latents: Tensor, mask: Tensor | None) -> Tensor:
        return self.decoder(latents, mask)  # type: ignore[no-any-return]
