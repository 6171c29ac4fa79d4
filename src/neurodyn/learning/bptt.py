"""Back-propagation through time: the exact gradient by automatic differentiation."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from neurodyn.data.batch import Batch
from neurodyn.learning._parts import cut, output_of, seen_ahead, whole_of
from neurodyn.learning.base import LearningRule
from neurodyn.models.base import Model
from neurodyn.objectives.base import Losses, Objective, Step


class BPTT(LearningRule):
    """The exact gradient of the mean loss over sessions (sessions weigh equally, whatever their size).

    With `parts` or `processes` above 1 the losses it returns, and the gradients of this process, are shares: those of all processes add up to the whole's.
    """

    in_parts: ClassVar[bool] = True

    def gradients(self, model: Model, objective: Objective, batches: Sequence[Batch], step: Step) -> Losses:
        losses = [self._of_batch(model, objective, batch, step, len(batches)) for batch in batches]
        return Losses.mean(losses)

    def _of_batch(self, model: Model, objective: Objective, batch: Batch, step: Step, batches: int) -> Losses:
        """The loss of one batch; its gradient, divided by the number of batches, is added to the parameters'."""
        if self.parts == 1 and self.processes == 1:
            loss = objective(output_of(model, batch), batch, step)
            (loss.total / batches).backward()  # type: ignore[no-untyped-call]
            return loss
        parts = cut(batch, self.parts)
        only = output_of(model, parts[0]) if len(parts) == 1 else None
        ahead: list[Mapping[str, Tensor]] = []
        if objective.compares_trials:
            ahead = seen_ahead(model, objective, parts) if only is None else [objective.shared(only, parts[0])]
        whole = whole_of(objective, batch, ahead, self.processes, self.rank)
        found: list[Losses] = []
        for part in parts:
            output = output_of(model, part) if only is None else only
            if objective.gives_shares:
                loss = objective(output, part, dataclasses.replace(step, whole=whole))
            else:
                loss, share = objective(output, part, step), len(part.mask) / whole.trials
                loss = Losses(loss.total * share, {name: value * share for name, value in loss.terms.items()})
            (loss.total / batches).backward()  # type: ignore[no-untyped-call]
            found.append(loss)
            whole = dataclasses.replace(whole, start=whole.start + len(part.mask))
        names = dict.fromkeys(name for loss in found for name in loss.terms)
        sums = {n: torch.stack([x.terms[n] for x in found if n in x.terms]).sum() for n in names}
        return Losses(torch.stack([x.total.detach() for x in found]).sum(), sums)
