"""The constant inputs under which a fitted model's fixed points are looked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from neurodyn.analysis.visited import Visited
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.regression.ridge import fit_validated
from neurodyn.shapes import Array, Float
from neurodyn.tasks.base import consecutive_periods

Choice = Literal["zero", "mean", "period", "condition"]
CHOICES: tuple[str, ...] = get_args(Choice)
MOST_CONDITIONS = 16
_PERIODS = ("fixation", "stimulus", "delay", "decision")
_PENALTY = np.array([1e-10])


@dataclass(frozen=True, eq=False)
class ConstantInput:
    """One constant input u*."""

    label: str
    value: Float[Array, " input"]
    """What the model's `step` gets."""
    true: Float[Array, " input"] | None
    """The true input it stands for, where the truth is known."""


def constant_inputs(
    visited: Visited, trials: Trials, choices: Sequence[str]
) -> tuple[list[ConstantInput], dict[str, str]]:
    """The constant inputs that were asked for, and why each of the others is not there.

    `zero`: known inputs are 0 in their own units. Where inputs are inferred, whose offset is arbitrary, it is the inferred input that stands for a true input of 0, by an affine
    map from true to inferred inputs; without truth it has no meaning and is left out. `mean`: the mean drive over all bins. `period`: its
    mean in each of the task's periods. `condition`: its mean over the trials of each condition. The true input of a mean is the mean over the same bins.

    Raises:
        UnknownName: another choice.
        InvalidInput: none of them can be had; a model without inputs, for other choices than `zero`.
    """
    for choice in choices:
        if choice not in CHOICES:
            raise UnknownName("input", choice, CHOICES)
    found: list[ConstantInput] = []
    missing: dict[str, str] = {}
    truth = trials.truth.get("inputs")
    if not visited.drives.shape[2]:  # an autonomous model: there is one input, none
        return [ConstantInput("no input", np.zeros(0), None if truth is None else np.zeros(truth.shape[2]))], missing
    for choice in choices:
        if choice == "zero":
            zero = _zero(visited, truth)
            if zero is None:
                missing[choice] = "zero has no meaning for inferred inputs, whose offset is arbitrary"
            else:
                found.append(zero)
            continue
        means = dict(_bins(choice, trials))
        if not means:
            missing[choice] = f"the trials have no {choice}s"
        for label, bins in means.items():
            true = None if truth is None else truth[bins].mean(0).astype(float)
            found.append(ConstantInput(label, visited.drives[bins].mean(0), true))
    if not found:
        reasons = "; ".join(f"{choice}: {why}" for choice, why in missing.items())
        raise InvalidInput("inputs", reasons, "a constant input that can be had", "Ask for mean (--inputs mean).")
    return found, missing


def _zero(visited: Visited, truth: Array | None) -> ConstantInput | None:
    value = np.zeros(visited.drives.shape[2])
    if visited.inferred:
        if truth is None:
            return None
        rows = truth[visited.mask].astype(float), visited.drives[visited.mask][:, : visited.inferred]
        value[: visited.inferred] = fit_validated(rows, rows, _PENALTY).intercept
    return ConstantInput("zero input", value, None if truth is None else np.zeros(truth.shape[2]))


def _bins(choice: str, trials: Trials) -> Iterator[tuple[str, Array]]:
    """Label and bool `(trial, time)` of every set of bins to average over."""
    if choice == "mean":
        yield "mean input", trials.mask
    elif choice == "period":
        for name, bins in _periods(trials).items():
            during = np.zeros_like(trials.mask)
            during[:, bins] = trials.mask[:, bins]
            if during.any():
                yield f"mean of {name}", during
    elif trials.conditions is not None:
        labels = np.array([str(c) for c in trials.conditions])
        for name in sorted(set(labels), key=lambda c: (len(c), c))[:MOST_CONDITIONS]:
            yield f"mean of condition {name}", trials.mask & (labels == name)[:, None]


def _periods(trials: Trials) -> dict[str, slice]:
    """Bins of the periods of the simulated task, where there was one."""
    task: Any = trials.provenance.get("task", {})
    durations = {name: task[f"{name}_s"] for name in _PERIODS if task.get(f"{name}_s")}
    return consecutive_periods(durations, trials.bin_s) if durations else {}
