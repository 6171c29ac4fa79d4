"""Mean negative log likelihood of every predicted signal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from neurodyn.data.batch import Batch
from neurodyn.models.base import Output
from neurodyn.objectives._poisson_sum import PoissonSum
from neurodyn.objectives.base import Losses, Objective, Step, target_of, withheld_loss
from neurodyn.observations.poisson import Poisson as Likelihood


@dataclass(frozen=True)
class PoissonConfig:
    """No options."""


class Poisson(Objective):
    """Negative log likelihood per entry that counts, in nats; Poisson for spikes (other signals by their own observation)."""

    Config: ClassVar = PoissonConfig
    gives_shares: ClassVar[bool] = True

    def counts(self, batch: Batch) -> Mapping[str, Tensor]:
        return {
            name: batch.weight(name).expand_as(target).reshape(len(target), -1).sum(1)
            for name, target in batch.targets.items()
        }

    def __call__(self, output: Output, batch: Batch, step: Step) -> Losses:
        terms: dict[str, Tensor] = {}
        whole = step.whole
        penalties = dict(output.penalty)
        watched: dict[str, Tensor] = {}
        for name, parameters in output.predictions.items():
            observation, target = self.observation(name, batch), target_of(batch, name)
            weight = batch.weight(name).expand_as(target)
            if type(observation) is Likelihood:
                total = PoissonSum.apply(parameters.squeeze(-1), target, weight, weight, False, None)  # type: ignore[no-untyped-call]
            else:
                total = (observation.negative_log_likelihood(parameters, target) * weight).sum()
            terms[f"{name}_nll"] = total / (weight.sum() if whole is None else whole.counts[name]).clamp_min(1)
            if (penalty := observation.penalty()) is not None:
                penalties[f"{name}_penalty"] = penalty
            if name in batch.withheld:
                watched[f"{name}_nll_withheld"] = withheld_loss(observation, parameters, batch, name)
        if whole is not None:
            penalties, watched = ({k: v * step.share(batch) for k, v in each.items()} for each in (penalties, watched))
        total = torch.stack([*terms.values(), *penalties.values()]).sum()
        return Losses(total, {k: v.detach() for k, v in (terms | penalties | watched).items()})
