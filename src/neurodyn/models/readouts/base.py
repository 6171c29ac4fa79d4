"""What every readout is: from factors to the parameters of each channel's observation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn


class Readout(nn.Module, ABC):
    """Factors to observation parameters, for one session.

    Args:
        config: the leaf's config.
        factors: width of the factors.
        channels: units read out.
        parameters: parameters of a channel's observation.
    """

    Config: ClassVar[type[Any]]

    def __init__(self, config: Any, factors: int, channels: int, parameters: int) -> None:
        super().__init__()
        self.config, self.factors, self.channels, self.parameters_per_channel = config, factors, channels, parameters

    @abstractmethod
    def forward(self, factors: Float[Tensor, "*axes factor"]) -> Float[Tensor, "*axes channel parameter"]:
        """The parameters of every channel."""

    @abstractmethod
    def start(self, parameters: Float[Tensor, "channel parameter"]) -> None:
        """Sets where training starts: factors of zero read out as these parameters."""
