"""A potential given by a scalar network."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.config import check_choices, check_range
from neurodyn.models.potentials.base import Potential, inverse_softplus


@dataclass(frozen=True)
class MLPConfig:
    """Options of the network."""

    hidden: int = 64
    """H: units of its one hidden layer."""
    stiffness: float = math.log1p(math.exp(-1))
    """μ at the start, what bounds large positions: softplus(−1). Learned."""

    def __post_init__(self) -> None:
        check_choices(self, "model.potential")
        check_range("model.potential.hidden", self.hidden, 1)
        check_range("model.potential.stiffness", self.stiffness, 0, open_low=True)


class MLP(Potential):
    """Any smooth landscape: U = Σ_h w_h softplus(z A_h + b_h) + μ|z|²/2, with one hidden layer and μ = softplus(·).

    The sum grows at most linearly and μ > 0, so that exp(−U/𝒯) is always a density; negative weights w make wells and saddles. The force is
    −(μ z + Σ_h w_h σ(z A_h + b_h) A_h), with the logistic function σ.
    """

    Config: ClassVar = MLPConfig

    def __init__(self, config: MLPConfig, size: int) -> None:
        super().__init__(config, size)
        self.hidden = nn.Linear(size, config.hidden)
        """A `(hidden, dimension)` and b, with PyTorch's initial weights."""
        self.weight = nn.Parameter(torch.randn(config.hidden) / config.hidden**0.5)
        """w `(hidden,)`."""
        self.raw_stiffness = nn.Parameter(torch.tensor(inverse_softplus(config.stiffness)))
        """μ before softplus."""

    def energy(self, position: Tensor) -> Tensor:
        own = F.softplus(self.raw_stiffness) / 2 * position.square().sum(-1)
        return own + F.softplus(self.hidden(position)) @ self.weight

    def prepared(self) -> Callable[[Tensor], Tensor]:
        inwards, minus = self.hidden.weight.mT, -F.softplus(self.raw_stiffness)
        outwards = self.hidden.weight * -self.weight[:, None]

        def force(position: Tensor) -> Tensor:
            active = torch.sigmoid(torch.addmm(self.hidden.bias, position, inwards))
            return torch.addmm(position * minus, active, outwards)

        return force

    def hessian(self, position: Tensor) -> Tensor:
        active = torch.sigmoid(self.hidden(position))
        curved = (active * (1 - active) * self.weight)[..., None] * self.hidden.weight
        own = torch.eye(self.size, dtype=curved.dtype, device=curved.device) * F.softplus(self.raw_stiffness)
        return self.hidden.weight.mT @ curved + own
