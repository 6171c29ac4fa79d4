"""What every generator is: one step of a latent state under an input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from neurodyn.models.parts.gru import ClippedGRU


class Generator(nn.Module, ABC):
    """The dynamics of a sequential autoencoder: g_t = GEN(i_t, g_{t−1}).

    Args:
        config: the leaf's config; a `size` of None takes `size`.
        inputs: width of i: inferred inputs, then known ones.
        size: size of the state where the config leaves it open.
        clip: largest absolute value of a state, for generators that clip.
    """

    Config: ClassVar[type[Any]]
    trained: ClassVar[bool] = True
    """Whether it learns. One that does not starts every trial from the prior of the initial condition: nothing about the trial enters there."""
    size: int
    """Size of the state."""

    def __init__(self, config: Any, inputs: int, size: int, clip: float = 5.0) -> None:
        super().__init__()
        self.config = config
        self.size = config.size or size

    @abstractmethod
    def forward(
        self, inputs: Float[Tensor, "trial input"], state: Float[Tensor, "trial state"]
    ) -> Float[Tensor, "trial state"]:
        """States one bin later."""

    @property
    def cell(self) -> ClippedGRU | None:
        """The clipped GRU it is, which the decoder runs over all bins as one fused loop; None for any other step."""
        return None

    @abstractmethod
    def penalised(self) -> Sequence[Tensor]:
        """The recurrent matrices that the L2 penalty acts on."""
