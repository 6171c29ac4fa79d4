"""What a network says of a task beside what it should say, and the simplest answers to the task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Evaluation, Split
from neurodyn.regression.ridge import fit_cross_validated
from neurodyn.shapes import Array, Float

Kind = Literal["series", "classes"]
PENALTIES = 10.0 ** np.arange(-4, 5)
RECENT_BINS = 10
"""Stimulus bins that the linear baseline sees: the current one and those just before it."""
_MOST_TRIALS = 300
"""Training trials that the linear baseline is fitted to."""
_TRIALS_AT_A_TIME = 100


@dataclass(frozen=True, eq=False)
class Compared:
    """One target of some trials, each `(trial, time, output)` in float64."""

    said: np.ndarray
    """Outputs, or probabilities of classes; 0 where nothing counts."""
    target: np.ndarray
    """0 where nothing counts."""
    weight: np.ndarray
    """1 where the entry counts, else 0."""


def targets_of(trials: Trials, kind: Kind) -> list[str]:
    """Names of the targets of a kind."""
    return [name for name, signal in trials.of_role("target").items() if signal.kind == kind]


def answered(evaluation: Evaluation, kind: Kind) -> bool:
    """Whether the test trials have targets of a kind and the model says something of each."""
    names = targets_of(evaluation.trials["test"], kind)
    return bool(names) and all(_predicted(name) in evaluation.inferred["test"].extra for name in names)


def compared(evaluation: Evaluation, kind: Kind, split: Split = "test") -> list[Compared]:
    """What is said of every target of a kind, beside it.

    Raises:
        InvalidInput: another shape than the target's, or values that are not finite where they count.
    """
    trials, said = evaluation.trials[split], evaluation.inferred[split].extra
    return [_beside(trials, name, said[_predicted(name)]) for name in targets_of(trials, kind)]


def weight_of(trials: Trials, name: str) -> np.ndarray:
    """1 where an entry of a target counts, else 0, `(trial, time, output)`."""
    signal = trials.signals[name]
    counted = (
        trials.mask
        if signal.mask is None
        else trials.mask.reshape(*trials.mask.shape, *[1] * (signal.mask.ndim - 2)) & signal.mask
    )
    counted = counted if counted.ndim == 3 else counted[..., None]
    return np.broadcast_to(counted, signal.values.shape).astype(np.float64)


def context_of(evaluation: Evaluation) -> Mapping[str, Any]:
    """What every score of a task says besides: that it is not of held-out data, where the test trials are those of training."""
    if not evaluation.trials["test"].provenance.get("repeated_trials"):
        return {}
    return {"held_out": False, "trials": "the conditions of the task, the same in training and test: not held-out data"}


def with_targets(evaluation: Evaluation) -> Evaluation | None:
    """The evaluation of a network that says exactly what it should; None where there is no target."""
    trials = evaluation.trials["test"]
    said = {_predicted(name): np.asarray(signal.values) for name, signal in trials.of_role("target").items()}
    return _saying(evaluation.trials, said) if said else None


def task_baselines(trials: Mapping[Split, Trials]) -> dict[str, Evaluation]:
    """Answers to the test trials that need no recurrence, fitted to training trials; none where there is no target.

    `constant_output`: of numbers the mean of each output, of classes how often each is right, over all that counts. `linear`: a ridge regression from the current
    stimulus bin and the nine before it, its penalty (1e-4 … 1e4) by 5-fold cross-validation over whole trials, fitted to the first 300; of classes with its outputs made
    probabilities: none below a least one, which is chosen on the training trials, and a sum of 1.
    """
    names = [*targets_of(trials["train"], "series"), *targets_of(trials["train"], "classes")]
    if not names:
        return {}
    found = {"constant_output": _saying(trials, {_predicted(n): _constant(trials, n) for n in names})}
    if _stimuli(trials["train"]):
        found["linear"] = _saying(trials, {_predicted(n): _linear(trials, n) for n in names})
    return found


def log_probability(said: np.ndarray) -> np.ndarray:
    """Natural logarithm of probabilities, those of 0 taken as the least that single precision holds."""
    return np.asarray(np.log(np.maximum(said, np.finfo(np.float32).tiny)))


def _predicted(name: str) -> str:
    """How an inference calls what a model says of a target."""
    return f"predicted_{name}"


def _saying(trials: Mapping[Split, Trials], said: Mapping[str, np.ndarray]) -> Evaluation:
    return Evaluation(trials, {"test": Inference(trials["test"].bin_s, extra=said)})


def _beside(trials: Trials, name: str, said: np.ndarray) -> Compared:
    target = np.asarray(trials.signals[name].values)
    if said.shape != target.shape:
        raise InvalidInput(_predicted(name), f"shape {said.shape}", f"{target.shape}, as the target")
    weight = weight_of(trials, name)
    inside = weight > 0
    values = np.where(inside, said, 0).astype(np.float64)
    if not np.isfinite(values.sum()):
        trial, time, output = (int(i) for i in np.argwhere(~np.isfinite(values))[0])
        got = f"{values[trial, time, output]} at trial {trial}, bin {time}, output {output}"
        raise InvalidInput(_predicted(name), got, "finite values")
    return Compared(values, np.where(inside, target, 0).astype(np.float64), weight)


def _constant(trials: Mapping[Split, Trials], name: str) -> np.ndarray:
    weight, target = weight_of(trials["train"], name), np.asarray(trials["train"].signals[name].values)
    mean = (weight * target).sum((0, 1)) / np.maximum(weight.sum((0, 1)), 1)
    return np.broadcast_to(mean, trials["test"].signals[name].values.shape)


def _linear(trials: Mapping[Split, Trials], name: str) -> np.ndarray:
    train = trials["train"].select(slice(_MOST_TRIALS))
    weight = weight_of(train, name).reshape(len(train) * train.bins, -1) > 0
    target = np.asarray(train.signals[name].values, np.float64).reshape(weight.shape)
    rows, group = _recent(train).reshape(len(weight), -1), np.repeat(np.arange(len(train)), train.bins)
    fitted, said = np.zeros(target.shape), np.zeros(trials["test"].signals[name].values.shape)
    patterns, pattern_of = np.unique(weight, axis=1, return_inverse=True)
    for place, keep in enumerate(patterns.T):
        outputs = np.flatnonzero(pattern_of.ravel() == place)
        if not keep.any():
            continue
        decoder = fit_cross_validated(rows, target[:, outputs], group, PENALTIES, keep=None if keep.all() else keep)
        fitted[:, outputs] = decoder(rows)
        for start in range(0, len(said), _TRIALS_AT_A_TIME):
            some = slice(start, start + _TRIALS_AT_A_TIME)
            said[some, :, outputs] = decoder(_recent(trials["test"].select(some)))
    if trials["train"].signals[name].kind == "series":
        return said
    floors = np.array([1e-4, 1e-3, 1e-2, 0.05, 0.1])
    lost = [-(weight * target * log_probability(_as_probabilities(fitted, floor))).sum() for floor in floors]
    return _as_probabilities(said, float(floors[int(np.argmin(lost))]))


def _as_probabilities(values: np.ndarray, least: float) -> np.ndarray:
    bounded = np.clip(values, least, 1)
    return np.asarray(bounded / bounded.sum(-1, keepdims=True))


def _stimuli(trials: Trials) -> list[np.ndarray]:
    """Stimulus series on the trials' clock."""
    signals = [*trials.of_role("stimulus").values(), *trials.of_role("input").values()]
    return [np.asarray(s.values) for s in signals if s.kind in ("series", "classes") and s.bins == trials.bins]


def _recent(trials: Trials) -> Float[Array, "trial time feature"]:
    """The current and the recent stimulus bins side by side, 0 before a trial."""
    stimulus = np.concatenate(_stimuli(trials), 2).astype(np.float32)
    stimulus = np.where(trials.mask[..., None], stimulus, 0)
    bins, channels = stimulus.shape[1:]
    found = np.zeros((len(stimulus), bins, RECENT_BINS * channels), np.float32)
    for lag in range(min(RECENT_BINS, bins)):
        found[:, lag:, lag * channels : (lag + 1) * channels] = stimulus[:, : bins - lag]
    return found
