"""How well a network does its task, and how little activity it does it with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from neurodyn.config import check_choices, check_range
from neurodyn.data.batch import Batch
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.objectives.base import Losses, Objective, Step, target_of
from neurodyn.observations.categorical import Categorical

SHRINKS_BY = 2 / 3
"""What the activity penalty is multiplied by where its term is at least half of the main one."""


@dataclass(frozen=True)
class TaskConfig:
    """Penalties beside the task's error."""

    activity_penalty: float = 0.0
    """λ, of the mean squared activity."""
    schedule: Literal["constant", "annealed"] = "constant"
    """Of λ: `annealed` multiplies it by 2/3 after every step in which its term is at least half of the task's, as released (from λ = 10). A rule that learns more slowly then keeps a stronger penalty for longer, so that rules are not compared on the same objective."""
    block_penalty: float = 0.0
    """Of the summed squares of recurrent weights between blocks of units of the same size."""
    blocks: int = 2
    """Number of these blocks."""
    activity_limit: float = 1000.0
    """Root mean squared activity in a trial's last bin at which training stops: the network has exploded."""

    def __post_init__(self) -> None:
        check_choices(self, "objective")
        check_range("objective.activity_penalty", self.activity_penalty, 0)
        check_range("objective.block_penalty", self.block_penalty, 0)
        check_range("objective.blocks", self.blocks, 2)
        check_range("objective.activity_limit", self.activity_limit, 0, open_low=True)


class Task(Objective):
    """main + λ mean h² + penalty of weights between blocks, of every predicted target together.

    `main` is the mean squared error over the entries that count or, of classes, the mean cross-entropy over the bins that do. Where outputs are numbers the term
    `normalised_error` stands beside it: of every output the squared error over that of its mean, averaged; 1 is a constant output, 0 perfect.
    Source: Liu, Yang & Cueva 2025, arXiv:2506.06904.
    """

    Config: ClassVar = TaskConfig
    whole_batches: ClassVar[bool] = True

    def __init__(self, config: TaskConfig, model: Model) -> None:
        super().__init__(config, model)
        self.trained = self._penalty = _Penalty(config.activity_penalty)
        self._shrunk = -1

    def __call__(self, output: Output, batch: Batch, step: Step) -> Losses:
        activity = output.hidden.get("activity")
        if activity is not None:
            self._check(activity, step)
        mains, errors = zip(*(self._main(name, output, batch) for name in output.predictions))
        main = torch.stack(mains).sum()
        terms, total = {"main": main.detach()}, main
        found = [error for error in errors if error is not None]
        if found:
            terms["normalised_error"] = torch.stack(found).mean()
        if self.config.activity_penalty and activity is not None:
            weight = self._penalty.activity_penalty.clone()
            term = weight * _mean_square(activity, batch)
            terms |= {"activity": term.detach(), "activity_penalty": weight}
            total = total + term
            if self.model.training and self.config.schedule == "annealed" and self._shrunk != step.step:
                self._shrunk = step.step
                if bool(term >= main / 2):
                    self._penalty.activity_penalty.mul_(SHRINKS_BY)
        if self.config.block_penalty:
            term = self.config.block_penalty * self._between_blocks()
            terms["blocks"] = term.detach()
            total = total + term
        return Losses(total, terms)

    def of_trials(self, output: Output, batch: Batch) -> Tensor:
        """The main term of every trial `(trial,)`, for rules that need no derivative; they add up to the whole's."""
        total = torch.zeros(len(batch.mask), device=batch.mask.device)
        for name, parameters in output.predictions.items():
            loss, weight, entries = self._compared(name, parameters, batch)
            total = total + (loss * weight).flatten(1).sum(1) / entries
        return total

    def _main(self, name: str, output: Output, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """The error of one target, and the normalised one of numbers."""
        loss, weight, entries = self._compared(name, output.predictions[name], batch)
        loss = loss * weight
        main = loss.sum() / entries
        if isinstance(self.observation(name, batch), Categorical):
            return main, None
        return main, normalised_error(loss.detach(), target_of(batch, name), weight)

    def _compared(self, name: str, parameters: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Loss and weight of every entry, and the number of entries (bins, of classes) that a mean is over."""
        observation = self.observation(name, batch)
        target = target_of(batch, name)
        weight = batch.weight(name).expand_as(target)
        classes = target.shape[-1] if isinstance(observation, Categorical) else 1
        loss: Tensor = observation.negative_log_likelihood(parameters, target)
        return loss, weight, (weight.sum() / classes).clamp_min(1)

    def _between_blocks(self) -> Tensor:
        recurrent = getattr(self.model, "recurrent", None)
        if recurrent is None:
            fix = "Leave objective.block_penalty out."
            raise InvalidInput(
                "objective.block_penalty", self.config.block_penalty, "a model with recurrent weights", fix
            )
        size = len(recurrent) // self.config.blocks
        block = torch.arange(size * self.config.blocks, device=recurrent.device) // size
        inside = recurrent[: len(block), : len(block)]
        found: Tensor = inside[block[:, None] != block[None]].square().sum()
        return found

    def _check(self, activity: Tensor, step: Step) -> None:
        """Stops a network whose activity has exploded."""
        limit = self.config.activity_limit
        last = float(activity[:, -1].detach().square().mean().sqrt())
        if last <= limit:
            return
        norms = activity.detach().square().mean((0, 2)).sqrt()
        bin = int((~(norms <= limit)).nonzero()[0])
        raise InvalidInput(
            "activity",
            f"root mean square {float(norms[bin]):.3g} in bin {bin} of {len(norms)}, in step {step.step} (epoch {step.epoch})",
            f"at most {limit:g}: the network has exploded",
            "Lower train.learning_rate, train.gradient_clip or model.gain, or choose a bounded nonlinearity such as retanh.",
        )


class _Penalty(nn.Module):
    """The activity penalty as it stands, so that checkpoints hold it."""

    activity_penalty: Tensor

    def __init__(self, start: float) -> None:
        super().__init__()
        self.register_buffer("activity_penalty", torch.tensor(float(start)))


def normalised_error(squared: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean over outputs of Σ (y − y*)² / Σ (y* − its mean)², over the entries with weight; the sum of squares alone of an output whose target is constant.

    Args:
        squared: weighted squared errors `(trial, time, output)`.
        target: what they are of.
        weight: of every entry, 0 or 1.
    """
    count = weight.sum((0, 1)).clamp_min(1)
    mean = (target * weight).sum((0, 1)) / count
    spread = ((target - mean).square() * weight).sum((0, 1))
    found: Tensor = (squared.sum((0, 1)) / torch.where(spread > 0, spread, torch.ones_like(spread))).mean()
    return found


def _mean_square(activity: Tensor, batch: Batch) -> Tensor:
    """Mean over trials, bins and units of the squared activity."""
    if bool(batch.mask.all()):
        found: Tensor = _MeanSquare.apply(activity)  # type: ignore[no-untyped-call]
        return found
    kept = activity.square().mean(2) * batch.mask
    return kept.sum() / batch.mask.sum()


class _MeanSquare(torch.autograd.Function):
    """The mean square of activity, whose derivative takes one pass over it; torch's own takes three."""

    @staticmethod
    def forward(ctx: Any, activity: Tensor) -> Tensor:
        ctx.save_for_backward(activity)
        found: Tensor = torch.linalg.vector_norm(activity).square() / activity.numel()
        return found

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> Tensor:
        (activity,) = ctx.saved_tensors
        found: Tensor = activity * (given[0] * 2 / activity.numel())
        return found
