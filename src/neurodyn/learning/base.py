"""What every learning rule is: it owns the forward passes and fills `.grad`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from torch import nn

from neurodyn.data.batch import Batch
from neurodyn.models.base import Model
from neurodyn.objectives.base import Losses, Objective, Step


class LearningRule(ABC):
    """How gradients (or what stands for them) are found. Rules without a graph never build one."""

    Config: ClassVar[type[Any] | None] = None
    """Options, for a rule that has any."""
    in_parts: ClassVar[bool] = False
    """Whether it can see a batch in micro-batches, or share it with other processes."""
    iterative: bool = True
    """False for a rule that solves for the parameters in one call of `Model.solve`."""
    parts: int = 1
    """Micro-batches that a batch is cut into, for rules that can: less memory, the same gradient."""
    processes: int = 1
    """Processes that each have a share of every batch; the gradients of all are then added up by whoever trains."""
    rank: int = 0
    """Which of them this is."""

    def __init__(self, config: Any = None) -> None:
        self.config = self.Config() if config is None and self.Config is not None else config
        self.trained: nn.Module | None = None
        """What it keeps, and trains where it has parameters, beside the model's weights: in checkpoints, so that a run can be resumed."""

    def prepare(self, model: Model, seed: int) -> None:
        """Sees the model once before training.

        Raises:
            InvalidInput: the model lacks what the rule needs.
        """
        return None

    @abstractmethod
    def gradients(self, model: Model, objective: Objective, batches: Sequence[Batch], step: Step) -> Losses:
        """Runs the model on a tuple of batches, one a session, and adds to every parameter's `.grad`."""
