"""What a task-trained network does in each condition of its task: what is compared with recordings of animals that do the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from neurodyn import config as configs
from neurodyn import registry
from neurodyn.analysis.kept_weights import kept_weights
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model
from neurodyn.similarity.activity import Activity
from neurodyn.simulate.task_data import task_trials
from neurodyn.tasks.base import Task
from neurodyn.training.batches import Rows
from neurodyn.training.run import Run


def condition_activity(run: Run | str | Path, *, name: str | None = None) -> Activity:
    """The units' activity on one trial of each condition, without noise and with fixed timing, at the run's best weights.

    Time zero is the event that recordings are aligned to: movement onset for reaches, the stimulus' onset for decisions.

    Args:
        run: of a model whose latents are a network's activity, trained on a task.
        name: of the activity; by default the folder's.

    Raises:
        InvalidInput: a run that was not trained on a task, a task without conditions of fixed timing, or a model without latents.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    task, trials = _conditions(run)
    return _activity(run.model(), task, trials, run.path.name if name is None else name)


def untrained_activity(run: Run | str | Path, *, name: str | None = None) -> Activity:
    """The same of the network as it was before its first update.

    Raises:
        InvalidInput: as `condition_activity`.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    task, trials = _conditions(run)
    if 0 in run.kept_steps():
        model = run.model()
        model.load_state_dict(run.kept(0)[0])
    else:
        model = run.plan.build_model(run.spec).eval()
    return _activity(model, task, trials, f"{run.path.name if name is None else name}, untrained")


def kept_activities(run: Run, progress: bool = True) -> Iterator[tuple[int, Activity]]:
    """The same at every kept step.

    Raises:
        InvalidInput: as `condition_activity`, or no weights were kept.
    """
    task, trials = _conditions(run)
    model = run.model()
    for step, weights, _ in kept_weights(run, "Activity", progress):
        model.load_state_dict(weights)
        yield step, _activity(model, task, trials, f"step {step}")


def _conditions(run: Run) -> tuple[Task, Trials]:
    """The task that a run was trained on, and its conditions."""
    data: Mapping[str, object] = run.config["data"]
    source = str(data.get("source"))
    if source not in registry.names("tasks"):
        got = f"{run.path}, trained on {source}"
        raise InvalidInput(
            "run", got, "a run that was trained on a task", "Write its activity into an .npz and compare that."
        )
    cls = registry.load("tasks", source)
    options = dict(data.get("options") or {}).get("task") or {}  # type: ignore[call-overload]
    task: Task = cls(configs.from_dict(cls.Config, options, "task"))
    return task, task_trials(task, task.conditions(), source)


@torch.no_grad()
def _activity(model: Model, task: Task, trials: Trials, name: str) -> Activity:
    rows = Rows(trials, model.session_of(trials), torch.device("cpu"))
    found: list[Tensor] = []
    for batch in rows.in_order(len(trials)):
        latents = model(batch.observed).latents
        if latents is None:
            raise InvalidInput("run", f"a {registry.name_of(type(model))}, which has no latents", "a model that has")
        found.append(latents)
    event = task.event_bin(trials.table)
    return Activity(
        torch.cat(found).numpy().astype(np.float64),
        None if trials.mask.all() else trials.mask,
        name,
        task.bin_s,
        -event * task.bin_s,
        tuple(map(str, trials.table["condition"])),
    )
