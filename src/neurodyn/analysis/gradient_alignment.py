"""Gradients of a learning rule beside those of back-propagation through time, along a run's training."""

from __future__ import annotations

import numpy as np
import torch

from neurodyn import config as configs
from neurodyn import registry
from neurodyn.analysis.kept_weights import kept_weights
from neurodyn.data.batch import Batch
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.learning.base import LearningRule
from neurodyn.learning.bptt import BPTT
from neurodyn.models.base import Model
from neurodyn.objectives.base import Objective, Step
from neurodyn.training.kept import ALL, GradientAlignment
from neurodyn.training.plan import Plan
from neurodyn.training.run import Run

TRIALS = 100
"""Trials of the batch."""


def gradient_alignment(
    run: Run, trials: Trials, *, rule: str | None = None, seed: int = 0, progress: bool = True
) -> GradientAlignment:
    """Cosine, angle and norms of a rule's gradient and the exact one at every kept step, of every parameter and of all together.

    Both are gradients of the whole objective as it stood at that step (an annealed penalty included), on the same trials and without noise of the activity; feedback
    weights are those that the run had then. The readout's cosine is 1 for every rule that gives it the exact gradient.

    Args:
        run: with weights kept along the way (`train.checkpoint_steps`).
        trials: of the run's task, the same for every step: the first 100 are used.
        rule: another rule, with its default options, at the weights that the run's rule led to; by default the run's.
        seed: of what a rule draws: feedback weights, perturbations.
        progress: draw a progress bar on stderr.

    Raises:
        InvalidInput: no weights were kept, or the rule finds no gradients (it solves in closed form) or none of such a model.
        UnknownName: no such rule.
    """
    plan, model = run.plan, run.model()
    learned = _rule(plan, rule)
    objective, exact = plan.build_objective(model), BPTT()
    batch = Batch.of(trials, np.arange(min(TRIALS, len(trials))), model.session_of(trials))
    learned.prepare(model, plan.seed if rule is None else seed)
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    steps, found = [], []
    for step, weights, beside in kept_weights(run, "Gradients", progress):
        model.load_state_dict(weights)
        if objective.trained is not None and beside["objective"]:
            objective.trained.load_state_dict(beside["objective"])
        if rule is None and learned.trained is not None and beside["rule"]:
            learned.trained.load_state_dict(beside["rule"])
        both = [_gradients(each, model, objective, batch, step, names, seed) for each in (learned, exact)]
        steps.append(step)
        found.append(_compared(*both))
    cosine, norm, exact_norm = np.moveaxis(np.array(found), 1, 0)
    name = registry.name_of(type(learned))
    return GradientAlignment(name, np.array(steps), (ALL, *names), cosine, norm, exact_norm, len(batch.mask))


def _rule(plan: Plan, name: str | None) -> LearningRule:
    rule = plan.build_rule() if name is None else _named(name)
    if not rule.iterative:
        raise InvalidInput("rule", registry.name_of(type(rule)), "a rule that finds gradients, such as eprop")
    return rule


def _named(name: str) -> LearningRule:
    rule = registry.load("learning_rules", name)
    found: LearningRule = rule(None if rule.Config is None else configs.from_dict(rule.Config, {}, "rule"))
    return found


def _gradients(
    rule: LearningRule, model: Model, objective: Objective, batch: Batch, step: int, names: list[str], seed: int
) -> list[np.ndarray]:
    """The gradient of each parameter, flat and in float64."""
    parameters = dict(model.named_parameters())
    model.zero_grad(set_to_none=True)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        rule.gradients(model, objective, (batch,), Step(0, step))
    found = [parameters[name].grad for name in names]
    return [
        np.zeros(parameters[name].numel()) if each is None else each.double().flatten().numpy()
        for name, each in zip(names, found)
    ]


def _compared(learned: list[np.ndarray], exact: list[np.ndarray]) -> np.ndarray:
    """Cosine and the two norms of all together and of each parameter, `(3, block)`."""
    products = np.array([[a @ b, a @ a, b @ b] for a, b in zip(learned, exact)])
    products = np.concatenate([products.sum(0, keepdims=True), products])
    norms = np.sqrt(products[:, 1:])
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = products[:, 0] / norms.prod(1)
    return np.stack([np.where(np.isfinite(cosine), cosine, np.nan), norms[:, 0], norms[:, 1]])
