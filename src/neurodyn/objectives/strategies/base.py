"""What every distillation strategy is: how far a student's account of a batch lies from its teacher's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Account:
    """What a model says of a batch, as far as strategies compare it."""

    log_rates: Float[Tensor, "trial time unit"]
    """Natural log of the expected counts per bin; the expected activity itself where that is not spikes."""
    hidden: Mapping[str, Tensor] = field(default_factory=dict)
    """Hidden states by name, each `(trial, time, width)`."""


class Strategy(nn.Module, ABC):
    """A distance between two accounts of the same trials, a mean per entry of the region.

    Args:
        config: options; by default those of the class.
        release: be what the published code is, where the two differ.
    """

    Config: ClassVar[type[Any]]
    spikes_only: ClassVar[bool] = True
    """Whether it needs rates, which only spikes have."""
    uses_hidden: ClassVar[bool] = False
    """Whether it compares hidden states."""

    def __init__(self, config: Any = None, release: bool = False) -> None:
        super().__init__()
        self.config = self.Config() if config is None else config
        self.release = release

    def match(self, student: Mapping[str, Tensor], teacher: Mapping[str, Tensor]) -> None:
        """Sees the hidden states `(trial, time, width)` of both once before training, where `uses_hidden`.

        Raises:
            InvalidInput: they cannot be compared.
        """

    @abstractmethod
    def forward(self, student: Account, teacher: Account, region: Float[Tensor, "trial time unit"]) -> Tensor:
        """The distance, a scalar; 0 for two accounts alike.

        Args:
            student: gradients flow into it.
            teacher: a constant.
            region: 1 for entries that are compared, 0 for the others.
        """


def mean_over(values: Float[Tensor, "*shape"], region: Float[Tensor, "*shape"]) -> Tensor:
    """Mean of the values of a region; 0 where it is empty."""
    mean: Tensor = (values * region).sum() / region.sum().clamp_min(1)
    return mean
