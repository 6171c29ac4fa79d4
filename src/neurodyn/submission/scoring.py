"""The benchmark's scores of predicted rates: its own result layout, and full scores with intervals and baselines beside."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn import registry
from neurodyn.data.nlb.psth import condition_labels
from neurodyn.errors import InvalidInput
from neurodyn.metrics._bits_per_spike import bits_per_spike
from neurodyn.metrics.base import Measurement, Score, other_trials, scored
from neurodyn.metrics.psth_r2 import psth_r2
from neurodyn.metrics.speed_interval_correlation import speed_interval_correlation
from neurodyn.metrics.velocity_r2 import velocity_r2
from neurodyn.submission.check import check_shapes
from neurodyn.submission.expected import Expected
from neurodyn.submission.layout import BIN_MS, EVAL, FORWARD, GROUPS, SCALING, TRAIN

Groups = Mapping[str, Mapping[str, Any]]
"""Arrays by group and name: plain dictionaries, or an open HDF5 file."""
Means = tuple[np.ndarray, np.ndarray]
"""Mean count per bin of the held-in `(heldin,)` and held-out `(heldout,)` neurons."""
Measured = dict[str, dict[str, Measurement]]
"""Measurements by group, then by the metric's registered name."""
OFFICIAL = {
    "co_bps": "co-bps",
    "velocity_r2": "vel R2",
    "speed_interval_correlation": "tp corr",
    "psth_r2": "psth R2",
    "fp_bps": "fp-bps",
}
"""What the benchmark calls each metric, in the order it reports them."""
_CHECK = "`neurodyn submit --check FILE` says what is wrong with each array."


@dataclass(frozen=True, eq=False)
class Scored:
    """A submission's scores."""

    measured: Measured
    scores: list[Score]
    """One a group and metric; `context` holds `group`, and `official`, the benchmark's name of the metric."""

    @property
    def results(self) -> list[dict[str, dict[str, float]]]:
        """As `evaluate` returns them."""
        return _official(self.measured)


def evaluate(targets: Groups, submission: Groups) -> list[dict[str, dict[str, float]]]:
    """The benchmark's result: a list of one-entry dictionaries, `[{"mc_maze_split": {"co-bps": ..., "vel R2": ..., "psth R2": ..., "fp-bps": ...}}]`.

    A group is evaluated where the submission has its `eval_rates_heldout` and the targets its `eval_spikes_heldout`. The scaling sets are one entry,
    `mc_maze_scaling_split`, their keys prefixed `[500] `, `[250] ` and `[100] `. Nothing given is changed.

    Args:
        targets: `eval_spikes_heldout`, `train_behavior`, `eval_behavior` and what else the benchmark's target file holds, by group.
        submission: predicted rates in expected counts per bin, by group (`neurodyn.submission.layout.ARRAYS`).

    Raises:
        InvalidInput: a missing array, another shape, rates below 0 or not finite where the targets are known.
    """
    return _official({group: _measured(group, known, rates) for group, known, rates in _pairs(targets, submission)})


def score(
    targets: Groups,
    submission: Groups,
    means: Mapping[str, Means] | None = None,
    *,
    context: Mapping[str, Any] | None = None,
) -> Scored:
    """The benchmark's result, and a `Score` with its 95 % bootstrap interval for each number in it.

    Args:
        targets, submission: as for `evaluate`.
        means: by group, each neuron's mean training count per bin; by default from the targets, where they hold `train_spikes_heldin` and
            `train_spikes_heldout`. The same scores for these constant rates stand beside (`mean_rate`), and those of the submitted rates
            given to other evaluated trials (`shuffled`).
        context: what else to say beside every score.

    Raises:
        InvalidInput: as `evaluate`.
    """
    measured: Measured = {}
    beside: dict[str, Measured] = {}
    for group, known, rates in _pairs(targets, submission):
        measured[group] = _measured(group, known, rates)
        given = (means or {}).get(group) or (mean_counts(known) if "train_spikes_heldin" in known else None)
        simpler = {} if given is None else {"mean_rate": _constant(known, rates, given)}
        if len(rates[EVAL[1]]) > 1:
            simpler["shuffled"] = _shuffled(rates)
        beside[group] = {name: measure(known, arrays) for name, arrays in simpler.items()}
    scores = []
    for group, metrics in measured.items():
        for name, measurement in metrics.items():
            others = {baseline: found[name] for baseline, found in beside[group].items() if name in found}
            told = {baseline: other for baseline, other in others.items() if math.isfinite(other.value)}
            about = {"group": group, "official": OFFICIAL[name], "bin_s": GROUPS[group][1] / 1000, **(context or {})}
            scores.append(scored(registry.load("metrics", name), measurement, told, context=about))
    return Scored(measured, scores)


def together(parts: Sequence[Scored]) -> Scored:
    """The scores of a submission whose groups were scored one by one, in their order."""
    measured = {group: metrics for part in parts for group, metrics in part.measured.items()}
    return Scored(measured, [each for part in parts for each in part.scores])


def mean_counts(arrays: Mapping[str, Any]) -> Means:
    """Mean training count per bin of every held-in and held-out neuron, from `train_spikes_heldin` and `train_spikes_heldout`."""
    keys = ("train_spikes_heldin", "train_spikes_heldout")
    heldin, heldout = (np.asarray(np.nanmean(arrays[key], (0, 1), np.float64)) for key in keys)
    return heldin, heldout


def measure(targets: Mapping[str, Any], rates: Mapping[str, Any]) -> dict[str, Measurement]:
    """Every metric of the benchmark that one group's targets allow, by its registered name.

    Raises:
        InvalidInput: rates below 0 or not finite where the targets are known.
    """
    found: dict[str, Measurement] = {}
    counts = _float(targets["eval_spikes_heldout"])
    known = ~np.isnan(counts)
    found["co_bps"] = bits_per_spike(_float(rates[EVAL[1]]), counts, known)
    evaluated = np.concatenate([_float(rates[key]) for key in EVAL], axis=2)
    behaviour = _float(targets["eval_behavior"])
    if behaviour.ndim == 2:  # one row a trial: the columns of its condition first, the produced interval last
        found["speed_interval_correlation"] = speed_interval_correlation(
            evaluated, known[:, :, 0], behaviour[:, -1], condition_labels(behaviour[:, :3])
        )
    else:
        found["velocity_r2"] = _velocity(targets, rates, evaluated, behaviour)
    if "psth" in targets:
        jitter = np.asarray(targets["eval_jitter"]) if "eval_jitter" in targets else None
        rows = [np.asarray(row, int) for row in targets["eval_cond_idx"]]
        found["psth_r2"] = psth_r2(_float(targets["psth"]), evaluated, rows, jitter)
    if all(key in rates for key in FORWARD) and "eval_spikes_heldin_forward" in targets:
        ahead = ("eval_spikes_heldin_forward", "eval_spikes_heldout_forward")
        counts = np.concatenate([_float(targets[key]) for key in ahead], axis=2)
        predicted = np.concatenate([_float(rates[key]) for key in FORWARD], axis=2)
        found["fp_bps"] = bits_per_spike(predicted, counts, ~np.isnan(counts))
    return found


def _measured(group: str, targets: Mapping[str, Any], rates: Mapping[str, Any]) -> dict[str, Measurement]:
    """As `measure`; an error names the group."""
    try:
        return measure(targets, rates)
    except InvalidInput as error:
        raise InvalidInput(f"{group}: {error.field}", error.got, error.expected, error.fix or _CHECK) from error


def _pairs(targets: Groups, submission: Groups) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Name, targets and rates of every group that both have, once their shapes agree."""
    found = [group for group in GROUPS if group in submission and EVAL[1] in submission[group] and group in targets]
    found = [group for group in found if "eval_spikes_heldout" in targets[group]]
    if not found:
        without = [name for name in submission if name in targets and EVAL[1] not in submission[name]]
        if without:
            raise InvalidInput(f"{without[0]}/{EVAL[1]}", "nothing", "an array (trial, time, unit)", _CHECK)
        got = f"groups {', '.join(submission) or 'none'} for targets of {', '.join(targets) or 'none'}"
        raise InvalidInput("submission", got, "at least one group in both", _CHECK)
    for group in found:
        check_shapes(group, submission[group], Expected.of_targets(targets[group]))
        yield group, targets[group], submission[group]


def _official(measured: Measured) -> list[dict[str, dict[str, float]]]:
    results: list[dict[str, dict[str, float]]] = []
    scaling: dict[int, dict[str, float]] = {bin_ms: {} for bin_ms in BIN_MS}
    for group, metrics in measured.items():
        dataset, bin_ms = GROUPS[group]
        values = {official: metrics[name].value for name, official in OFFICIAL.items() if name in metrics}
        if dataset in SCALING:
            scaling[bin_ms] |= {SCALING[dataset] + official: value for official, value in values.items()}
        else:
            results.append({f"{group}_split": values})
    for bin_ms, merged in scaling.items():
        if merged:
            results.append({f"mc_maze_scaling{BIN_MS[bin_ms]}_split": merged})
    return results


def _velocity(
    targets: Mapping[str, Any], rates: Mapping[str, Any], evaluated: np.ndarray, behaviour: np.ndarray
) -> Measurement:
    """One decoder for all trials, or one for each column of the decode masks on its trials."""
    train = np.concatenate([_float(rates[key]) for key in TRAIN], axis=2)
    velocity = _float(targets["train_behavior"])
    if "train_decode_mask" not in targets:
        return velocity_r2(train, velocity, evaluated, behaviour)
    mine, theirs = (np.asarray(targets[f"{part}_decode_mask"], bool) for part in ("train", "eval"))
    if (mine.sum(1) > 1).any() or (theirs.sum(1) > 1).any():
        raise InvalidInput("decode masks", "a trial of two decoders", "masks that share no trial")
    groups = (np.where(mask.any(1), mask.argmax(1), -1) for mask in (mine, theirs))  # a negative one: no decoder
    return velocity_r2(train, velocity, evaluated, behaviour, *groups)


def _constant(targets: Mapping[str, Any], rates: Mapping[str, Any], means: Means) -> dict[str, np.ndarray]:
    """Each neuron at its mean training count in every bin, for the arrays that were submitted and are scored."""
    keys = (*EVAL, *FORWARD, *(TRAIN if targets["train_behavior"].ndim == 3 else ()))
    return {key: np.broadcast_to(means[0 if "heldin" in key else 1], rates[key].shape) for key in keys if key in rates}


def _shuffled(rates: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The rates with those of every evaluated trial given to another; training trials keep theirs."""
    partner = other_trials(len(rates[EVAL[1]]))
    given = {key: np.asarray(values) for key, values in rates.items()}
    return {key: values[partner] if key in (*EVAL, *FORWARD) else values for key, values in given.items()}


def _float(values: Any) -> np.ndarray:
    return np.asarray(values, np.float64)
