"""Back-propagation through time: the exact gradient by automatic differentiation."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from neurodyn.data.batch import Batch
from neurodyn.learning.base import LearningRule
from neurodyn.models.base import Model
from neurodyn.objectives.base import Losses, Objective, Step


class BPTT(LearningRule):
    """The exact gradient of the mean loss over sessions (sessions weigh equally, whatever their size)."""

    def gradients(self, model: Model, objective: Objective, batches: Sequence[Batch], step: Step) -> Losses:
        losses = []
        for batch in batches:
            output = model(batch.observed, batch.privileged if model.uses_privileged else None)
            loss = objective(output, batch, step)
            (loss.total / len(batches)).backward()  # type: ignore[no-untyped-call]
            losses.append(loss)
        if len(losses) == 1:
            return losses[0]
        names = dict.fromkeys(name for loss in losses for name in loss.terms)
        means = {n: torch.stack([x.terms[n] for x in losses if n in x.terms]).mean() for n in names}
        return Losses(torch.stack([x.total.detach() for x in losses]).mean(), means)
