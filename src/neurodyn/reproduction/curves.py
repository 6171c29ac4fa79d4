"""Learning curves of the runs of networks that are trained on a task, read from their folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from neurodyn.reporting.study.base import LearningCurve
from neurodyn.reproduction.job import Job
from neurodyn.reproduction.task import Ran
from neurodyn.training.run import Run

MEASURES = ("normalised_error", "main")
"""Terms of the objective, the first that a run has: outputs that are classes have no normalised error."""
OBJECTIVE = "task"


def curves_of(job: Job, ran: Mapping[tuple[str, int], Ran]) -> dict[int, LearningCurve]:
    """The curves of an arm's runs that did not fail, by seed; none where nothing is trained on a task."""
    found = {seed: curve_of(job.run(seed)) for seed in job.ran(ran)}
    return {seed: curve for seed, curve in found.items() if curve is not None}


def curve_of(run: Path) -> LearningCurve | None:
    """The curve of a run; None for one that is not trained on a task, or that was not iterated."""
    found = Run.open(run)
    rows = found.history()
    if found.plan.objective != OBJECTIVE or not rows:
        return None
    measure = next((name for name in MEASURES if f"valid/{name}" in rows[0]), None)
    if measure is None:
        return None

    def column(name: str) -> np.ndarray:
        return np.array([np.nan if row[name] is None else row[name] for row in rows], float)

    return LearningCurve(measure, column("step"), column("cpu_s"), column(f"valid/{measure}"))
