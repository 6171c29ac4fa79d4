"""Small trials of tasks, and small networks trained on them, that need no recording."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import neurodyn
from neurodyn.data.trials import Trials
from neurodyn.estimator import Estimator
from neurodyn.training.run import Run

SHORT = {"kinematics": "minimum_jerk", "bins": 120, "before_cue_bins": (0, 9), "delay_bins": (5, 14)}
STEPS = (0, 1, 3, 6)


def reaches(trials: int = 24, valid: int = 8, test: int = 16, **options: Any) -> Trials:
    """Reaches by formula, 120 bins each."""
    found = neurodyn.load("reach", trials=trials, valid=valid, test=test, task=SHORT, **options)
    assert isinstance(found, Trials)
    return found


def matches(trials: int = 24, valid: int = 8, test: int = 16) -> Trials:
    """A task whose targets are classes."""
    found = neurodyn.load("delayed_match", trials=trials, valid=valid, test=test)
    assert isinstance(found, Trials)
    return found


def trained(
    trials: Trials, out: Path | None = None, *, rule: Any = "eprop", epochs: int = 2, **given: Any
) -> Estimator:
    """A network of 12 units; 24 training trials and 3 updates an epoch, the weights of some kept, an annealed penalty."""
    train = {"epochs": epochs, "batch_size": 8, "checkpoint_steps": STEPS, **given.pop("train", {})}
    objective = {"name": "task", "activity_penalty": 10.0, "schedule": "annealed"}
    options = {"units": 12, "seed": 1, "objective": objective, **given}
    return neurodyn.fit("task_rnn", trials, rule=rule, out=out, train=train, progress=False, **options)


def reach_run(folder: Path, **given: Any) -> Run:
    """The run's folder of a network trained on reaches."""
    trained(reaches(), folder, **given)
    return Run.open(folder)
