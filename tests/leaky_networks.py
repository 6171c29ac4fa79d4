"""Small leaky rate networks in double precision, and their gradients by automatic differentiation through a plain loop: what learning rules are checked against."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.learning.base import LearningRule
from neurodyn.models.task_rnn import TaskRNN, TaskRNNConfig
from neurodyn.objectives.base import Step
from neurodyn.objectives.task import Task, TaskConfig

FORMS = ("potential", "rate")
PARAMETERS = ("recurrent", "input", "bias", "initial", "output", "output_bias")
BIN_S = 0.01
PHI: Mapping[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda a: a,
    "tanh": torch.tanh,
    "retanh": lambda a: torch.maximum(torch.tanh(a), torch.zeros_like(a)),
    "relu": lambda a: a.clamp(min=0),
    "softplus": lambda a: torch.log(1 + torch.exp(a)),
}
"""φ, written out again."""


@dataclass(frozen=True)
class Case:
    """A network, what it is trained for, and trials."""

    model: TaskRNN
    objective: Task
    batch: Batch

    @property
    def inputs(self) -> Tensor:
        """`(time, trial, channel)`."""
        return self.model.inputs_of(self.batch.observed)

    def set(self, **values: Any) -> Case:
        """The same case, its parameters changed in place."""
        with torch.no_grad():
            for name, value in values.items():
                parameter = getattr(self.model, name)
                parameter.copy_(torch.as_tensor(value, dtype=parameter.dtype).expand_as(parameter))
        return self


def trials_of(trials: int, bins: int, channels: int = 2, outputs: int = 3, seed: int = 0) -> Trials:
    """Noise in, noise out; two conditions."""
    draw = np.random.default_rng(seed)
    return Trials.from_arrays(
        bin_s=BIN_S,
        stimulus=draw.standard_normal((trials, bins, channels)),
        targets=draw.standard_normal((trials, bins, outputs)),
        conditions=np.arange(trials) % 2,
    )


def case(
    form: str = "potential",
    *,
    units: int = 6,
    trials: int = 4,
    bins: int = 9,
    penalty: float = 0.7,
    blocks: float = 0.0,
    mask: bool = True,
    seed: int = 0,
    **config: Any,
) -> Case:
    """A network with parameters that are all unlike 0, trials of different lengths and entries that do not count."""
    options = {"nonlinearity": "tanh", "time_constants_s": (0.02, 0.031, 0.1), **config}
    given = trials_of(trials, bins, seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = TaskRNN(TaskRNNConfig(units=units, form=form, **options), DataSpec.of(given)).double()
        with torch.no_grad():
            for name in ("bias", "initial", "output_bias"):
                getattr(model, name).normal_(std=0.5)
        kept = torch.rand(trials, bins, 3) < 0.8
    batch = Batch.of(given)
    if mask:
        length = torch.tensor([bins, bins - 2, bins, bins - 3])[torch.arange(trials) % 4]
        batch = dataclasses.replace(batch, mask=torch.arange(bins) < length[:, None], known={"target": kept})
    objective = Task(TaskConfig(activity_penalty=penalty, block_penalty=blocks), model)
    return Case(model, objective, batch)


def worked_example(form: str = "potential") -> Case:
    """The two units of the worked example: E is half of the summed squared errors, and the loss of this case half of that."""
    stimulus, targets = np.array([1, 0.5, -1, 0.25]), np.array([0.1, 0.2, 0.3, 0.4])
    given = Trials.from_arrays(bin_s=BIN_S, stimulus=stimulus[None, :, None], targets=targets[None, :, None])
    config = TaskRNNConfig(units=2, nonlinearity="tanh", time_constants_s=(0.02,), form=form)  # type: ignore[arg-type]
    model = TaskRNN(config, DataSpec.of(given)).double()
    batch = dataclasses.replace(Batch.of(given), targets={"target": torch.from_numpy(targets)[None, :, None]})
    found = Case(model, Task(TaskConfig(), model), batch)
    return found.set(
        recurrent=[[0.2, -0.4], [0.5, 0.1]], input=[[1.0], [-0.5]], output=[[0.7, -0.3]], bias=0.0, initial=0.0
    )


def found(rule: LearningRule, case: Case, seed: int = 0) -> dict[str, Tensor]:
    """The gradient of every parameter, as a rule finds it."""
    rule.prepare(case.model, seed)
    return again(rule, case)


def again(rule: LearningRule, case: Case, step: int = 0) -> dict[str, Tensor]:
    """The same of a rule that is prepared."""
    case.model.zero_grad(set_to_none=True)
    rule.gradients(case.model, case.objective, [case.batch], Step(step=step))
    return {name: _gradient(getattr(case.model, name)) for name in PARAMETERS}


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.clone()


Current = Callable[[int, Tensor, Tensor], Tensor]
"""Recurrent current of a bin, from the bin, the activity before it and the weights."""


def exact(bin: int, activity: Tensor, weights: Tensor) -> Tensor:
    """W h."""
    return activity @ weights.T


def without_paths(bin: int, activity: Tensor, weights: Tensor) -> Tensor:
    """W h through which no credit goes back: e-prop."""
    return activity.detach() @ weights.T


def by_other_weights(other: Tensor, scale: float = 1.0) -> Current:
    """W h whose credit goes back through other weights."""

    def current(bin: int, activity: Tensor, weights: Tensor) -> Tensor:
        return without_paths(bin, activity, weights) + scale * (activity - activity.detach()) @ other.T

    return current


@dataclass(frozen=True)
class Differentiated:
    """Gradients by automatic differentiation."""

    gradients: dict[str, Tensor]
    activity: Tensor
    """`(time, trial, unit)`."""
    outputs: Tensor
    """`(time, trial, output)`."""
    by_activity: Tensor
    """dE/dh of penalties on activity alone, `(time, trial, unit)`."""
    by_outputs: Tensor
    """dE/dy `(time, trial, output)`."""


def differentiated(
    case: Case,
    current: Current = exact,
    *,
    leak: Callable[[int, Tensor], Tensor] = lambda bin, state: state,
    feedback: Tensor | None = None,
    noise: Tensor | None = None,
    constant: tuple[Tensor, float] | None = None,
) -> Differentiated:
    """Gradients of a case by automatic differentiation, bin by bin.

    Args:
        case: its objective is asked too.
        current: recurrent current.
        leak: what the leak keeps of the state before a bin.
        feedback: weights by which errors enter; by default the readout's.
        noise: of the activity `(time, trial, unit)`.
        constant: weights and a derivative in place of W and φ' for credit that goes back; `current` has no part in it then.
    """
    model, alpha = case.model, case.model.alpha
    phi, potential = PHI[model.config.nonlinearity], model.config.form == "potential"
    weights = model.weights
    state = model.initial.expand(case.batch.observed.trials, -1)
    activity = phi(state) if potential else state
    said = []
    for bin, x in enumerate(case.inputs):
        given = (current if constant is None else without_paths)(bin, activity, weights)
        given = given + x @ model.input.T + model.bias
        beyond = torch.zeros(()) if constant is None else constant[1] * (state - state.detach()) @ constant[0].T
        added = 0.0 if noise is None else noise[bin]
        if potential:
            state = (1 - alpha) * leak(bin, state) + alpha * (given + beyond)
            activity = phi(state) + added
        else:
            state = activity = (1 - alpha) * leak(bin, state) + alpha * (phi(given) + beyond + added)
        said.append(activity)
    seen = torch.stack(said)
    through = seen @ model.output.T + model.output_bias
    if feedback is not None:
        through = seen.detach() @ model.output.T + model.output_bias + (seen - seen.detach()) @ feedback.T
    activity, outputs = seen.detach().requires_grad_(), through.detach().requires_grad_()
    direct = case.objective(model.said(activity, outputs), case.batch, Step()).total
    by_activity, by_outputs = torch.autograd.grad(direct, [activity, outputs], allow_unused=True)
    by_activity = torch.zeros_like(activity) if by_activity is None else by_activity
    total = case.objective(model.said(seen, through), case.batch, Step()).total
    parameters = [getattr(model, name) for name in PARAMETERS]
    gradients = torch.autograd.grad(total, parameters)
    return Differentiated(
        dict(zip(PARAMETERS, gradients)), activity.detach(), outputs.detach(), by_activity, by_outputs
    )


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor], tolerance: float = 1e-10) -> None:
    """Gradients of all parameters agree, relative to the largest entry of each."""
    assert set(one) == set(other)
    for name, value in one.items():
        size = max(float(value.abs().max()), float(other[name].abs().max()), 1e-12)
        assert float((value - other[name]).abs().max()) < tolerance * size, name
