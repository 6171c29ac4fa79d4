"""A generator whose recurrent matrix has a rank of a few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.models.generators.base import Generator


@dataclass(frozen=True)
class LowRankConfig:
    """Size and rank of the generator."""

    size: int | None = 64
    """Units G; empty for 64 with fewer than 64 held-in units, else 128."""
    rank: int = 5
    """Rank r of the recurrent matrix, at most the size."""
    step: float = 0.2
    """α: share of the way to its target that a state goes in a bin, above 0 and at most 1."""
    start: Literal["size", "published"] = "size"
    """Variance of n at the start: 1/G, or 1 as published, where the recurrent drive of 64 units is of order 8 per rank and some runs collapse."""

    def __post_init__(self) -> None:
        check_choices(self, "model.generator")
        if self.size is not None:
            check_range("model.generator.size", self.size, 1)
            check_rank(self.rank, self.size)
        check_range("model.generator.rank", self.rank, 1)
        check_range("model.generator.step", self.step, 0, 1, open_low=True)


class LowRank(Generator):
    """A tanh network with a recurrent matrix n mᵀ of low rank: g' = g + α (−g + i W_i + tanh(g + b) n mᵀ).

    Without input its long-run dynamics live in the span of m, so that they are those of κ = g m⁺, r numbers. Source: Valente, Pillow &
    Ostojic 2022 (NeurIPS 35, 24072-24086) for the idea; equations as in the two-area study.
    """

    Config: ClassVar = LowRankConfig

    def __init__(self, config: LowRankConfig, inputs: int, size: int, clip: float = 5.0) -> None:
        super().__init__(config, inputs, size, clip)
        check_rank(config.rank, self.size)
        spread = self.size**-0.5 if config.start == "size" else 1.0
        self.m = nn.Parameter(torch.randn(self.size, config.rank) / config.rank**0.5)
        """`(state, rank)`: the directions the recurrence writes to."""
        self.n = nn.Parameter(torch.randn(self.size, config.rank) * spread)
        """`(state, rank)`: the directions it reads from."""
        self.bias = nn.Parameter(torch.zeros(self.size))
        self.input_weight = nn.Parameter(torch.randn(inputs, self.size) / max(inputs, 1) ** 0.5)
        """W_i `(input, state)`."""

    def forward(self, inputs: Tensor, state: Tensor) -> Tensor:
        target = torch.tanh(state + self.bias) @ self.n @ self.m.mT + inputs @ self.input_weight
        return torch.lerp(state, target, self.config.step)

    def reduced(self, state: Tensor) -> Tensor:
        """κ `(..., rank)`: states in the coordinates of m."""
        inverse: Tensor = torch.linalg.pinv(self.m)
        return state @ inverse.mT

    def penalised(self) -> Sequence[Tensor]:
        return [self.m, self.n]


def check_rank(rank: int, size: int) -> None:
    """Raises for a rank above the size of the state."""
    if rank > size:
        fix = "Lower model.generator.rank, or raise model.generator.size."
        raise InvalidInput("model.generator.rank", rank, f"at most {size}, the size of the generator's state", fix)
