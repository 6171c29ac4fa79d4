"""What every sampler is: values of recorded units around their expectation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from neurodyn import registry
from neurodyn.random_streams import Generator, TrialStreams
from neurodyn.shapes import Array, Float


class Sampler(ABC):
    """A distribution of independent values, one a bin and unit, with a given expectation each.

    `mean` and `fano` are exact for what is drawn, so that a test can hold draws to them.
    """

    Config: ClassVar[type[Any] | None] = None
    whole: ClassVar[bool] = True
    """Whether values are counts."""

    @abstractmethod
    def draw(self, expected: Float[Array, "*shape"], generator: Generator) -> Array:
        """Values `(*shape)` with these expectations, from one generator.

        Raises:
            InvalidInput: expectations that the distribution cannot have.
        """

    @abstractmethod
    def fano(self, expected: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Variance over mean of the values; its limit where nothing is expected."""

    def mean(self, expected: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Mean of the values: what was asked for, unless a sampler says otherwise."""
        return np.asarray(expected, float)

    def sample(self, expected: Float[Array, "trial time unit"], streams: TrialStreams) -> Array:
        """Values `(trial, time, unit)`, each trial's from its own stream where it has one."""
        return streams.drawn(self.draw, expected)


def sampler_of(config: Any) -> Sampler:
    """The sampler of a resolved part: a config, or the name of one without options."""
    if isinstance(config, str):
        return registry.load("samplers", config)()  # type: ignore[no-any-return]
    made: Any = registry.load("samplers", registry.name_of(type(config)))
    return made(config)  # type: ignore[no-any-return]
