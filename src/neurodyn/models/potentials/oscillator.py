"""Locally coupled oscillators, bounded from below."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.models.potentials.base import Potential, inverse_softplus

TAPS = 3
"""Taps of a filter: an oscillator and its two neighbours."""


@dataclass(frozen=True)
class OscillatorConfig:
    """Options of the coupled oscillators."""

    channels: int = 4
    """C: the position is cut into this many channels of equal length, so it must divide the model's size."""
    boundary: Literal["zero", "circular"] = "zero"
    """What lies beyond the ends of a channel: nothing, or its other end."""
    kernel_sd: float = 0.2
    """S.d. of the kernel K at the start."""
    stiffness: float = math.log1p(math.exp(-1))
    """μ at the start, the stiffness every direction has at least: softplus(−1). Learned."""
    quartic: float = math.log1p(math.exp(-3))
    """κ at the start, what bounds large positions: softplus(−3). Learned."""

    def __post_init__(self) -> None:
        check_choices(self, "model.potential")
        check_range("model.potential.channels", self.channels, 1)
        check_range("model.potential.kernel_sd", self.kernel_sd, 0)
        for name in ("stiffness", "quartic"):
            check_range(f"model.potential.{name}", getattr(self, name), 0, open_low=True)


class Oscillator(Potential):
    """Coupled oscillators: U = μ|z|²/2 + |K ∗ z|²/2 + (κ/4) Σ z⁴, with μ, κ = softplus(·) and a learned kernel K.

    K ∗ z correlates C channels with filters of 3 taps. The force is −(μ z + Kᵀ∗(K ∗ z) + κ z³); the Hessian is at least μ everywhere, so that exp(−U/𝒯) is
    always a density, with a single well at the origin.

    Raises:
        InvalidInput: the channels do not divide the size.
    """

    Config: ClassVar = OscillatorConfig

    def __init__(self, config: OscillatorConfig, size: int) -> None:
        super().__init__(config, size)
        check_layout(config.channels, size)
        self.kernel = nn.Parameter(torch.randn(config.channels, config.channels, TAPS) * config.kernel_sd)
        """K `(channel out, channel in, tap)`."""
        self.raw_stiffness = nn.Parameter(torch.tensor(inverse_softplus(config.stiffness)))
        """μ before softplus."""
        self.raw_quartic = nn.Parameter(torch.tensor(inverse_softplus(config.quartic)))
        """κ before softplus."""

    def energy(self, position: Tensor) -> Tensor:
        squared = position * position
        coupled = correlated(position.reshape(-1, self.size), self.kernel, self.config.boundary)
        coupling = coupled.square().sum((-1, -2)).view(position.shape[:-1])
        own = F.softplus(self.raw_stiffness) / 2 * squared.sum(-1)
        return own + coupling / 2 + F.softplus(self.raw_quartic) / 4 * squared.square().sum(-1)

    def quadratic(self) -> Tensor:
        """`(dimension, dimension)`: the Hessian at the origin, μ I + KᵀK."""
        unit = torch.eye(self.size, dtype=self.kernel.dtype, device=self.kernel.device)
        coupled = correlated(unit, self.kernel, self.config.boundary).flatten(1)
        return coupled @ coupled.mT + F.softplus(self.raw_stiffness) * unit

    def prepared(self) -> Callable[[Tensor], Tensor]:
        # One product with a dense matrix, built once a pass, takes a fifth (48 dimensions) to a half (280) of the time of two convolutions a step, with 64 trials.
        minus, quartic = -self.quadratic(), F.softplus(self.raw_quartic)

        def force(position: Tensor) -> Tensor:
            return torch.addmm(position * position * position * -quartic, position, minus)

        return force

    def hessian(self, position: Tensor) -> Tensor:
        return self.quadratic() + torch.diag_embed(3 * F.softplus(self.raw_quartic) * position.square())


def check_layout(channels: int, size: int) -> None:
    """Raises for channels that do not divide the size of the position."""
    if size % channels:
        below, above = size // channels * channels, (size // channels + 1) * channels
        options = " or ".join(str(option) for option in (below, above) if option)
        raise InvalidInput(
            "model.size",
            size,
            f"a multiple of {channels}, the channels of the potential",
            f"Set model.size to {options}, or model.potential.channels to a divisor of {size}.",
        )


def correlated(position: Tensor, kernel: Tensor, boundary: str) -> Tensor:
    """K ∗ z, `(trial, channel out, site)`, of positions `(trial, dimension)`: cross-correlation within and between the channels."""
    channels = position.view(len(position), kernel.shape[1], -1)
    if boundary == "circular":
        return F.conv1d(F.pad(channels, (TAPS // 2, TAPS // 2), mode="circular"), kernel)
    return F.conv1d(channels, kernel, padding=TAPS // 2)
