"""One frame for learning rules of leaky rate networks: what a rule says is the surrogate of the Jacobian, and the feedback.

With g_t = dE/dy_t, r_t what a penalty on activity asks of h_t, ψ = φ' and F the feedback weights (output, unit):

    s_t = ψ_t (F^T g_t + r_t)        δ_t = s_t + J̃_t^T δ_{t+1}
    dW = Σ α δ_t h_{t−1}^T,  dW_in = Σ α δ_t x_t^T,  db = Σ α δ_t,  da_{−1} = Σ J̃_{−1}^T δ_0        dW_out = Σ g_t h_t^T,  db_out = Σ g_t

Where the surrogate J̃ is the leak alone (e-prop) the sum also unrolls forward in time, into traces of the presynaptic side: one filtered outer product, the same
numbers. Nothing here builds a graph over time.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import Parameter

from neurodyn import registry
from neurodyn.config import check_choices, check_range
from neurodyn.data.batch import Batch
from neurodyn.errors import InvalidInput
from neurodyn.learning.base import LearningRule
from neurodyn.models.base import Model
from neurodyn.models.parts.leaky_credit import Gradients, Surrogate, asked, credit, gradients_of, outer
from neurodyn.models.parts.leaky_recurrence import Path
from neurodyn.models.task_rnn import TaskRNN
from neurodyn.objectives.base import Losses, Objective, Step

Feedback = Literal["symmetric", "random", "adaptive"]
_FEEDBACK_STREAM = 8
"""Of the seed, for random feedback."""


@dataclass(frozen=True)
class FeedbackConfig:
    """How errors enter the network; options of every rule that works with other feedback than the readout's weights."""

    feedback: Feedback = "symmetric"
    """`symmetric`: by the readout's weights; `random`: by fixed random ones; `adaptive`: by random ones that change as the readout does."""
    feedback_decay: float = 1e-3
    """With `adaptive`, decay of the feedback and of the readout, which makes them more alike in time."""

    def __post_init__(self) -> None:
        check_choices(self, "rule")
        check_range("rule.feedback_decay", self.feedback_decay, 0)


@dataclass(frozen=True, eq=False)
class Pass:
    """One forward pass of a network and what its outputs, and its activity, should do about the loss."""

    inputs: Tensor
    """`(time, trial, channel)`."""
    path: Path
    outputs: Tensor
    """g = dE/dy `(time, trial, output)`."""
    activity: Tensor | None
    """r: dE/dh by penalties on activity alone `(time, trial, unit)`; None where there are none."""
    losses: Losses


class CreditRule(LearningRule):
    """A rule of the frame: a leaf says its `surrogate`, and has a `FeedbackConfig` where feedback is a matter of choice."""

    @property
    def feedback(self) -> Feedback:
        """How errors enter the network."""
        return self.config.feedback if isinstance(self.config, FeedbackConfig) else "symmetric"

    @abstractmethod
    def surrogate(self, model: TaskRNN) -> Surrogate:
        """What carries credit back in time."""

    def prepare(self, model: Model, seed: int) -> None:
        network = network_of(model, self)
        self.surrogate(network)  # refuses a network that lacks what it needs
        if self.feedback != "symmetric":
            self.trained = FeedbackWeights(network, seed, self.feedback == "adaptive")

    def gradients(self, model: Model, objective: Objective, batches: Sequence[Batch], step: Step) -> Losses:
        network, losses = network_of(model, self), []
        for batch in batches:
            seen = passed(network, objective, batch, step, len(batches))
            with torch.no_grad():
                direct = asked(seen.outputs, self._feedback_weights(network), seen.activity)
                delta, first = credit(network.leak, seen.path, direct, self.surrogate(network))
                found = gradients_of(network.leak, seen.path, seen.inputs, delta, first)
            add_gradients(network, found)
            losses.append(seen.losses)
        self._adapt(network)
        return Losses.mean(losses)

    def _feedback_weights(self, model: TaskRNN) -> Tensor:
        """F `(output, unit)`."""
        return self.trained.weights if isinstance(self.trained, FeedbackWeights) else model.output

    def _adapt(self, model: TaskRNN) -> None:
        """Changes adaptive feedback as the readout is changed."""
        if self.feedback != "adaptive" or not isinstance(self.trained, FeedbackWeights) or model.output.grad is None:
            return
        decay, weights = self.config.feedback_decay, self.trained.weights
        with torch.no_grad():
            weights.grad = model.output.grad + decay * weights
            model.output.grad += decay * model.output


class FeedbackWeights(nn.Module):
    """Feedback weights that are not the readout's: uniform as the readout starts, fixed or trained."""

    weights: Tensor

    def __init__(self, model: TaskRNN, seed: int, adaptive: bool) -> None:
        super().__init__()
        drawn = np.random.default_rng((seed, _FEEDBACK_STREAM)).uniform(-1, 1, tuple(model.output.shape))
        weights = torch.from_numpy(drawn / np.sqrt(model.config.units)).to(model.output)
        if adaptive:
            self.weights = Parameter(weights)
        else:
            self.register_buffer("weights", weights)


def network_of(model: Model, rule: LearningRule) -> TaskRNN:
    """The model, where the rules of this frame apply to it.

    Raises:
        InvalidInput: it is no leaky rate network.
    """
    if isinstance(model, TaskRNN):
        return model
    fix = "Train it by bptt, or train a task_rnn."
    name = registry.name_of(type(rule))
    raise InvalidInput(
        "rule", name, f"a rule for {registry.name_of(type(model))}: {name} is for leaky rate networks", fix
    )


def passed(
    model: TaskRNN, objective: Objective, batch: Batch, step: Step, batches: int = 1, path: Path | None = None
) -> Pass:
    """Runs a network, and asks the objective what its outputs and its activity should do; the readout's gradients are added, and those of penalties on weights.

    Args:
        model, objective, batch, step: as for `LearningRule.gradients`.
        batches: that the loss is divided by.
        path: what the network goes through, where that is known.
    """
    inputs = model.inputs_of(batch.observed)
    path = model.path(inputs) if path is None else path
    activity = path.activity[1:].requires_grad_()
    with torch.no_grad():
        outputs = path.read(model.output, model.output_bias).requires_grad_()
    losses = objective(model.said(activity, outputs), batch, step)
    (losses.total / batches).backward()  # type: ignore[no-untyped-call]
    by_outputs = outputs.grad if outputs.grad is not None else torch.zeros_like(outputs)
    add(model.output, outer(by_outputs, path.activity[1:]))
    add(model.output_bias, by_outputs.sum((0, 1)))
    return Pass(inputs, path, by_outputs, activity.grad, losses)


def add_gradients(model: TaskRNN, found: Gradients) -> None:
    """Adds what was found to the parameters' `.grad`, through the constraints of the recurrent weights."""
    add(model.input, found.input)
    add(model.bias, found.bias)
    add(model.initial, found.initial)
    if model.connectivity.signs is None:
        add(model.recurrent, found.recurrent)
    elif model.recurrent.requires_grad:
        with torch.enable_grad():
            model.weights.backward(found.recurrent)  # type: ignore[no-untyped-call]


def add(parameter: Parameter, gradient: Tensor) -> None:
    """Adds to a parameter's `.grad`, unless it is not to be trained."""
    if parameter.requires_grad:
        parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
