"""The evidence lower bound: reconstruction, KL of the posteriors, and weight penalties, each with its ramp."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from neurodyn.config import check_choices, check_range
from neurodyn.data.batch import Batch
from neurodyn.models.base import Output
from neurodyn.objectives._poisson_sum import PoissonSum
from neurodyn.objectives.base import Losses, Objective, Step, recorded, target_of, withheld_loss
from neurodyn.observations.base import Observation
from neurodyn.observations.poisson import Poisson


@dataclass(frozen=True)
class ELBOConfig:
    """Scales and ramps of the bound."""

    kl_scale: float = 1e-5
    """Multiplies every KL. A KL is a sum over time and dimensions beside a reconstruction that is a mean over entries, so the exact bound is 1 / (bins × units): see `kl_unit`."""
    kl_scales: Mapping[str, float] = field(default_factory=dict)
    """Scales of single posteriors by their name in `Output.kl` (`initial_condition`, `inputs`), instead of `kl_scale`."""
    kl_unit: Literal["entry", "bound"] = "entry"
    """`entry`: scales multiply the KL as they are, as published. `bound`: 1 is the exact bound; with `reduce` mean they are divided by the mean number of entries of a trial that count."""
    l2_scale: float = 1.0
    """Multiplies the model's penalties."""
    kl_start_epoch: int = 0
    """Epoch, counted from 0, at which the KL comes in."""
    kl_increase_epochs: int = 80
    """Epochs over which it rises to its full weight."""
    l2_start_epoch: int = 0
    """The same for the penalties."""
    l2_increase_epochs: int = 80
    """The same for the penalties."""
    reduce: Literal["mean", "sum"] = "mean"
    """Reconstruction: mean over trials, bins and channels; or sum over bins and channels and mean over trials."""
    loss_scale: float = 1e4
    """Multiplies the whole. It matters, because gradients are clipped by norm."""
    log_rate_clamp: float | None = None
    """Largest log rate (per bin) of Poisson counts in the first epochs, against rates that overflow; 10 is safe. The gradient still pulls rates above it down. None: off."""
    log_rate_clamp_epochs: int = 5
    """Epochs in which it holds."""

    def __post_init__(self) -> None:
        check_choices(self, "objective")
        for name in (
            "kl_scale",
            "l2_scale",
            "kl_start_epoch",
            "kl_increase_epochs",
            "l2_start_epoch",
            "l2_increase_epochs",
            "log_rate_clamp_epochs",
        ):
            check_range(f"objective.{name}", getattr(self, name), 0)
        for name, value in self.kl_scales.items():
            check_range(f"objective.kl_scales.{name}", value, 0)
        check_range("objective.loss_scale", self.loss_scale, 0, open_low=True)
        if self.log_rate_clamp is not None:
            check_range("objective.log_rate_clamp", self.log_rate_clamp)


def ramp(epoch: int, start: int, increase: int) -> float:
    """clamp((epoch + 1 − start) / (increase + 1), 0, 1), with epochs counted from 0.

    >>> ramp(39, 0, 80) == 40 / 81, ramp(9, 10, 80), ramp(200, 0, 80)
    (True, 0.0, 1.0)
    """
    return min(max((epoch + 1 - start) / (increase + 1), 0.0), 1.0)


class ELBO(Objective):
    """loss_scale · { R + r_KL Σ k_i KL_i + r_L2 Σ penalties }, with R the negative log likelihood and every KL summed over time and dimensions, averaged over trials.

    Where a transform set `loss_weight` (coordinated dropout), gradients of R are multiplied by it; the **value** of R stays that of all entries
    that count, and so does the number it is divided by, as in the published method: a gradient's size is then proportional to what was hidden.
    Entries that a transform withheld (sample validation) are left out of the value too; their own mean is the term `<signal>_nll_withheld`.
    Sources: doi:10.1038/s41592-018-0109-9, doi:10.1038/s41592-022-01675-0.
    """

    Config: ClassVar = ELBOConfig
    gives_shares: ClassVar[bool] = True

    def counts(self, batch: Batch) -> Mapping[str, Tensor]:
        found = {}
        for name, target in batch.targets.items():
            mask = recorded(batch, name).expand_as(target)
            found[name] = mask.reshape(len(mask), -1).sum(1)
            if name in batch.withheld:
                found[f"{name}_withheld"] = (mask * batch.withheld[name]).reshape(len(mask), -1).sum(1)
        return found

    def __call__(self, output: Output, batch: Batch, step: Step) -> Losses:
        c, whole = self.config, step.whole
        terms: dict[str, Tensor] = {}
        parts: list[Tensor] = []
        entries: Tensor | float = 0.0
        penalties = dict(output.penalty)
        trials = len(batch.mask) if whole is None else whole.trials
        for name, parameters in output.predictions.items():
            observation = self.observation(name, batch)
            total, count = self._reconstruction(name, parameters, batch, observation, step)
            terms[f"{name}_nll"] = total / count
            parts.append(terms[f"{name}_nll"] if c.reduce == "mean" else total / trials)
            entries = entries + count / trials
            if (penalty := observation.penalty()) is not None:
                penalties[f"{name}_penalty"] = penalty
            if name in batch.withheld:
                terms[f"{name}_nll_withheld"] = withheld_loss(observation, parameters, batch, name) * step.share(batch)
        rise = ramp(step.epoch, c.kl_start_epoch, c.kl_increase_epochs)
        for name, kl in output.kl.items():
            terms[f"kl_{name}"] = kl.mean() if whole is None else kl.sum() / trials
            part = rise * c.kl_scales.get(name, c.kl_scale) * terms[f"kl_{name}"]
            parts.append(part / entries if c.kl_unit == "bound" and c.reduce == "mean" else part)
        rise = ramp(step.epoch, c.l2_start_epoch, c.l2_increase_epochs)
        for name, penalty in penalties.items():
            terms[name] = penalty if whole is None else penalty * step.share(batch)
            parts.append(rise * c.l2_scale * terms[name])
        loss = c.loss_scale * torch.stack(parts).sum()
        return Losses(loss, {name: value.detach() for name, value in terms.items()})

    def nat(self, batch: Batch) -> Tensor | float:
        if self.config.reduce == "mean" or batch.observed.neural_name is None:
            return float(self.config.loss_scale)
        name = batch.observed.neural_name
        counted = recorded(batch, name).expand_as(batch.targets[name]).sum()
        return self.config.loss_scale * counted / len(batch.mask)  # type: ignore[no-any-return]

    def _reconstruction(
        self, name: str, parameters: Tensor, batch: Batch, observation: Observation, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Summed negative log likelihood of one signal and the number of entries that count in the whole batch."""
        target = target_of(batch, name)
        mask = recorded(batch, name)
        counted = mask.expand_as(target).sum() if step.whole is None else step.whole.counts[name]
        weight = batch.weight(name) if name in batch.loss_weight else None
        full = bool(batch.mask.all()) and name not in batch.known and name not in batch.withheld
        if name in batch.withheld:  # the value is the mean over the others, times the number of all
            others = mask * ~batch.withheld[name]
            left = others.sum() if step.whole is None else counted - step.whole.counts[f"{name}_withheld"]
            mask = others * (counted / left.clamp_min(1))
        if type(observation) is Poisson:
            clamped = step.epoch < self.config.log_rate_clamp_epochs
            total = PoissonSum.apply(
                parameters.squeeze(-1),
                target,
                None if full else mask,
                mask if weight is None else weight,
                full and weight is None,
                self.config.log_rate_clamp if clamped else None,
            )  # type: ignore[no-untyped-call]
            return total, counted
        loss = observation.negative_log_likelihood(parameters, target)
        value = loss * mask
        if weight is not None:
            learned = loss * weight
            value = learned + (value - learned).detach()
        return value.sum(), counted
