"""What every potential is: an energy of a latent position, its force and its curvature, all in closed form."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Potential(nn.Module, ABC):
    """An energy U of a latent position. Everything is in the units of a unit mass and is differentiable in the position and the parameters.

    Args:
        config: the leaf's config.
        size: dimension D of the position.
    """

    Config: ClassVar[type[Any]]

    def __init__(self, config: Any, size: int) -> None:
        super().__init__()
        self.config, self.size = config, size

    @abstractmethod
    def energy(self, position: Float[Tensor, "*axes dimension"]) -> Float[Tensor, "*axes"]:
        """U of each position."""

    @abstractmethod
    def prepared(self) -> Callable[[Tensor], Tensor]:
        """The force as a function of positions `(trial, dimension)`, with whatever depends on the parameters alone already computed: get one for each pass.

        It keeps the graph of the parameters, so it is good for one backward pass.
        """

    def force(self, position: Float[Tensor, "trial dimension"]) -> Float[Tensor, "trial dimension"]:
        """−∇U, in closed form."""
        return self.prepared()(position)

    @abstractmethod
    def hessian(self, position: Float[Tensor, "trial dimension"]) -> Float[Tensor, "trial dimension dimension"]:
        """Second derivatives of U, in closed form."""

    @torch.no_grad()
    def stiffness(self) -> float:
        """Largest curvature where positions rest: of the Hessian at the origin, unless the leaf says otherwise. Steps are checked against its square root, a frequency."""
        weight = next(self.parameters())
        at = self.hessian(torch.zeros(1, self.size, dtype=weight.dtype, device=weight.device))
        return float(torch.linalg.eigvalsh(at).max())


def inverse_softplus(value: float) -> float:
    """What softplus maps to a value above 0."""
    return value + math.log(-math.expm1(-value))
