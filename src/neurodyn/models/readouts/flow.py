"""The readout of ODIN: a flow that no latent activity can hide from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.models.generators.neural_ode import perceptron
from neurodyn.models.readouts.base import Readout

LIPSCHITZ = 0.9
"""Largest Lipschitz constant of a step's change, where it is bounded: below 1, so that the step can be undone."""
START_SCALE = 0.1
"""Of the factors, where they are scaled."""
GELU_SLOPE = 1.13
"""GELU's largest slope, rounded up."""


@dataclass(frozen=True)
class FlowConfig:
    """Sizes of the flow."""

    steps: int = 20
    """Steps of the flow."""
    step: float = 0.1
    """Length of a step."""
    hidden: int = 128
    """Units of each hidden layer of the flow's vector field."""
    layers: int = 2
    """Hidden layers."""
    invertible: bool = True
    """Bound every step's Lipschitz constant by 0.9, through the largest singular value of each layer, so that the inverse exists. As published it is not bounded."""
    affine: bool = True
    """Scale the factors (trained, from 0.1 on) and add a trained offset to the log rates, started at the training data's. As published there is neither, and states of 30 overflow at the first step."""

    def __post_init__(self) -> None:
        check_choices(self, "model.readout")
        for name in ("steps", "hidden", "layers"):
            check_range(f"model.readout.{name}", getattr(self, name), 1)
        check_range("model.readout.step", self.step, 0, open_low=True)


class Flow(Readout):
    """Factors, padded with zeros to one value a channel, carried along a learned vector field: y ← y + h v(y), repeated; y is the log rates.

    A step whose change has a Lipschitz constant below 1 can be undone, so that different factors cannot give the same rates. It needs no more
    factors than channels and an observation with one parameter. Source: Versteeg, Sedler, McCart & Pandarinath 2023, arXiv:2309.06402.
    """

    Config: ClassVar = FlowConfig

    def __init__(self, config: FlowConfig, factors: int, channels: int, parameters: int) -> None:
        super().__init__(config, factors, channels, parameters)
        if factors > channels:
            fix = "Lower model.factors (or the generator's size, where factors are its states), or take model.readout=linear."
            raise InvalidInput("model.factors", factors, f"at most {channels}, the units that the flow reads out", fix)
        if parameters != 1:
            raise InvalidInput(
                "model.readout", "flow", "an observation with one parameter a channel", "Take model.readout=linear."
            )
        self.field = perceptron(channels, config.hidden, config.layers, channels)
        """v: the vector field."""
        if config.invertible:
            bound = (LIPSCHITZ / config.step / GELU_SLOPE**config.layers) ** (1 / (config.layers + 1))
            for layer in self.field:
                if isinstance(layer, nn.Linear):
                    parametrize.register_parametrization(layer, "weight", BoundedNorm(bound))
        self.scale = nn.Parameter(torch.full((factors,), START_SCALE)) if config.affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if config.affine else None

    def forward(self, factors: Tensor) -> Tensor:
        scaled = factors if self.scale is None else factors * self.scale
        y = F.pad(scaled, (0, self.channels - factors.shape[-1]))
        with parametrize.cached():
            for _ in range(self.config.steps):
                y = y + self._change(y)
        return (y if self.bias is None else y + self.bias).unsqueeze(-1)

    def _change(self, y: Tensor) -> Tensor:
        return self.config.step * self.field(y)  # type: ignore[no-any-return]

    @torch.no_grad()
    def start(self, parameters: Tensor) -> None:
        for parameter in self.field[-1].parameters():
            parameter.mul_(0.1)  # near the identity: a flow of many steps else starts with rates that overflow
        if self.bias is not None:
            # also what the untrained flow makes of zero factors
            at_zero = self(torch.zeros(1, self.factors, device=parameters.device))[0, :, 0] - self.bias
            self.bias.copy_(parameters[:, 0] - at_zero)

    @torch.no_grad()
    def inverse(self, log_rates: Tensor, tolerance: float = 1e-6, iterations: int = 1000) -> tuple[Tensor, Tensor]:
        """The factors of log rates, and how far off the readout's surface these lie.

        Args:
            log_rates: `(..., channel)`.
            tolerance: largest error of a step that is undone.
            iterations: fixed-point iterations a step, at most.

        Returns:
            Factors `(..., factor)`, and the norm `(...)` of the coordinates beyond them, which is 0 for rates of the model.

        Raises:
            InvalidInput: a step does not contract (only without `invertible`).
        """
        y = log_rates if self.bias is None else log_rates - self.bias
        with parametrize.cached():
            for _ in range(self.config.steps):
                after = y
                for _ in range(iterations):
                    before, y = y, after - self._change(y)
                    if bool((y - before).abs().max() < tolerance):
                        break
                else:
                    fix = "Train with model.readout.invertible=true."
                    raise InvalidInput(
                        "model.readout", "a flow whose steps do not contract", "one with an inverse", fix
                    )
        found = y[..., : self.factors]
        return found if self.scale is None else found / self.scale, y[..., self.factors :].norm(dim=-1)


class BoundedNorm(nn.Module):
    """A matrix, shrunk where its largest singular value exceeds a bound."""

    def __init__(self, bound: float) -> None:
        super().__init__()
        self.bound = bound

    def forward(self, weight: Tensor) -> Tensor:
        with torch.no_grad():
            left, _, right = torch.linalg.svd(weight, full_matrices=False)
        norm = left[:, 0] @ weight @ right[0]
        shrink: Tensor = (self.bound / norm).clamp_max(1)
        return weight * shrink
