"""What every likelihood is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor


class Observation(ABC):
    """A distribution of one signal given the parameters a model predicts, the last axis of `(..., channel, parameter)`."""

    parameters: ClassVar[int] = 1
    """Parameters per channel."""

    @abstractmethod
    def negative_log_likelihood(
        self, parameters: Float[Tensor, "*shape parameter"], values: Float[Tensor, "*shape"], constant: bool = False
    ) -> Float[Tensor, "*shape"]:
        """Element by element, in nats; `constant` adds the terms that no gradient sees (to quote or compare likelihoods)."""

    @abstractmethod
    def mean(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        """Expected value of the signal in a bin."""

    @abstractmethod
    def sample(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        """A draw of the signal."""

    @abstractmethod
    def from_mean(self, mean: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape parameter"]:
        """Parameters with a given mean, to start a readout at (and for baselines that predict means)."""
