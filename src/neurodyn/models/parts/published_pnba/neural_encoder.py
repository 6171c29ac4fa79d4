"""PNBA's published neural encoder: the population is an image of unit index by time, so no parameter depends on the subject."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from neurodyn.models.parts.gaussians import Gaussian
from neurodyn.models.parts.published_pnba.blocks import Attn, Res, group_norm
from neurodyn.models.parts.published_pnba.config import PublishedPNBAConfig


class NeuralProjector(nn.Module):
    """Any number of units to a fixed number of bins: a convolution over neighbouring units, then the largest of each stretch of units.

    It treats the order of units as a map that subjects share. In mouse V1 it is not one, and another order changes the features.
    """

    def __init__(self, config: PublishedPNBAConfig) -> None:
        super().__init__()
        width = config.projector
        self.bins = config.pooled_units
        self.lift = nn.Conv2d(1, width, 3, padding=(0, 1))
        self.refine = nn.Sequential(
            group_norm(width),
            nn.LeakyReLU(),
            Res(width, width, config.dropout),
            Attn(width),
            Res(width, width, config.dropout),
            group_norm(width),
            nn.LeakyReLU(),
        )

    def forward(self, values: Tensor) -> Tensor:
        """Activity `(trial, unit, time)`, three units or more, to `(trial, channel, bin, time)`. With fewer than `bins` + 2 units, bins repeat units."""
        lifted = self.lift(values.unsqueeze(1))
        return self.refine(F.adaptive_max_pool2d(lifted, (self.bins, values.shape[2])))  # type: ignore[no-any-return]


class NeuralEncoder(nn.Module):
    """The pooled population to the latent slots, `(trial, channel, bin, time)` to `(trial, latent channel, slot, time)`: every level but the last divides bins by 4."""

    def __init__(self, config: PublishedPNBAConfig) -> None:
        super().__init__()
        width, last = config.encoder, config.encoder_widths[-1]
        layers: list[nn.Module] = [nn.Conv2d(config.projector, width, 3, padding=1)]
        for level, wider in enumerate(config.encoder_widths):
            if level:
                layers.append(nn.Conv2d(width, width, (4, 1), stride=(4, 1)))
            for _ in range(config.encoder_blocks):
                layers.append(Res(width, wider, config.dropout))
                width = wider
        layers += [Res(last, last, config.dropout), Attn(last), Res(last, last, config.dropout)]
        layers += [group_norm(last), nn.SiLU(), nn.Conv2d(last, config.channels, 3, padding=1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, projected: Tensor) -> Tensor:
        return self.layers(projected)  # type: ignore[no-any-return]


class Heads(nn.Module):
    """Mean and log-variance of a modality's latents, each by a residual block of its own on the same features; nothing bounds the log-variance, as released."""

    def __init__(self, config: PublishedPNBAConfig) -> None:
        super().__init__()
        self.mean = Res(config.channels, config.channels, config.dropout)
        self.log_variance = Res(config.channels, config.channels, config.dropout)

    def forward(self, features: Tensor) -> Gaussian:
        return Gaussian(self.mean(features), self.log_variance(features))
