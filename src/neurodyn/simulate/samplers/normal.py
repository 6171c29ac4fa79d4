"""Normal values around the expectation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.random_streams import Generator
from neurodyn.shapes import Array, Float
from neurodyn.simulate.samplers.base import Sampler


@dataclass(frozen=True)
class NormalConfig:
    """Options of `Normal`."""

    sd: float = 0.1
    """σ: s.d. of every value."""

    def __post_init__(self) -> None:
        check_choices(self, "sampler")
        check_range("sampler.sd", self.sd, 0)


class Normal(Sampler):
    """Real values λ + σ ξ; trials get them as fluorescence, not as counts. The Fano factor is σ²/λ."""

    Config: ClassVar = NormalConfig
    whole = False

    def __init__(self, config: NormalConfig = NormalConfig()) -> None:
        self.config = config

    def draw(self, expected: Float[Array, "*shape"], generator: Generator) -> Array:
        return np.asarray(expected + self.config.sd * generator.normal(0.0, 1.0, np.shape(expected)))

    def fano(self, expected: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.config.sd**2 / np.asarray(expected, float))
