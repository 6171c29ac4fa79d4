"""Binomial counts: less variable than Poisson."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.random_streams import Generator
from neurodyn.shapes import Array, Float
from neurodyn.simulate.samplers.base import Sampler


@dataclass(frozen=True)
class BinomialConfig:
    """Options of `Binomial`."""

    fano: float = 0.5
    """D: variance over mean, below 1."""

    def __post_init__(self) -> None:
        check_choices(self, "sampler")
        check_range("sampler.fano", self.fano, 0, 1, open_low=True, open_high=True)


class Binomial(Sampler):
    """Binomial counts of Fano factor D < 1: n = λ/(1 − D) trials of probability p = 1 − D, n rounded at random.

    n is rounded up with the probability of its fraction f, so that the mean is λ at every λ, low ones included. That adds (1 − D)² f (1 − f) to the
    variance: the Fano factor is D + (1 − D)² f (1 − f)/λ. It is D where n is whole and within (1 − D)²/(4 λ) of it elsewhere; for λ below 1 − D a count
    is 0 or 1, and it is 1 − λ, as it must be.
    """

    Config: ClassVar = BinomialConfig

    def __init__(self, config: BinomialConfig = BinomialConfig()) -> None:
        self.config = config

    def draw(self, expected: Float[Array, "*shape"], generator: Generator) -> Array:
        rounded, fraction = self._rounded(expected)
        up = generator.random(np.shape(expected)) < fraction
        return np.asarray(generator.binomial(rounded + up, 1 - self.config.fano))

    def fano(self, expected: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        probability, fraction = 1 - self.config.fano, self._rounded(expected)[1]
        number = np.asarray(expected) / probability
        some = number > 0
        added = np.where(some, fraction * (1 - fraction) / np.where(some, number, 1), 1.0)
        return self.config.fano + probability * added

    def _rounded(self, expected: Array) -> tuple[Array, Array]:
        """Trials rounded down, and the fraction that is left."""
        number = np.asarray(expected) / (1 - self.config.fano)
        near = np.round(number)
        number = np.where(np.abs(number - near) < 1e-9 * (1 + near), near, number)  # whole but for the division
        whole = np.floor(number)
        return whole.astype(np.int64), number - whole
