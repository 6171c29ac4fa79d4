"""A generator whose state moves along a vector field given by a multilayer perceptron."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from neurodyn.config import check_choices, check_range
from neurodyn.models.generators.base import Generator


@dataclass(frozen=True)
class NeuralODEConfig:
    """Sizes of the vector field, and how inputs enter it."""

    size: int | None = 10
    """Size of the state; empty for 64 with fewer than 64 held-in units, else 128."""
    inputs: Literal["additive", "mixed"] = "additive"
    """`additive`: the input adds W_u i to the field ("odinlin"), so that input has a defined meaning. `mixed`: it goes through the perceptron with the state ("odin"), which can hide dynamics in what depends on the input."""
    hidden: int = 128
    """Units of each hidden layer."""
    layers: int = 2
    """Hidden layers."""
    step: float = 0.1
    """s: how far a state goes along the field in a bin."""

    def __post_init__(self) -> None:
        check_choices(self, "model.generator")
        if self.size is not None:
            check_range("model.generator.size", self.size, 1)
        check_range("model.generator.hidden", self.hidden, 1)
        check_range("model.generator.layers", self.layers, 1)
        check_range("model.generator.step", self.step, 0, open_low=True)


class NeuralODE(Generator):
    """An Euler step along a learned vector field: g' = g + s (MLP(g) + i W_u + b_u), or g' = g + s MLP([g, i]).

    With the flow readout it is ODIN. Source: Versteeg, Sedler, McCart & Pandarinath 2023, arXiv:2309.06402.
    """

    Config: ClassVar = NeuralODEConfig

    def __init__(self, config: NeuralODEConfig, inputs: int, size: int, clip: float = 5.0) -> None:
        super().__init__(config, inputs, size, clip)
        additive = config.inputs == "additive"
        self.field = perceptron(self.size + (0 if additive else inputs), config.hidden, config.layers, self.size)
        """The vector field."""
        self.drive = nn.Linear(inputs, self.size) if additive and inputs else None
        """W_u and b_u."""

    def forward(self, inputs: Tensor, state: Tensor) -> Tensor:
        if self.config.inputs == "mixed":
            slope = self.field(torch.cat([state, inputs], -1))
        else:
            slope = self.field(state)
            if self.drive is not None:
                slope = slope + self.drive(inputs)
        return state + self.config.step * slope  # type: ignore[no-any-return]

    def penalised(self) -> Sequence[Tensor]:
        layers = [m.weight for m in self.field if isinstance(m, nn.Linear)]
        return layers if self.drive is None else [*layers, self.drive.weight]


def perceptron(inputs: int, hidden: int, layers: int, outputs: int) -> nn.Sequential:
    """Hidden layers with GELU, then a linear one; PyTorch's initial weights."""
    widths = [inputs, *[hidden] * layers]
    found: list[nn.Module] = []
    for before, after in zip(widths, widths[1:]):
        found += [nn.Linear(before, after), nn.GELU()]
    return nn.Sequential(*found, nn.Linear(widths[-1], outputs))
