"""One member's training for one generation, as a worker is handed it."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurodyn.data import store
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.training.fit import fit
from neurodyn.training.partition import Parts
from neurodyn.training.run import Run

SMOOTHING = 0.7
"""Weight of the newest validation score in the smoothed one."""


@dataclass(frozen=True)
class Leg:
    """What a worker does: train the run in `folder` until an epoch."""

    folder: Path
    """Of a run whose `config.yaml` says what to train."""
    data: Path
    """Folder that `keep` wrote the trials to."""
    until: int | None
    """Epochs after which to pause; None trains to the end."""


@dataclass(frozen=True)
class Arrived:
    """How far a leg got."""

    epoch: int
    score: float
    """Smoothed validation score."""
    best_score: float
    """Validation score of the weights kept."""
    stopped: str
    """`paused`, or why training ended."""
    cpu_s: float
    """CPU seconds of the run, those of the weights it took over included."""


def train(leg: Leg) -> Arrived:
    """Trains a member from where it stands. Done once, it does nothing more.

    Raises:
        InvalidInput: the loss or the validation score is not finite.
    """
    parts = trials_of(leg.data)
    run = Run.open(leg.folder)
    plan = run.plan
    model = plan.build_model(run.spec)
    fitted = fit(
        model,
        parts.train,
        parts.valid,
        plan.build_objective(model),
        plan.build_rule(),
        plan.train,
        run=run,
        seed=plan.seed,
        resume=True,
        until=leg.until,
    )
    score = smoothed(fitted.history)
    if not math.isfinite(score):
        raise InvalidInput("validation score", score, "a finite score", "Lower train.learning_rate.")
    return Arrived(fitted.epochs, score, fitted.best_score, fitted.stopped, fitted.cpu_s)


def smoothed(history: Sequence[Mapping[str, Any]]) -> float:
    """s_e = 0.3 s_{e−1} + 0.7 r_e over the validation scores r, from s_0 = r_0.

    >>> round(smoothed([{"valid/score": 1.0}, {"valid/score": 2.0}]), 6)
    1.7
    """
    found = math.nan
    for place, row in enumerate(history):
        score = math.nan if row["valid/score"] is None else float(row["valid/score"])
        found = score if place == 0 else (1 - SMOOTHING) * found + SMOOTHING * score
    return found


def keep(parts: Parts, folder: Path) -> None:
    """Writes the trials to train and to validate on, for `trials_of` in any process."""
    for name, sessions in (("train", parts.train), ("valid", parts.valid)):
        for place, trials in enumerate(sessions):
            store.save(dataclasses.replace(trials, truth={}), folder / f"{name}_{place:03d}.h5")


@functools.lru_cache(maxsize=1)
def trials_of(folder: Path) -> Parts:
    """What `keep` wrote; read once a process."""

    def sessions(name: str) -> list[Trials]:
        return [store.load(path) for path in sorted(folder.glob(f"{name}_*.h5"))]

    return Parts(sessions("train"), sessions("valid"), None)
