"""Poisson counts."""

from __future__ import annotations

import numpy as np

from neurodyn.random_streams import Generator
from neurodyn.shapes import Array, Float
from neurodyn.simulate.samplers.base import Sampler


class Poisson(Sampler):
    """Poisson counts: P(k) = λ^k exp(−λ) / k!, Fano factor 1.

    >>> Poisson().draw(np.full((2, 3), 5.0), np.random.default_rng(0)).shape
    (2, 3)
    """

    def draw(self, expected: Float[Array, "*shape"], generator: Generator) -> Array:
        return np.asarray(generator.poisson(expected))

    def fano(self, expected: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return np.ones(np.shape(expected))
