"""Parameters solved for, not learned: baselines and linear models."""

from __future__ import annotations

from collections.abc import Sequence

from neurodyn.data.batch import Batch
from neurodyn.errors import InvalidInput
from neurodyn.learning.base import LearningRule
from neurodyn.models.base import Model
from neurodyn.objectives.base import Losses, Objective, Step


class ClosedForm(LearningRule):
    """`training.fit` calls `Model.solve` once; there are no gradients."""

    iterative = False

    def gradients(self, model: Model, objective: Objective, batches: Sequence[Batch], step: Step) -> Losses:
        raise InvalidInput("rule", "closed_form", "a rule with gradients", "Use --rule bptt.")
