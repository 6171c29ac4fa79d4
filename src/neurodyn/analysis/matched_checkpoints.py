"""Where several runs stand when they do their task equally well: what learning rules are compared at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurodyn.analysis.errors_over_training import MEASURES, errors_over_training
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.training.kept import ErrorsOverTraining
from neurodyn.training.run import Run

LEVELS = 8
"""Error levels, where none are given."""


@dataclass(frozen=True)
class Reached:
    """The first place in a run's training at which its test error is no higher than a level."""

    step: float
    """Optimiser steps, interpolated between kept ones."""
    error: float
    """The test error there: the level, or what the run began with where that was lower already."""
    before: int
    """The kept step before that place."""
    after: int
    """The kept step at it or after it."""

    @property
    def weight(self) -> float:
        """Share of `after` in whatever is interpolated between the two, 0..1."""
        return 1.0 if self.after == self.before else (self.step - self.before) / (self.after - self.before)


def matched_checkpoints(
    runs: Mapping[str, Run | str | Path],
    test: Trials,
    levels: Sequence[float] | None = None,
    *,
    measure: str | None = None,
    progress: bool = True,
) -> dict[float, dict[str, Reached | None]]:
    """For each error level, where each run first reaches it on the same test trials.

    Args:
        runs: by name, each with weights kept along the way.
        test: test trials of their task.
        levels, measure: as for `reached`.
        progress: draw a progress bar on stderr for each run.

    Raises:
        InvalidInput: as for `errors_over_training` and `reached`.
    """
    opened = {name: run if isinstance(run, Run) else Run.open(run) for name, run in runs.items()}
    errors = {name: errors_over_training(run, test, progress=progress) for name, run in opened.items()}
    return reached(errors, levels, measure=measure)


def reached(
    errors: Mapping[str, ErrorsOverTraining], levels: Sequence[float] | None = None, *, measure: str | None = None
) -> dict[float, dict[str, Reached | None]]:
    """The same of test errors that are known: `{level: {run: where, or None where it never gets there}}`, the highest level first.

    The error is taken to change linearly in the step between kept ones.

    Args:
        errors: of every run, by its name.
        levels: errors; by default eight on a logarithmic scale, from the lowest error that a run begins with to the highest that a run ends its fall at, so that all
            runs reach all of them.
        measure: name of the measure; by default the first of `MEASURES` that all runs have.

    Raises:
        InvalidInput: no run; no measure of errors that all have; no level that all reach, where none are given.
    """
    curves = _curves(errors, measure)
    if levels is None:
        high = min(float(curve[0]) for _, curve in curves.values())
        low = max(float(np.nanmin(curve)) for _, curve in curves.values())
        if not 0 < low < high:
            got = f"errors that begin at {high:.4g} at the lowest and fall to {low:.4g} at the highest"
            raise InvalidInput("levels", got, "runs with an error that all of them reach", "Give levels.")
        levels = np.geomspace(high, low, LEVELS).tolist()
    ordered = sorted((float(level) for level in levels), reverse=True)
    return {level: {name: _first(*curve, level) for name, curve in curves.items()} for level in ordered}


def _curves(errors: Mapping[str, ErrorsOverTraining], measure: str | None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Steps and errors of every run."""
    if not errors:
        raise InvalidInput("runs", "none", "at least one")
    usable = [n for n in MEASURES if all(e.direction.get(n) == "lower" for e in errors.values())]
    if not usable or (measure is not None and measure not in usable):
        expected = f"one of {', '.join(usable)}" if usable else "an error that all runs were measured by"
        raise InvalidInput("measure", measure or "none", expected)
    name = measure or usable[0]
    return {run: (each.steps, each.values[name]) for run, each in errors.items()}


def _first(steps: np.ndarray, curve: np.ndarray, level: float) -> Reached | None:
    below = np.flatnonzero(curve <= level)
    if not len(below):
        return None
    place = int(below[0])
    after, error = int(steps[place]), float(curve[place])
    if place == 0 or not np.isfinite(curve[place - 1]):
        return Reached(float(after), error, after, after)
    before, start = int(steps[place - 1]), float(curve[place - 1])
    return Reached(before + (start - level) / (start - error) * (after - before), level, before, after)
