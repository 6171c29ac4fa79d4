"""Two wells in every dimension."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.config import check_choices, check_range
from neurodyn.models.potentials.base import Potential, inverse_softplus


@dataclass(frozen=True)
class DoubleWellConfig:
    """Options of the double wells."""

    height: float = 1.0
    """h at the start, in every dimension; the barrier between two wells is h/4. Learned."""

    def __post_init__(self) -> None:
        check_choices(self, "model.potential")
        check_range("model.potential.height", self.height, 0, open_low=True)


class DoubleWell(Potential):
    """Two wells a dimension, at ±1: U = Σ_d (h_d/4) (z_d² − 1)², with learned h = softplus(·).

    The force is −h z (z² − 1). The curvature is −h on the barrier and 2h in a well; crossings slow down as exp(h/(4𝒯)).
    """

    Config: ClassVar = DoubleWellConfig

    def __init__(self, config: DoubleWellConfig, size: int) -> None:
        super().__init__(config, size)
        self.raw_height = nn.Parameter(torch.full((size,), inverse_softplus(config.height)))
        """h `(dimension,)` before softplus."""

    def energy(self, position: Tensor) -> Tensor:
        return (position.square() - 1).square() @ (F.softplus(self.raw_height) / 4)

    def prepared(self) -> Callable[[Tensor], Tensor]:
        height = F.softplus(self.raw_height)

        def force(position: Tensor) -> Tensor:
            return height * position * (1 - position * position)

        return force

    def hessian(self, position: Tensor) -> Tensor:
        return torch.diag_embed(F.softplus(self.raw_height) * (3 * position.square() - 1))

    @torch.no_grad()
    def stiffness(self) -> float:
        """2 max h: the curvature at the bottom of the wells."""
        return 2 * float(F.softplus(self.raw_height).max())
