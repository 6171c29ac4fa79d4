"""The generator of LFADS: a clipped gated recurrent unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from neurodyn.config import check_choices, check_range
from neurodyn.models.generators.base import Generator
from neurodyn.models.parts.gru import ClippedGRU


@dataclass(frozen=True)
class GRUConfig:
    """Size of the generator."""

    size: int | None = None
    """Units; by default 64 for fewer than 64 held-in units, else 128."""

    def __post_init__(self) -> None:
        check_choices(self, "model.generator")
        if self.size is not None:
            check_range("model.generator.size", self.size, 1)


class GRU(Generator):
    """A clipped gated recurrent unit, LFADS' own generator.

    Runs in every bin through the decoder's fused loop. Source: Pandarinath et al. 2018, doi:10.1038/s41592-018-0109-9; the step is
    `neurodyn.models.parts.gru.clipped_gru_step`.
    """

    Config: ClassVar = GRUConfig

    def __init__(self, config: GRUConfig, inputs: int, size: int, clip: float = 5.0) -> None:
        super().__init__(config, inputs, size, clip)
        self.gru = ClippedGRU(inputs, self.size, clip=clip)

    def forward(self, inputs: Tensor, state: Tensor) -> Tensor:
        return self.gru(inputs, state)  # type: ignore[no-any-return]

    @property
    def cell(self) -> ClippedGRU:
        return self.gru

    def penalised(self) -> Sequence[Tensor]:
        return [self.gru.recurrent_weight]
