"""A control: a generator that never learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from neurodyn.config import check_choices, check_range
from neurodyn.models.generators.base import Generator
from neurodyn.models.parts.gru import ClippedGRU


@dataclass(frozen=True)
class FrozenGRUConfig:
    """Size of the generator."""

    size: int | None = None
    """Units; by default 64 for fewer than 64 held-in units, else 128."""

    def __post_init__(self) -> None:
        check_choices(self, "model.generator")
        if self.size is not None:
            check_range("model.generator.size", self.size, 1)


class FrozenGRU(Generator):
    """A clipped GRU whose weights stay at their random start, with initial conditions drawn from N(0, v) whatever the trial.

    What a model with it reaches, the controller alone can do: dynamics that were read off such a fit mean nothing.
    """

    Config: ClassVar = FrozenGRUConfig
    trained: ClassVar[bool] = False

    def __init__(self, config: FrozenGRUConfig, inputs: int, size: int, clip: float = 5.0) -> None:
        super().__init__(config, inputs, size, clip)
        self.gru = ClippedGRU(inputs, self.size, clip=clip).requires_grad_(False)

    def forward(self, inputs: Tensor, state: Tensor) -> Tensor:
        return self.gru(inputs, state)  # type: ignore[no-any-return]

    @property
    def cell(self) -> ClippedGRU:
        return self.gru

    def penalised(self) -> Sequence[Tensor]:
        return []
