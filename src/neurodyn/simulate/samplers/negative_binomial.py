"""Negative binomial counts: more variable than Poisson."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.random_streams import Generator
from neurodyn.shapes import Array, Float
from neurodyn.simulate.samplers.base import Sampler


@dataclass(frozen=True)
class NegativeBinomialConfig:
    """Options of `NegativeBinomial`."""

    fano: float = 2.0
    """D: variance over mean, above 1."""

    def __post_init__(self) -> None:
        check_choices(self, "sampler")
        check_range("sampler.fano", self.fano, 1, open_low=True)


class NegativeBinomial(Sampler):
    """Negative binomial counts of Fano factor D > 1 at every mean λ: n = λ/(D − 1) successes of probability p = 1/D.

    Drawn as Poisson counts of a gamma rate of shape n and scale D − 1, which is the same and holds at λ = 0 too.
    """

    Config: ClassVar = NegativeBinomialConfig

    def __init__(self, config: NegativeBinomialConfig = NegativeBinomialConfig()) -> None:
        self.config = config

    def draw(self, expected: Float[Array, "*shape"], generator: Generator) -> Array:
        more = self.config.fano - 1
        return np.asarray(generator.poisson(generator.gamma(np.asarray(expected) / more, more)))

    def fano(self, expected: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return np.full(np.shape(expected), self.config.fano)
