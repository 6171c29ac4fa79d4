"""Types of units, for rules to which connections are known by type alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from neurodyn.config import check_range
from neurodyn.errors import InvalidInput
from neurodyn.learning._credit import FeedbackConfig
from neurodyn.models.parts.leaky_credit import TypeMeans
from neurodyn.models.task_rnn import TaskRNN


@dataclass(frozen=True)
class TypesConfig(FeedbackConfig):
    """Whose connections are alike; options of every rule that knows them by type alone."""

    types: int | None = None
    """Types that units are dealt to, consecutive ones to the same; empty takes the network's own cell types. As many as units gives each weight as it is."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.types is not None:
            check_range("rule.types", self.types, 1)


def type_means(config: TypesConfig, model: TaskRNN) -> TypeMeans:
    """The means of a network's present weights over the blocks that its types make.

    Raises:
        InvalidInput: the network has no cell types, or fewer units than types were asked for.
    """
    weights, types = model.weights.detach(), model.connectivity.types
    if config.types is not None:
        if config.types > len(weights):
            raise InvalidInput("rule.types", config.types, f"at most {len(weights)}, the units of the network")
        types = torch.arange(len(weights), device=weights.device) * config.types // len(weights)
    if types is None:
        fix = "Give --rule.types, or a network with them: --model.dale --model.cell_types 8."
        raise InvalidInput("rule.types", "none", "a number, since the network has no cell types", fix)
    return TypeMeans.of(weights, types)
