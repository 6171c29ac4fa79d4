"""An exponential moving average of the weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from neurodyn.models.base import Model


class Average:
    """w̄ ← d w̄ + (1 − d) w after every step; starts at the weights it is given.

    After n steps d is the decay or (1 + n) / (10 + n), whichever is less, so that the average does not lag while the weights still move fast.

    Args:
        model: whose parameters are averaged; its buffers are taken as they are.
        decay: largest d, between 0 and 1.
    """

    def __init__(self, model: Model, decay: float) -> None:
        self._live = [p for p in model.parameters() if p.requires_grad]
        self._decay = decay
        self.values = [p.detach().clone() for p in self._live]
        """The averaged weights, in the order of the model's trained parameters."""

    @torch.no_grad()
    def update(self, steps: int) -> None:
        """Takes in the weights after so many steps of training."""
        decay = min(self._decay, (1 + steps) / (10 + steps))
        torch._foreach_lerp_(self.values, [p.detach() for p in self._live], 1 - decay)

    @contextlib.contextmanager
    def swapped(self) -> Iterator[None]:
        """Within, the model holds the averaged weights."""
        kept = [p.detach().clone() for p in self._live]
        self._put(self.values)
        try:
            yield
        finally:
            self._put(kept)

    def use(self) -> None:
        """Leaves the averaged weights in the model."""
        self._put(self.values)

    def restore(self, values: Sequence[Tensor]) -> None:
        """Takes averaged weights from a checkpoint."""
        for mine, given in zip(self.values, values):
            mine.copy_(given)

    @torch.no_grad()
    def _put(self, values: Sequence[Tensor]) -> None:
        for parameter, value in zip(self._live, values):
            parameter.copy_(value)
