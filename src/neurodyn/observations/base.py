"""What every likelihood is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from neurodyn.errors import InvalidInput


class Observation(nn.Module, ABC):
    """A distribution of one signal given the parameters a model predicts, the last axis of `(..., channel, parameter)`.

    A likelihood may have trained parameters of its own, one a channel; the model owns it, so that they are trained, saved and moved with the rest.

    Args:
        channels: channels of the signal, held-in units first; 1 shares own parameters over all channels.
        config: options, for a likelihood that has any.
    """

    Config: ClassVar[type[Any] | None] = None
    parameters_per_channel: ClassVar[int] = 1
    """Numbers per channel that a model predicts."""
    takes: str = "finite values"
    """What `accepts` is true of, in words."""
    otherwise: str = ""
    """What to do with values that are not accepted."""

    def __init__(self, channels: int = 1, config: Any = None) -> None:
        super().__init__()
        self.config = self.Config() if config is None and self.Config is not None else config

    @abstractmethod
    def negative_log_likelihood(
        self, parameters: Float[Tensor, "*shape parameter"], values: Float[Tensor, "*shape"], constant: bool = False
    ) -> Float[Tensor, "*shape"]:
        """Element by element, in nats; finite for any value, so that masked entries can be multiplied by zero.

        `constant` adds the terms that no gradient sees (to quote or compare likelihoods).
        """

    @abstractmethod
    def mean(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        """Expected value of the signal in a bin."""

    @abstractmethod
    def sample(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        """A draw of the signal."""

    @abstractmethod
    def from_mean(self, mean: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape parameter"]:
        """Parameters with a given mean, to start a readout at (and for baselines that predict means)."""

    def from_moments(
        self, mean: Float[Tensor, "*shape"], variance: Float[Tensor, "*shape"]
    ) -> Float[Tensor, "*shape parameter"]:
        """Parameters with a given mean and, for likelihoods that say how, a variance."""
        return self.from_mean(mean)

    def accepts(self, values: Float[Tensor, "*shape"]) -> Bool[Tensor, "*shape"]:
        """Whether each value can occur."""
        return torch.isfinite(values)

    def check(self, field: str, values: Float[Tensor, "*shape"]) -> None:
        """Looks at data before training.

        Raises:
            InvalidInput: a value that cannot occur; `field` is its signal's name.
        """
        refused = ~self.accepts(values)
        if refused.any():
            got = f"{int(refused.sum())} of {values.numel()} values the likelihood cannot have, e.g. {float(values[refused][0]):g}"
            raise InvalidInput(field, got, f"{self.takes} for {type(self).__name__}", self.otherwise)

    def penalty(self) -> Tensor | None:
        """Penalty on its own parameters, a scalar that objectives add to the weight penalties; None where there is none."""
        return None
