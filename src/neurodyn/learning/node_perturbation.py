"""Gradients estimated from what noise does to the loss."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from neurodyn import registry
from neurodyn.config import check_choices, check_range
from neurodyn.data.batch import Batch
from neurodyn.errors import InvalidInput
from neurodyn.learning._credit import add_gradients, network_of, passed
from neurodyn.learning.base import LearningRule
from neurodyn.models.base import Model
from neurodyn.models.parts.leaky_credit import Gradients, gradients_of
from neurodyn.models.parts.leaky_recurrence import Path, drive_of, run
from neurodyn.models.task_rnn import TaskRNN
from neurodyn.objectives.base import Losses, Objective, Step

PLACES = 1024
"""Conditions whose mean losses are kept apart."""


@dataclass(frozen=True)
class NodePerturbationConfig:
    """What is perturbed, and what the loss is compared with."""

    perturb: Literal["activity", "weights"] = "activity"
    """`activity`: noise on what drives each unit in each bin; `weights`: noise on the weights, the same throughout a trial, which is weight perturbation."""
    sd: float = 0.01
    """σ, standard deviation of the noise. The estimate is unbiased as σ → 0, and drowns in rounding errors far below 0.001."""
    base: Literal["clean", "condition_mean", "none"] = "clean"
    """What a trial's loss is compared with: `clean`, that of the same trial without noise (a second run); `condition_mean`, a running mean over earlier trials of its condition; `none`, 0."""
    base_rate: float = 0.1
    """With `condition_mean`, how far the running mean goes towards the mean of a batch."""

    def __post_init__(self) -> None:
        check_choices(self, "rule")
        check_range("rule.sd", self.sd, 0, open_low=True)
        check_range("rule.base_rate", self.base_rate, 0, 1, open_low=True)


class NodePerturbation(LearningRule):
    """Node perturbation: dE/du_t is estimated by (E_perturbed − E_base) ξ_t / σ² with noise ξ_t on the drive u_t of every unit, which goes on through the network.

    dW = Σ_t α (E_perturbed − E_base) ξ_t h_{t−1}^T / σ², with the loss E of each trial: unbiased for the exact gradient as σ → 0, of a variance that grows with units times
    bins. No credit goes back in time. The readout's gradient is exact. Penalties on activity are not followed; those on weights are.
    With `perturb: weights` dW = (E_perturbed − E_base) Ξ / σ² with one Ξ a trial.

    Source: Williams 1992, doi:10.1007/BF00992696; Fiete & Seung 2006, doi:10.1103/PhysRevLett.97.048104.

    Raises:
        InvalidInput: an objective that has no loss of each trial; trials without conditions, where their means are asked for.
    """

    Config: ClassVar = NodePerturbationConfig

    def prepare(self, model: Model, seed: int) -> None:
        network_of(model, self)
        if self.config.base == "condition_mean":
            self.trained = _Means(self.config.base_rate)

    def gradients(self, model: Model, objective: Objective, batches: Sequence[Batch], step: Step) -> Losses:
        network, losses = network_of(model, self), []
        if not hasattr(objective, "of_trials"):
            name = registry.name_of(type(objective))
            raise InvalidInput("objective", name, "one with a loss of each trial", "Use the objective task.")
        perturb = _drive if self.config.perturb == "activity" else _weights
        for batch in batches:
            inputs = network.inputs_of(batch.observed)
            noise = network.noise(inputs)
            perturbed, gradients = perturb(network, inputs, noise, self.config.sd)
            clean = _clean(network, inputs, noise) if self.config.base == "clean" else None
            seen = passed(network, objective, batch, step, len(batches), perturbed if clean is None else clean)
            with torch.no_grad():
                loss = _of_trials(network, objective, batch, perturbed)
                base = self._expected(batch, loss) if clean is None else _of_trials(network, objective, batch, clean)
                add_gradients(network, gradients((loss - base) / (len(batches) * self.config.sd**2)))
            losses.append(seen.losses)
        return Losses.mean(losses)

    def _expected(self, batch: Batch, loss: Tensor) -> Tensor | float:
        """What a trial's loss is compared with where there is no run without noise."""
        if not isinstance(self.trained, _Means):
            return 0.0
        if batch.condition is None:
            fix = "Give trials with a column `condition`, or --rule.base clean."
            raise InvalidInput("rule.base", "condition_mean", "clean or none: the trials have no conditions", fix)
        return self.trained(batch.condition % PLACES, loss)  # type: ignore[no-any-return]


class _Means(nn.Module):
    """The running mean of the losses of each condition."""

    means: Tensor
    known: Tensor

    def __init__(self, rate: float) -> None:
        super().__init__()
        self._rate = rate
        self.register_buffer("means", torch.zeros(PLACES))
        self.register_buffer("known", torch.zeros(PLACES, dtype=torch.bool))

    def forward(self, condition: Tensor, loss: Tensor) -> Tensor:
        """The means before these trials, which are then taken in. Trials of a condition that was not seen before are compared with themselves."""
        before = torch.where(self.known[condition], self.means[condition].to(loss), loss)
        number = torch.zeros_like(self.means).index_add_(0, condition, torch.ones_like(self.means)[condition])
        total = torch.zeros_like(self.means).index_add_(0, condition, loss.to(self.means))
        here = number > 0
        rate = torch.where(self.known, self._rate, 1.0)[here]
        self.means[here] += rate * (total[here] / number[here] - self.means[here])
        self.known |= here
        return before


Estimate = Callable[[Tensor], Gradients]
"""From what each trial's loss says `(trial,)`, (E_perturbed − E_base)/σ², to gradients."""


def _of_trials(network: TaskRNN, objective: Any, batch: Batch, path: Path) -> Tensor:
    outputs = path.read(network.output, network.output_bias)
    found: Tensor = objective.of_trials(network.said(path.activity[1:], outputs), batch)
    return found


@torch.no_grad()
def _clean(network: TaskRNN, inputs: Tensor, noise: Tensor | None) -> Path:
    """The run without perturbation; noise of the activity is the same."""
    drive = drive_of(network.leak, inputs, network.input, network.bias)
    return run(network.leak, drive, network.weights, network.initial, noise)


@torch.no_grad()
def _drive(network: TaskRNN, inputs: Tensor, noise: Tensor | None, sd: float) -> tuple[Path, Estimate]:
    """Noise on the drive in each bin, and on the state before the first."""
    leak = network.leak
    drive = drive_of(leak, inputs, network.input, network.bias)
    added, start = sd * torch.randn_like(drive), sd * torch.randn_like(drive[0])
    path = run(leak, drive + added, network.weights, network.initial + start, noise)
    return path, lambda each: gradients_of(leak, path, inputs, added * each[:, None], each @ start)


@torch.no_grad()
def _weights(network: TaskRNN, inputs: Tensor, noise: Tensor | None, sd: float) -> tuple[Path, Estimate]:
    """Noise on the weights of each trial, where there are connections, and on the state before the first bin."""
    leak, weights, signs = network.leak, network.weights, network.connectivity.signs
    perturbed = {field.name: getattr(network, field.name) for field in dataclasses.fields(Gradients)}
    of = {name: sd * torch.randn(inputs.shape[1], *p.shape).to(p) for name, p in perturbed.items()}
    if signs is not None:
        of["recurrent"] *= signs.abs()
    drive = drive_of(leak, inputs, network.input, network.bias)
    drive += leak.drive_scale * (torch.einsum("tbc,buc->tbu", inputs, of["input"]) + of["bias"])
    path = run(leak, drive, weights + of["recurrent"], network.initial + of["initial"], noise)
    return path, lambda each: Gradients(**{name: torch.tensordot(each, drawn, 1) for name, drawn in of.items()})
