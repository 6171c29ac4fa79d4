"""What enters a recorded area: the messages and private inputs that a model infers, and what the circuit truly sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from neurodyn.data.trials import Trials
from neurodyn.metrics._mapped_r2 import fitted_map
from neurodyn.metrics._r2 import r2
from neurodyn.metrics._stand_ins import stand_ins
from neurodyn.metrics.base import Evaluation, Measurement, Split

Values = Mapping[Split, np.ndarray]
"""One quantity `(trial, time, channel)` of the trials of every split."""


def areas_of(trials: Trials) -> list[str]:
    """Areas of the units, in recorded order; none where the unit table does not say."""
    if trials.neural_name is None or "area" not in trials.unit_table:
        return []
    return list(dict.fromkeys(str(area) for area in trials.unit_table["area"].dropna()))


def true_inputs(trials: Trials) -> dict[str, str]:
    """By area the name of the truth that holds what it receives from the other areas: `inputs_to_<area>`, or `inputs` for the one area without."""
    own = {area: f"inputs_to_{area.lower()}" for area in areas_of(trials)}
    found = {area: name for area, name in own.items() if name in trials.truth}
    left = [area for area in own if area not in found]
    if found and len(left) == 1 and "inputs" in trials.truth:
        found[left[0]] = "inputs"
    return found


def complete(evaluation: Evaluation) -> bool:
    """Whether there are train and test trials."""
    return {"train", "test"} <= set(evaluation.inferred)


def messages_into(evaluation: Evaluation, area: str) -> Values | None:
    """All messages into an area side by side; None where the model infers none."""
    found: dict[Split, np.ndarray] = {}
    for split, inferred in evaluation.inferred.items():
        parts = [v for n, v in inferred.extra.items() if n.startswith("message_") and n.endswith(f"_to_{area}")]
        if not parts:
            return None
        found[split] = np.concatenate(parts, 2)
    return found


def named(evaluation: Evaluation, name: str) -> Values | None:
    """Something else that a model reports, by its name; None where it does not."""
    if any(name not in inferred.extra for inferred in evaluation.inferred.values()):
        return None
    return {split: inferred.extra[name] for split, inferred in evaluation.inferred.items()}


def truth(evaluation: Evaluation, name: str) -> Values:
    """A true quantity by its name."""
    return {split: trials.truth[name] for split, trials in evaluation.trials.items()}


def sender_state(evaluation: Evaluation, area: str) -> Values | None:
    """Factors of all areas but one in the bin before, side by side: what messages are made of; None where the model does not report them."""
    found: dict[Split, np.ndarray] = {}
    for split, inferred in evaluation.inferred.items():
        parts = [v for n, v in inferred.extra.items() if n.startswith("factors_") and n != f"factors_{area}"]
        if not parts:
            return None
        found[split] = np.concatenate(parts, 2)
    return a_bin_earlier(found)


def a_bin_earlier(values: Values) -> Values:
    """What was there in the bin before; in the first bin what is there then."""
    return {split: np.concatenate([each[:, :1], each[:, :-1]], 1) for split, each in values.items()}


def mean_course(evaluation: Evaluation, target: Values) -> Values:
    """The mean of a quantity over training trials, bin by bin, as what is known of every trial."""
    known = evaluation.trials["train"].mask[..., None]
    sums = np.where(known, target["train"], 0).sum(0)
    course = sums / np.maximum(known.sum(0), 1)
    return {split: np.broadcast_to(course, each.shape) for split, each in target.items()}


def private_inputs(evaluation: Evaluation, area: str) -> Values | None:
    """The private inputs of an area; None where the model infers none."""
    return named(evaluation, f"private_inputs_{area}")


def smoothed_spikes(evaluation: Evaluation, belongs: Callable[[str], bool]) -> Values:
    """Smoothed activity of the held-in units of some areas, as `_stand_ins` smooths it."""
    every = stand_ins(evaluation, "latents")["smoothed_spikes"]
    found: dict[Split, np.ndarray] = {}
    for split, trials in evaluation.trials.items():
        values = every.inferred[split].latents
        area = trials.unit_table["area"].astype(str).to_numpy()[trials.heldin]
        assert values is not None
        found[split] = values[..., [belongs(name) for name in area]]
    return found


def read_off(evaluation: Evaluation, source: Values, target: Values, what: str) -> Measurement:
    """Pooled (variance-weighted) R² on test of a linear map from a source to a target, fitted on train, its tiny ridge chosen on valid."""
    inside = {split: trials.mask[..., None] for split, trials in evaluation.trials.items()}
    pairs: dict[Split, tuple[np.ndarray, np.ndarray]] = {
        split: (_within(source[split], inside[split]), _within(target[split], inside[split]))
        for split in evaluation.inferred
    }
    found, _ = fitted_map(evaluation, pairs)
    return r2(pairs["test"][1], found, evaluation.trials["test"].mask, "pooled", what)


def _within(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    return np.where(inside, values, 0).astype(np.float64)
