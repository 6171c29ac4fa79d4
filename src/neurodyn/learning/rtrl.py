"""The exact gradient, forward in time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neurodyn.data.batch import Batch
from neurodyn.errors import InvalidInput
from neurodyn.learning._credit import add_gradients, network_of, passed
from neurodyn.learning.base import LearningRule
from neurodyn.models.base import Model
from neurodyn.models.parts.leaky_credit import Gradients, asked
from neurodyn.models.parts.leaky_recurrence import Leak, Path
from neurodyn.models.task_rnn import TaskRNN
from neurodyn.objectives.base import Losses, Objective, Step

MOST_UNITS = 64


class RTRL(LearningRule):
    """Real-time recurrent learning: exact, by the influence of every weight on every unit, which goes forward with the network.

    P_t = ∂state_t/∂weights `(unit, weight)` follows P_t = J_t P_{t−1} + what the weights do at once, and dE = Σ_t dE/dh_t ∂h_t/∂state_t P_t. It needs no memory of the past,
    but N³ numbers and N⁴ operations a bin and trial: an independent check of the other rules on small networks. Source: Williams & Zipser 1989, doi:10.1162/neco.1989.1.2.270.

    Raises:
        InvalidInput: a network of more than 64 units.
    """

    def prepare(self, model: Model, seed: int) -> None:
        _small(network_of(model, self))

    def gradients(self, model: Model, objective: Objective, batches: Sequence[Batch], step: Step) -> Losses:
        network, losses = _small(network_of(model, self)), []
        for batch in batches:
            seen = passed(network, objective, batch, step, len(batches))
            direct = asked(seen.outputs, network.output.detach(), seen.activity)
            add_gradients(network, _forward(network.leak, network.weights.detach(), seen.path, seen.inputs, direct))
            losses.append(seen.losses)
        return Losses.mean(losses)


def _small(network: TaskRNN) -> TaskRNN:
    units = network.config.units
    if units > MOST_UNITS:
        cost = f"at most {MOST_UNITS}: each bin of a trial takes units⁴ operations, {units**4:.0e} here"
        raise InvalidInput("model.units", units, cost, "Train by bptt, which finds the same gradient.")
    return network


@torch.no_grad()
def _forward(leak: Leak, weights: Tensor, path: Path, inputs: Tensor, direct: Tensor) -> Gradients:
    """Gradients from dE/dh `(time, trial, unit)`, bins in the order in which they happen.

    Each unit has a row of weights: its recurrent ones, its input ones and its bias; what they are multiplied with is the bin's `seen`.
    """
    bins, trials, units = path.potential.shape
    seen = torch.cat([path.activity[:-1], inputs, inputs.new_ones(bins, trials, 1)], 2)
    width = seen.shape[2]
    influence = seen.new_zeros(trials, units, units * width + units)
    influence[:, :, units * width :] = torch.eye(units).to(seen)  # of the state before the first bin on itself
    keep, scale = (1 - leak.alpha)[:, None], leak.alpha[:, None]
    found = seen.new_zeros(units * width + units)
    slope = leak.phi.derivative(path.initial, leak.phi(path.initial)).expand(trials, units)
    for now, potential, by_activity in zip(seen, path.potential, direct):
        if leak.form == "potential":
            change = weights @ (slope[:, :, None] * influence)
        else:
            change = weights @ influence
        rows = change[:, :, : units * width].view(trials, units, units, width)
        rows.diagonal(dim1=1, dim2=2).add_(now[:, :, None])
        slope = leak.phi.derivative(potential, leak.phi(potential))
        if leak.form == "potential":
            influence = keep * influence + scale * change
            by_state = by_activity * slope
        else:
            influence = keep * influence + scale * slope[:, :, None] * change
            by_state = by_activity
        found += torch.einsum("bu,buw->w", by_state, influence)
    rows, initial = found[: units * width].view(units, width), found[units * width :]
    return Gradients(rows[:, units:-1].contiguous(), rows[:, -1].contiguous(), rows[:, :units].contiguous(), initial)
