"""How a run's error on held-out trials of its task fell, at every step whose weights it kept."""

from __future__ import annotations

import numpy as np
import torch

from neurodyn import registry
from neurodyn.analysis.kept_weights import kept_weights
from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Evaluation, Metric
from neurodyn.models.base import Model
from neurodyn.training.batches import Rows
from neurodyn.training.kept import ErrorsOverTraining
from neurodyn.training.run import Run

MEASURES = ("normalised_error", "task_cross_entropy", "task_accuracy")
"""Measured where they apply; the first that does is the error that runs are compared by."""
_TRIALS_AT_A_TIME = 250


@torch.no_grad()
def errors_over_training(run: Run, test: Trials, *, progress: bool = True) -> ErrorsOverTraining:
    """A learning curve over updates that no training trial enters.

    Args:
        run: with weights kept along the way (`train.checkpoint_steps`), of a model that says something of a task's targets.
        test: test trials of its task, the same for every step.
        progress: draw a progress bar on stderr.

    Raises:
        InvalidInput: no weights were kept, or none of `MEASURES` applies.
    """
    model = run.model()
    rows = Rows(test, model.session_of(test), torch.device("cpu"))
    metrics: dict[str, Metric] = {name: registry.load("metrics", name)() for name in MEASURES}
    steps: list[int] = []
    values: dict[str, list[float]] = {}
    for step, weights, _ in kept_weights(run, "Test errors", progress):
        model.load_state_dict(weights)
        evaluation = Evaluation({"test": test}, {"test": _said(model, rows)})
        metrics = {name: metric for name, metric in metrics.items() if metric.applies(evaluation)}
        if not metrics:
            got = f"a {registry.name_of(type(model))} on {test.name}"
            raise InvalidInput("run", got, f"a run whose test trials can be measured by {', '.join(MEASURES)}")
        steps.append(step)
        for name, metric in metrics.items():
            values.setdefault(name, []).append(metric.measure(evaluation).value)
    return ErrorsOverTraining(
        np.array(steps),
        {name: np.array(each) for name, each in values.items()},
        {name: metric.direction for name, metric in metrics.items()},
        len(test),
        not test.provenance.get("repeated_trials"),
    )


def _said(model: Model, rows: Rows) -> Inference:
    """What a model says of targets, without its latents: they would fill the memory."""
    parts = []
    for batch in rows.in_order(_TRIALS_AT_A_TIME):
        found = model.reported(model(batch.observed), batch.observed)
        parts.append({name: values.numpy() for name, values in found.items() if name.startswith("predicted_")})
    said = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Inference(rows.trials.bin_s, extra=said)
