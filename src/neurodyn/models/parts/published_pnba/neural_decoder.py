"""PNBA's published neural decoder: latents to a fixed number of bins, and from there to the rate of any number of units."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurodyn.models.parts.published_pnba.blocks import Attn, Res, group_norm
from neurodyn.models.parts.published_pnba.config import OUTPUT_GROUPS, PublishedPNBAConfig


class SlotUpsample(nn.Module):
    """Four times as many slots, by nearest neighbours and a 3 × 3 convolution: `(trial, channel, slot, time)`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(F.interpolate(x, scale_factor=(4, 1)))  # type: ignore[no-any-return]


class NeuralDecoder(nn.Module):
    """Latents `(trial, latent channel, slot, time)` to features of the pooled population `(trial, channel, bin, time)`."""

    def __init__(self, config: PublishedPNBAConfig) -> None:
        super().__init__()
        width, dropout = config.decoder_widths[0], config.dropout
        layers: list[nn.Module] = [nn.Conv2d(config.channels, width, 3, padding=1)]
        layers += [Res(width, width, dropout), Attn(width), Res(width, width, dropout)]
        for level, wider in enumerate(config.decoder_widths):
            if level:
                layers.append(SlotUpsample(width))
            for _ in range(config.decoder_blocks):
                layers.append(Res(width, wider, dropout))
                width = wider
        layers += [group_norm(width), nn.SiLU(), nn.Conv2d(width, config.projector, 3, padding=1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, latents: Tensor) -> Tensor:
        return self.layers(latents)  # type: ignore[no-any-return]


class NeuralOutput(nn.Module):
    """Features of the pooled population to the rate of every unit, `(trial, channel, bin, time)` to `(trial, time, unit)`.

    Bins are interpolated to units (bicubic), so all that is a subject's own is the number of its units: neighbours get similar rates whatever they do. The rate is
    ELU + 1, always positive, in the units of the activity.
    """

    def __init__(self, config: PublishedPNBAConfig) -> None:
        super().__init__()
        width = config.projector
        self.layers = nn.Sequential(
            Res(width, width, config.dropout),
            Res(width, width, config.dropout),
            nn.Conv2d(width, width, 3, padding=1),
            group_norm(width, OUTPUT_GROUPS),
            nn.LeakyReLU(),
            nn.Conv2d(width, width // 2, 3, padding=1),
            group_norm(width // 2, OUTPUT_GROUPS),
            nn.LeakyReLU(),
            nn.Conv2d(width // 2, 1, 1),
        )

    def forward(self, features: Tensor, units: int) -> Tensor:
        bins = features.shape[2]
        # One matrix product, since time stays as it is: two-dimensional interpolation takes seven times as long.
        identity = torch.eye(bins, dtype=features.dtype, device=features.device)
        weights = F.interpolate(identity[None, None], size=(units, bins), mode="bicubic")[0, 0]
        eta = self.layers(weights @ features).squeeze(1).transpose(1, 2)
        return F.elu(eta) + 1
